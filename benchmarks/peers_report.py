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
    parts += [*_tiny(record.get("tiny_against_resnet8"))]
    parts += ["## What engines take on the disk", ""]
    sizes = [[name, f"{size / _MB:,.0f}"] for name, size in record["installed_bytes"].items()]
    return "\n".join([*parts, *Grid(("package", "MB"), sizes, 1).markdown(), ""])


def readme_block(record: dict[str, Any]) -> str:
    """Return the table for README.md: each engine's fastest precision, a line a network."""
    lines = []
    for name in record["networks"]:
        ran = [r for r in record["rows"] if r["network"] == name and r["median_ns"]]
        best: dict[str, dict[str, Any]] = {}
        for row in sorted(ran, key=lambda row: row["median_ns"]):
            best.setdefault(row["engine"], row)
        fastest, *others = best.values()
        cells = [f"{r['engine']} {r['precision']} {_ratio(r)}" for r in others]
        first = f"{fastest['engine']} {fastest['precision']}, {_microseconds(fastest)} µs"
        lines.append(f"| {name} | {first} | {'; '.join(cells)} |")
    host = record["host"]
    return "\n".join(
        [
            "<!-- peers:begin -->",
            "| network | fastest, p50 | other engines' fastest: time as a multiple of it |",
            "| --- | --- | --- |",
            *lines,
            "",
            f"{host['cpu']} ({host['target']}), batch 1, one thread, one interleaved run; brackets "
            "hold paired 95 % intervals. [All rows](benchmarks/results/peers.md).",
            "<!-- peers:end -->",
        ]
    )


def _tiny(found: dict[str, Any] | None) -> Iterator[str]:
    if found and found["speed"]:
        yield (
            f"`tiny`'s fastest row ({found['precision']} on {found['engine']}) is "
            f"{Estimate(**found['speed']).as_ratio()} times as fast as static INT8 of ResNet-8 on "
            "LiteRT."
        )
        yield ""


def _ratio(row: dict[str, Any]) -> str:
    ratio = row["speed_of_fastest"]
    return str(Estimate(**ratio)) if ratio else "–"


def _cells(row: dict[str, Any], facts: dict[str, Any], record: dict[str, Any]) -> list[str]:
    name = f"{row['format']} {row['precision']}"
    if not row["median_ns"]:
        return [name, row["engine"], *["–"] * 8, row["status"]]
    rate = facts["macs"] / row["median_ns"] * 1e9
    ceiling = record["ceilings_macs_per_s"]
    most = ceiling["int8" if row["precision"].startswith("int8") else "fp32"]
    spread = [ns / 1e3 for ns in row["round_medians_ns"]]
    return [
        name,
        row["engine"],
        f"{100 * row['right'] / row['images']:.1f}" if row["images"] else "–",
        f"{row['bytes'] / 1024:,.1f}",
        _microseconds(row),
        f"{min(spread):,.0f} to {max(spread):,.0f}",
        _ratio(row),
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
