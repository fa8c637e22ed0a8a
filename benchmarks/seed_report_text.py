"""The seed report's words: a Markdown text drawn from ``seed_report.json`` alone."""

from typing import Any

from edge_runtime.results.statistics import Estimate, paired_difference, paired_ratio, proportion

FP32, INT8 = "eager fp32", "eager int8-dynamic"
# The figures as the report prints them.
REPORTED = {
    FP32: {"top1": 74.8, "size_kb": 9148.3, "seconds": 22.7409},
    INT8: {"top1": 74.7, "size_kb": 2998.2, "seconds": 22.4910},
}
NAMES = {
    FP32: "PyTorch FP32",
    INT8: "PyTorch dynamic INT8",
    "torchscript fp32": "TorchScript FP32",
    "torchscript int8-dynamic": "TorchScript dynamic INT8",
    "onnx fp32": "ONNX Runtime FP32",
    "onnx int8-dynamic": "ONNX Runtime dynamic INT8",
    "onnx int8-static": "ONNX Runtime static INT8",
}
BEGIN, END = "<!-- seed-report:begin -->", "<!-- seed-report:end -->"
ACCEPTED_LOSS = 0.5
"""Points of top-1 whose loss we would call harm. Fixed before anything was measured."""


def markdown(record: dict[str, Any]) -> str:
    """Return the whole report."""
    return "\n".join(
        [
            "# The seed report, measured again",
            "",
            "Written by `python benchmarks/seed_report.py`; do not edit. " + _setting(record),
            "",
            *table(record),
            "",
            "## Which claims hold",
            "",
            *claims(record),
            "",
            "## What the report does not show",
            "",
            *_memory_table(record),
            "",
            *_precision_text(record),
            "",
        ]
    )


def readme_block(record: dict[str, Any]) -> str:
    """Return what README opens with, marks included."""
    lines = [BEGIN, *table(record), "", _setting(record), "", *claims(record), END]
    return "\n".join(lines)


