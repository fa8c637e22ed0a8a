"""The report of ``peers.py``, drawn from its record alone."""

from collections.abc import Iterator
from typing import Any

from edge_runtime.report.grid import Grid
from edge_runtime.results.statistics import Estimate

_MB = 2**20
_HEADINGS = (
    "format and precision",
    "engine",
    "top-1 %",
    "KB",
    "p50 µs",
    "rounds' medians",
    "fastest is ... times as fast",
    "GMAC/s",
    "of the ceiling",
    "model MB",
    "verdict",
)


def markdown(record: dict[str, Any]) -> str:
    """Return the whole report."""
    parts = [
        "# Engines beside each other",
        "",
        "Written by `python benchmarks/peers.py`; do not edit. " + _setting(record),
        "",
    ]
    for name, facts in record["networks"].items():
        rows = [row for row in record["rows"] if row["network"] == name]
        parts += [f"## {name}: {facts['macs'] / 1e6:,.1f} M multiply-accumulates", ""]
        parts += [*Grid(_HEADINGS, [_cells(r, facts, record) for r in rows], 2).markdown(), ""]
        parts += [*_messages(rows, [n for n in record["not_written"] if n["network"] == name])]
    parts += ["## What engines take on the disk", ""]
    sizes = [[name, f"{size / _MB:,.0f}"] for name, size in record["installed_bytes"].items()]
    return "\n".join([*parts, *Grid(("package", "MB"), sizes, 1).markdown(), ""])


def readme_block(record: dict[str, Any]) -> str:
    """Return the table for README.md: the fastest rows of each network, an engine each."""
    lines = []
    for name in record["networks"]:
        ran = [r for r in record["rows"] if r["network"] == name and r["median_ns"]]
        best: dict[str, dict[str, Any]] = {}
        for row in sorted(ran, key=lambda row: row["median_ns"]):
            best.setdefault(row["engine"], row)
        cells = [f"{r['engine']} {r['precision']} {_microseconds(r)}" for r in best.values()]
        lines.append(f"| {name} | {' · '.join(cells)} |")
    host = record["host"]
    return "\n".join(
        [
            "<!-- peers:begin -->",
            "| network | each engine's fastest precision, p50 in µs |",
            "| --- | --- |",
            *lines,
            "",
            f"{host['cpu']} ({host['target']}), batch 1, one thread, one interleaved run.",
            "<!-- peers:end -->",
        ]
    )


def _cells(row: dict[str, Any], facts: dict[str, Any], record: dict[str, Any]) -> list[str]:
    name = f"{row['format']} {row['precision']}"
    if not row["median_ns"]:
        return [name, row["engine"], *["–"] * 8, row["status"]]
    rate = facts["macs"] / row["median_ns"] * 1e9
    ceiling = record["ceilings_macs_per_s"]
    most = ceiling["int8" if row["precision"].startswith("int8") else "fp32"]
    spread = [ns / 1e3 for ns in row["round_medians_ns"]]
    ratio = row["speed_of_fastest"]
    return [
        name,
        row["engine"],
        f"{100 * row['right'] / row['images']:.1f}" if row["images"] else "–",
        f"{row['bytes'] / 1024:,.1f}",
        _microseconds(row),
        f"{min(spread):,.0f} to {max(spread):,.0f}",
        str(Estimate(**ratio)) if ratio else "–",
        f"{rate / 1e9:,.1f}",
        f"{100 * rate / most:.0f} %",
        "–" if row["model_bytes"] is None else f"{row['model_bytes'] / _MB:,.1f}",
        row["verdict"]["status"],
    ]


def _microseconds(row: dict[str, Any]) -> str:
    return f"{row['median_ns'] / 1e3:,.0f}"


def _messages(rows: list[dict[str, Any]], missing: list[dict[str, Any]]) -> Iterator[str]:
    said = [f"- {one['format']} is not written: {one['message']}" for one in missing]
    for row in rows:
        if row["message"]:
            name = f"{row['format']} {row['precision']} on {row['engine']}"
            said.append(f"- {name}: {row['message']}")
    if said:
        yield from (*said, "")


def _setting(record: dict[str, Any]) -> str:
    host, how = record["host"], record["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    fp32, int8 = (record["ceilings_macs_per_s"][name] / 1e9 for name in ("fp32", "int8"))
    return (
        f"{host['cpu']} ({host['target']}), {versions}; batch 1, one thread, {how['rounds']} "
        "interleaved rounds of fresh processes. Networks whose top-1 is that of chance have random "
        "weights. Brackets hold paired 95 % intervals. The ceiling is the fastest product of "
        f"matrices of 1,024 x 1,024 in ONNX Runtime here: {fp32:,.0f} GMAC/s in FP32, "
        f"{int8:,.0f} in INT8."
    )
