"""The lines below a table: how it was measured, and what to know before quoting it."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from edge_runtime.probes.target import ANY
from edge_runtime.report import energy
from edge_runtime.report.columns import UNKNOWN
from edge_runtime.report.references import References
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.statistics import (
    Estimate,
    outliers,
    percentile,
    proportion,
    samples_needed,
)

SLOW_FIRST = 2.0
"""A first call that takes so many times the median is pointed out: it is what a user waits for."""


def of(results: Results, references: References) -> tuple[str, ...]:
    """Return the notes for a result document, a sentence or two each."""
    ran = [row for row in results.rows if row.ran]
    if not ran:
        return ()
    parts = (
        _latency(ran, results),
        _percentiles(ran, results),
        _speed(ran, results, references),
        _outliers(ran, results),
        _first(ran, results),
        _accuracy(ran, results),
        _elsewhere(ran, results),
        _memory(ran),
        energy.notes(results),
        _operators(ran),
        _details(ran, results),
        _machine(results),
        _target(results),
        _gates(results),
    )
    return tuple(note for part in parts for note in part)


def _latency(ran: list[Row], results: Results) -> Iterable[str]:
    calls = _range([row.sample_count for row in ran])
    rounds = _range([len(row.turns) for row in ran])
    overhead = percentile([turn.overhead_ns for row in ran for turn in row.turns], 50)
    pinned = ", ".join(map(str, results.settings.cpus))
    yield (
        f"latency: {calls} samples per row in {rounds} rounds, a new process each, rows in random "
        f"order; no sample is dropped. Measured overhead: {overhead:,.0f} ns per sample."
        + (f" Pinned to CPU {pinned}." if pinned else "")
    )
    looped = [row for row in ran if not row.single_calls]
    for row in looped:
        most = max(turn.calls_per_sample for turn in row.turns)
        yield (
            f"{results.label(row)}: a sample is a loop of up to {most:,} calls, as one call is "
            "too short to be timed alone; there are no percentiles of single calls."
        )


def _percentiles(ran: list[Row], results: Results) -> Iterable[str]:
    for percent in (90, 99):
        needed = samples_needed(percent)
        going = [row for row in ran if row.single_calls and row.status.goes_on]
        short = [row for row in going if row.sample_count < needed]
        if short:
            fewest = min(short, key=lambda row: row.sample_count)
            enough = results.settings.min_runs >= needed
            yield (
                f"{UNKNOWN}: p{percent} needs {needed} samples (99 % confidence), "
                f"{needed - fewest.sample_count} more of {results.label(fewest)}: "
                + ("measure longer (--max-time)." if enough else f"--min-runs {needed}.")
            )


def _speed(ran: list[Row], results: Results, references: References) -> Iterable[str]:
    shown = {results.label(row): s for row in ran if (s := references.speed(row)) is not None}
    if shown:
        yield "speed: ratio of medians, paired by round; brackets hold its 95 % interval."
    if same := [f"{label} {speed}" for label, speed in shown.items() if speed.holds_1]:
        yield f"no difference shown: {', '.join(same)}: the interval contains 1."
    if len(ran) > 1:
        for line in references.judged.no_ratio:
            yield f"{UNKNOWN}: speed is not shown: {line}."


def _outliers(ran: list[Row], results: Results) -> Iterable[str]:
    # Within a round: what differs from round to round is in the interval of the ratio.
    counts = {
        results.label(row): sum(len(outliers(turn.samples_ns)) for turn in row.turns) for row in ran
    }
    if named := [f"{label} {count:,}" for label, count in counts.items() if count]:
        yield (
            f"outliers, kept: {', '.join(named)} (beyond ten standard deviations by the modified "
            "z-score)."
        )


def _first(ran: list[Row], results: Results) -> Iterable[str]:
    slow = []
    for row in ran:
        first = row.middle(lambda turn: turn.first_ns / turn.median_ns)
        if first is not None and first >= SLOW_FIRST:
            slow.append(f"{results.label(row)} {first:.1f} times")
    if slow:
        yield f"slow first call: {', '.join(slow)} the median: warm up before serving."


def _accuracy(ran: list[Row], results: Results) -> Iterable[str]:
    known = [row.accuracy for row in ran if row.accuracy]
    if not known:
        return
    shown = [accuracy.counts for accuracy in known]
    widest = max(_width(proportion(counts.right, counts.images)) for counts in shown)
    what = results.settings.accuracy_data or "golden test images"
    yield (
        f"top-1: on {_range([counts.images for counts in shown])} images ({what}), before the "
        f"timing; 95 % interval up to ±{50 * widest:.1f} points. "
        f"{_range([a.agree for a in known])} of {_range([a.images for a in known])} golden images "
        "are put in FP32's class."
    )


def _elsewhere(ran: list[Row], results: Results) -> Iterable[str]:
    """Say which INT8 artifacts answer otherwise than was recorded at export."""
    for row in ran:
        if row.accuracy is None:
            continue
        if difference := row.accuracy.difference_from_export():
            yield (
                f"{results.label(row)}: {difference}. They depend on the CPU: trust the top-1 "
                "measured here."
            )
        elif row.accuracy.exported is None and row.batch_size > 1 and _depends_on_batch(row):
            yield (
                f"{results.label(row)}: not compared with its answers recorded at export, "
                "which are of single images: dynamic INT8 depends on the batch."
            )


def _memory(ran: list[Row]) -> Iterable[str]:
    whole: dict[str, float] = {}
    for row in ran:
        size = row.middle(lambda turn: turn.memory.whole_bytes)
        if size is not None:
            whole[row.engine] = max(size, whole.get(row.engine, 0))
    if any(row.middle(lambda turn: turn.memory.model_bytes) is not None for row in ran):
        sizes = ", ".join(f"{name} {size / 2**20:.0f} MB" for name, size in sorted(whole.items()))
        yield (
            "memory: model MB is the peak while loading and running less what was in use before, "
            "engine MB what importing the engine added; MB = 1,048,576 bytes."
            + (f" Whole process (PSS), maximum: {sizes}." if sizes else "")
        )
    reasons = {
        turn.memory.reason or "not recorded"
        for row in ran
        for turn in row.turns
        if turn.memory.model_bytes is None
    }
    for reason in sorted(reasons):
        yield f"memory: {UNKNOWN}, {reason}."


def _operators(ran: list[Row]) -> Iterable[str]:
    if any(row.profile and row.profile.operators for row in ran):
        yield (
            "operators: by each engine's profiler, in another process than those that were timed; "
            "times are means over the middle half of its calls. ceiling %: of a large matrix "
            "product with as many threads, measured there too."
        )


def _details(ran: list[Row], results: Results) -> Iterable[str]:
    """Say how an engine ran its rows, where it tells."""
    told: dict[str, list[str]] = defaultdict(list)
    for row in ran:
        if row.knobs:
            chosen = ", ".join(f"{name} {value}" for name, value in sorted(row.knobs.items()))
            yield f"{results.label(row)}: {chosen}."
        if row.details:
            text = ", ".join(f"{name} {value}" for name, value in row.details.items())
            told[f"{row.engine} {row.engine_version}: {text}"].append(results.label(row))
    for text, labels in told.items():
        yield f"{text} ({', '.join(labels)})."


_SHOWN: dict[str, Callable[[Any], str]] = {
    "temperature_celsius": lambda value: f"{value:.0f} °C",
    "frequency_hz": lambda value: f"{value / 1e6:,.0f} MHz",
    "load_1min": lambda value: f"load {value:.2f}",
    "governor": lambda value: f"governor {value}",
    "power_source": lambda value: f"power from {value}",
    "virtualisation": lambda value: "no virtual machine" if value == "none" else f"{value}",
}


def _machine(results: Results) -> Iterable[str]:
    known, unknown = [], defaultdict(list)
    for name, reading in results.state.before.items():
        if name == energy.SOURCE and energy.is_asked(results):
            continue  # said already
        if reading.value is None:
            unknown[reading.reason or "not recorded"].append(name.rpartition("_")[0] or name)
        elif name in _SHOWN:
            text = _SHOWN[name](reading.value)
            after = results.state.after.get(name)
            later = _SHOWN[name](after.value) if after and after.value is not None else text
            known.append(text if later == text else f"{text} → {later}")
    if known:
        yield f"machine: {', '.join(known)}."
    if unknown:
        reasons = "; ".join(f"{', '.join(names)}: {why}" for why, names in unknown.items())
        yield f"unknown: {reasons}."


def _target(results: Results) -> Iterable[str]:
    """Say which rows were made for another CPU; a document that does not name its own says none."""
    here = results.host.target
    for target in sorted({row.target for row in results.rows} - {ANY, here}):
        if here:
            yield (
                f"target: the rows made for {target} ran on {here}; their speed and answers are "
                f"another CPU's. Export with --target {here}."
            )


def _gates(results: Results) -> Iterable[str]:
    """Say which rows were shipped although the exporter found them wanting."""
    files = {(row.file, row.overridden) for row in results.rows if row.overridden}
    for file, gates in sorted(files):
        failed = " and ".join(gates)
        yield f"{file}: failed the exporter's {failed} gate and was shipped by --force."


def _depends_on_batch(row: Row) -> bool:
    return row.precision.startswith("int8-dynamic")


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _width(estimate: Estimate) -> float:
    return estimate.high - estimate.low
