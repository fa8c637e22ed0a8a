"""The report of ``peers.py``, drawn from its record alone."""

from collections.abc import Iterator
from typing import Any

from edge_runtime.report.grid import Grid
from edge_runtime.results.statistics import Estimate, percentile

_MB = 2**20
_HEADINGS = (
    "format and precision",
    "engine",
    "top-1 %",
    "KB",
    "p50 µs",
    "middle half of the turns",
    "fastest is ... times as fast",
    "GMAC/s",
    "of the ceiling",
    "model MB",
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
        ran = [r for r in record["rows"] if r["network"] == name and r["turn_median_ns"]]
        best: dict[str, dict[str, Any]] = {}
        for row in sorted(ran, key=_median_ns):
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
            f"{host['cpu']} ({host['target']}), batch 1, one thread, all rows of a network "
            "interleaved; brackets hold 95 % intervals, paired by round. The last four networks "
            "have random weights. [All rows, with accuracy, size and memory]"
            "(benchmarks/results/peers.md).",
            "<!-- peers:end -->",
        ]
    )


def _tiny(found: dict[str, Any] | None) -> Iterator[str]:
    if found and not found["lost_time"]:
        yield (
            f"`tiny`'s fastest row ({found['precision']} on {found['engine']}) is "
            f"{Estimate(**found['speed']).as_ratio()} times as fast as static INT8 of ResNet-8 on "
            "LiteRT."
        )
        yield ""


def _ratio(row: dict[str, Any]) -> str:
    ratio = Estimate(**row["speed_of_fastest"])
    if ratio.low == ratio.high:  # with itself
        return "1"
    return "–" if row["lost_time"] else ratio.as_ratio()


def _cells(row: dict[str, Any], facts: dict[str, Any], record: dict[str, Any]) -> list[str]:
    name = f"{row['format']} {row['precision']}"
    if not row["turn_median_ns"]:
        return [name, row["engine"], row["status"], *["–"] * 7]
    rate = facts["macs"] / _median_ns(row) * 1e9
    ceiling = record["ceilings_macs_per_s"]
    most = ceiling["int8" if row["precision"].startswith("int8") else "fp32"]
    low, high = (percentile(row["turn_median_ns"], q) / 1e3 for q in (25, 75))
    return [
        name,
        row["engine"],
        f"{100 * row['right'] / row['images']:.1f}" if row["images"] else "–",
        f"{row['bytes'] / 1024:,.1f}",
        _microseconds(row),
        f"{low:,.0f} to {high:,.0f}",
        _ratio(row),
        f"{rate / 1e9:,.1f}",
        f"{100 * rate / most:.0f} %",
        "–" if row["model_bytes"] is None else f"{row['model_bytes'] / _MB:,.1f}",
    ]


def _median_ns(row: dict[str, Any]) -> float:
    return percentile(row["turn_median_ns"], 50)


def _microseconds(row: dict[str, Any]) -> str:
    return f"{_median_ns(row) / 1e3:,.0f}"


def _messages(rows: list[dict[str, Any]], missing: list[dict[str, Any]]) -> Iterator[str]:
    said = [f"- {one['format']} is not written: {one['message']}" for one in missing]
    for row in rows:
        if message := row["message"] or row["lost_time"]:
            name = f"{row['format']} {row['precision']} on {row['engine']}"
            said.append(f"- {name}: {message}")
    if said:
        yield from (*said, "")


def _setting(record: dict[str, Any]) -> str:
    host, how = record["host"], record["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    fp32, int8 = (record["ceilings_macs_per_s"][name] / 1e9 for name in ("fp32", "int8"))
    return (
        f"{host['cpu']} ({host['target']}), {versions}; batch 1, one thread; all rows "
        f"of a network in turns of {how['turn_s']:g} s in random order, {how['rounds']} rounds in "
        f"each of {how['restarts']} fresh starts of every process; p50 is the median of the turns' "
        "medians. Networks whose top-1 is that of chance have random weights. Brackets hold 95 % "
        "intervals, paired by round. The ceiling is the fastest product of "
        f"matrices of 1,024 x 1,024 in ONNX Runtime here: {fp32:,.0f} GMAC/s in FP32, "
        f"{int8:,.0f} in INT8."
    )
