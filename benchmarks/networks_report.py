"""The report of ``networks.py``, drawn from its record alone."""

from typing import Any

from networks_zoo import NETWORKS

from edge_runtime.results.statistics import Estimate

MAX_DROP = 0.5
STATIC = "int8-static"
_WHY = "The layers that lose most"
"""How the command names what stands in the way."""


def markdown(record: dict[str, Any]) -> str:
    """Return the whole report."""
    networks = {name: e for name, e in record["exports"].items() if name in NETWORKS}
    files = {name: e for name, e in record["exports"].items() if name not in NETWORKS}
    return "\n".join(
        [
            "# Classifiers that people really have",
            "",
            "Written by `python benchmarks/networks.py`; do not edit. " + _setting(record),
            "",
            f"## {len(networks)} networks",
            "",
            claim(networks),
            "",
            *_table("network", networks),
            "",
            f"## {len(files)} ONNX files that PyTorch did not write",
            "",
            *_table("file", files),
            "",
            "## What the command said",
            "",
            *_sentences(record["exports"]),
            "",
        ]
    )


def claim(networks: dict[str, Any]) -> str:
    """Say how many networks ship a static INT8 that keeps its accuracy, and which are no slower."""
    kept = [export for export in networks.values() if keeps_accuracy(export)]
    timed = [ratio for export in kept if (ratio := speed(export)) is not None]
    rest = [export for export in networks.values() if not keeps_accuracy(export)]
    named = sum(any(_WHY in line for line in export["said"]) for export in rest)
    return (
        f"{len(kept)} of {len(networks)} ship a static INT8 whose top-1 drops by at most "
        f"{MAX_DROP:g} points (the measured value). The speed of {len(timed)} of these could be "
        f"measured; {sum(ratio.high < 1 for ratio in timed)} are shown to be slower than FP32. Of "
        f"the other {len(rest)}, {named} are left out by the command, which names the layers that "
        "lose most."
    )


def keeps_accuracy(export: dict[str, Any]) -> bool:
    """Say whether a static INT8 was shipped that keeps its accuracy."""
    static = export["artifacts"].get(STATIC)
    return static is not None and bool(static["accuracy"]["drop_points"]["value"] <= MAX_DROP)


def speed(export: dict[str, Any]) -> Estimate | None:
    """Return how many times as fast as FP32 static INT8 is; None where that is not shown."""
    found = export["artifacts"][STATIC]["speed"]
    return None if found is None else Estimate(**found)


def _table(kind: str, exports: dict[str, Any]) -> list[str]:
    lines = [
        f"| {kind} | FP32 top-1 % | static INT8 KB (FP32) | INT8 MACs % | drop, points | "
        "same class % | speed | seconds | peak MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    return [*lines, *(_row(name, export) for name, export in exports.items())]


def _row(name: str, export: dict[str, Any]) -> str:
    spent = f"{export['seconds']:.0f} | {export['peak_bytes'] / 2**20:,.0f}"
    artifacts = export["artifacts"]
    if not artifacts:
        return f"| {name} | – | not shipped | – | – | – | – | {spent} |"
    fp32 = artifacts["fp32"]
    top1 = f"{100 * fp32['accuracy']['fp32_top1']:.1f}"
    static = artifacts.get(STATIC)
    if static is None:
        size = f"not shipped ({fp32['size_bytes'] / 1024:,.0f})"
        return f"| {name} | {top1} | {size} | – | – | – | – | {spent} |"
    size = f"{static['size_bytes'] / 1024:,.0f} ({fp32['size_bytes'] / 1024:,.0f})"
    share = f"{100 * static['quantized']['mac_share']:.1f}"
    drop = Estimate(**static["accuracy"]["drop_points"])
    same = f"{100 * static['parity']['top1_agreement']:.1f}"
    ratio = speed(export) or "–"
    return f"| {name} | {top1} | {size} | {share} | {drop} | {same} | {ratio} | {spent} |"


def _sentences(exports: dict[str, Any]) -> list[str]:
    return [
        line
        for name, export in exports.items()
        for line in (f"- **{name}** (exit code {export['exit_code']})", *_said(export))
    ]


def _said(export: dict[str, Any]) -> list[str]:
    no_speed = [f"no speed: {line}" for line in export["no_ratio"]]
    return [f"  - {line}" for line in (*export["said"], *no_speed) if line.strip()]


def _setting(record: dict[str, Any]) -> str:
    host, versions = record["host"], record["versions"]
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{host['cpu']} ({host['target']}), {shown}. Networks are trained for "
        "some hundred steps, to be clearly above chance and no more; "
        f"{record['validation_images']:,} validation images, brackets hold paired 95 % intervals; "
        f"speed against FP32 in ONNX Runtime, {record['rounds']} rounds of fresh processes, batch "
        "1, one thread."
    )