def table(record: dict[str, Any]) -> list[str]:
    """Return the report's table with the rows it lacks."""
    lines = [
        "| | top-1 % | file KB | s for all test images | speed [95 % interval] |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, figures in REPORTED.items():
        ratio = REPORTED[FP32]["seconds"] / figures["seconds"]
        lines.append(
            f"| *{NAMES[name]}, as reported* | *{figures['top1']}* | *{figures['size_kb']:,}* | "
            f"*{figures['seconds']:.2f}* | *{ratio:.2f}, no interval* |"
        )
    for name in record["subjects"]:
        lines.append(
            f"| {NAMES[name]} | {top1(record, name).value:.2f} | {size_kb(record, name):,.1f} | "
            f"{seconds(record, name):.2f} | {_ratio_cell(record, name)} |"
        )
    return lines


def claims(record: dict[str, Any]) -> list[str]:
    """Return each claim of the report with what was measured, and whether it holds."""
    drop, size = drop_points(record), 100 * (1 - size_kb(record, INT8) / size_kb(record, FP32))
    ratio, layers, share = speed(record, INT8), record["layers"], record["linear_share"]
    before, after = peak_mb(record, FP32), peak_mb(record, INT8)
    files = [peak_mb(record, f"torchscript {p}") for p in ("fp32", "int8-dynamic")]
    counts = record["subjects"][INT8]["accuracy"]
    sqnr = ", ".join(f"{layer['layer']} {layer['weight_sqnr_db']:.1f} dB" for layer in layers)
    return [
        f"1. *Accuracy does not suffer.* {_accuracy_verdict(drop)}: top-1 falls by "
        f"{drop.value:.2f} points, 95 % interval [{drop.low:.2f}, {drop.high:.2f}] "
        "(paired, negative is a gain).",
        f"2. *Compression is paid for in precision.* {_precision_verdict(counts)}: the INT8 "
        f"weights keep {sqnr} over their rounding error; logits move by "
        f"{counts['mean_logit_error']:.3f} on average, {counts['largest_difference']:.2f} at most, "
        f"and {counts['images'] - counts['agree']:,} of {counts['images']:,} images change class.",
        f"3. *The file is 67 % smaller, and memory use falls with it.* The file is {size:.1f} % "
        f"smaller. Memory: {_memory_verdict(before, after)} quantizing inside the process, peak "
        f"{_mb(before)} before and {_mb(after)} after; {_memory_verdict(*files)} loading the "
        f"exported TorchScript file, {_mb(files[0])} and {_mb(files[1])} "
        "(above the engine's import-only baseline).",
        f"4. *Inference is faster.* {_speed_verdict(ratio)}: {ratio.value:.3f} times FP32's speed, "
        f"95 % interval [{ratio.low:.3f}, {ratio.high:.3f}]. {_ort_sentence(record)}",
        f"5. *It saves energy.* {_energy_sentence(record)}",
        "6. *An edge device is better off with it.* Not decided by this machine: run `edge-bench` "
        "on the device. What carries over is what was counted: Linear layers hold "
        f"{100 * share['parameters']:.0f} % of this network's parameters and "
        f"{100 * share['macs']:.1f} % of its multiply-accumulates, so quantizing them alone can "
        f"speed the arithmetic up at most {_bound(share['macs']):.2f} times.",
    ]


def _bound(share: float) -> float:
    """Return the largest speed-up from making ``share`` of the work free (Amdahl 1967)."""
    return 1 / (1 - share)


def top1(record: dict[str, Any], name: str) -> Estimate:
    """Return top-1 in percent with its interval."""
    counts = record["subjects"][name]["accuracy"]
    return proportion(counts["right"], counts["images"]).scaled(100)


def size_kb(record: dict[str, Any], name: str) -> float:
    """Return the file's size in KB of 1,024 bytes; for eager PyTorch, of the saved state_dict."""
    return float(record["subjects"][name]["file_bytes"] / 1024)


def seconds(record: dict[str, Any], name: str) -> float:
    """Return the median over passes of the seconds that all images took."""
    blocks, passes = record["subjects"][name]["block_ns"], record["settings"]["passes"]
    each = len(blocks) // passes
    totals = sorted(sum(blocks[i * each : (i + 1) * each]) for i in range(passes))
    return float(totals[len(totals) // 2] / 1e9)


def speed(record: dict[str, Any], name: str) -> Estimate:
    """Return how many times as fast as eager FP32, paired block by block."""
    blocks = {key: record["subjects"][key]["block_ns"] for key in (FP32, name)}
    return paired_ratio(blocks[FP32], blocks[name])


def drop_points(record: dict[str, Any]) -> Estimate:
    """Return by how many points top-1 falls from FP32 to dynamic INT8."""
    counts = record["subjects"][INT8]["accuracy"]
    return paired_difference(counts["lost"], counts["gained"], counts["images"]).scaled(100)


def peak_mb(record: dict[str, Any], name: str) -> float | None:
    """Return peak memory above the import-only baseline in MB of 1,048,576 bytes."""
    return _above_import_mb(record["subjects"][name]["memory"], "peak_bytes")


def _above_import_mb(memory: dict[str, Any], key: str) -> float | None:
    if memory[key] is None or memory["import_only_bytes"] is None:
        return None
    return float((memory[key] - memory["import_only_bytes"]) / 2**20)


def _setting(record: dict[str, Any]) -> str:
    settings, host = record["settings"], record["host"]
    return (
        f"{settings['images']:,} CIFAR-10 test images, batch {settings['batch_size']}, "
        f"{settings['threads']} thread, {host['cpu']}, PyTorch {record['versions']['torch']}, ONNX "
        f"Runtime {record['versions']['onnxruntime']}; {settings['passes']} passes in blocks of "
        f"{settings['block']} images, the {len(record['subjects'])} rows interleaved; speed is "
        "paired block by block with PyTorch FP32, within one process a row. KB are 1,024 bytes; "
        "PyTorch's own rows are the size of the saved state_dict, as in the report."
    )


def _ratio_cell(record: dict[str, Any], name: str) -> str:
    if name == FP32:
        return "1"
    return speed(record, name).as_ratio()


def _accuracy_verdict(drop: Estimate) -> str:
    if drop.high < ACCEPTED_LOSS:
        return "Holds"
    return "Does not hold" if drop.low > ACCEPTED_LOSS else "Not decided"


def _precision_verdict(counts: dict[str, Any]) -> str:
    return "Holds" if counts["agree"] < counts["images"] else "Not seen"


def _memory_verdict(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "cannot be read here when"
    return "it falls when" if after < before else "it does not fall when"


def _mb(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} MB"


def _speed_verdict(ratio: Estimate) -> str:
    if ratio.low > 1:
        return "Holds here"
    return "Does not hold here" if ratio.high < 1 else "No difference shown"


def _ort_sentence(record: dict[str, Any]) -> str:
    """Say what the engine and static INT8 do, where the intervals show that they do more."""
    fp32, int8, static = (
        speed(record, f"onnx {precision}") for precision in ("fp32", "int8-dynamic", "int8-static")
    )
    plain = (
        f"ONNX Runtime runs FP32 at {fp32.value:.2f} times and dynamic INT8 at {int8.value:.2f} "
        "times PyTorch FP32's speed"
    )
    if static.low <= max(fp32.high, int8.high):
        return f"{plain}, static INT8 at {static.value:.2f} times."
    return (
        f"{plain}; static INT8, which quantizes the convolutions too, at {static.value:.2f} times "
        f"[{static.low:.2f}, {static.high:.2f}]: that is what the report hoped for."
    )


def _energy_sentence(record: dict[str, Any]) -> str:
    used = {name: record["subjects"][name]["block_energy_uj"] for name in (FP32, INT8)}
    if any(value is None for values in used.values() for value in values):
        reason = record["subjects"][FP32]["energy_reason"]
        return f"Cannot be measured here: {reason}. No figure is better than a guessed one."
    ratio = paired_ratio(used[FP32], used[INT8])
    verdict = "Holds here" if ratio.low > 1 else "Not shown here"
    return (
        f"{verdict}: FP32 takes {ratio.value:.3f} times the energy of INT8, 95 % interval "
        f"[{ratio.low:.3f}, {ratio.high:.3f}] ({record['subjects'][FP32]['energy_source']})."
    )


def _memory_table(record: dict[str, Any]) -> list[str]:
    lines = [
        "Memory of each process, MB of 1,048,576 bytes: what the engine costs before any model, "
        "and what the model adds to it.",
        "",
        "| | import only | + after loading | + at its peak |",
        "|---|---:|---:|---:|",
    ]
    for name, subject in record["subjects"].items():
        memory = subject["memory"]
        base = memory["import_only_bytes"]
        added = [_above_import_mb(memory, key) for key in ("after_load_bytes", "peak_bytes")]
        cells = [None if base is None else base / 2**20, *added]
        shown = ["unknown" if cell is None else f"{cell:.1f}" for cell in cells]
        lines.append(f"| {NAMES[name]} | {' | '.join(shown)} |")
    return lines


def _precision_text(record: dict[str, Any]) -> list[str]:
    lines = [
        "Answers compared with PyTorch FP32's, over the same images:",
        "",
        "| | top-1 % [95 % interval] | same class % | largest logit difference |",
        "|---|---:|---:|---:|",
    ]
    for name, subject in record["subjects"].items():
        counts, share = subject["accuracy"], top1(record, name)
        lines.append(
            f"| {NAMES[name]} | {share} | "
            f"{100 * counts['agree'] / counts['images']:.2f} | {counts['largest_difference']:.1e} |"
        )
    return lines
