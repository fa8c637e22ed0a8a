"""What a sustained load came to: sentences, and a small table of its bins, for each row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_runtime.command.quantities import time_text
from edge_runtime.report.columns import UNKNOWN
from edge_runtime.report.grid import Grid
from edge_runtime.results import sustained
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.slowdown import Slowdown
from edge_runtime.results.statistics import samples_needed
from edge_runtime.results.sustained import Course, Hold, Stretch, Sustained

MOST_LINES = 12

_PROBED = {
    "frequency_hz": "clock",
    "temperature_celsius": "temperature",
    "watts": "power",
    "throttled": "throttling",
}
"""What a bin may not know, and what it is called."""


@dataclass(frozen=True)
class Section:
    """What is shown of a row.

    Attributes:
        text: sentences.
        grid: the bins, in lines of several; None where there are none.
    """

    text: str
    grid: Grid | None


def of(results: Results) -> tuple[Section, ...]:
    """Return a section for each row that was under load."""
    return tuple(
        Section(f"sustained, {results.label(row)}: {_text(row, row.sustained)}", _grid(row))
        for row in results.rows
        if row.sustained
    )


def _text(row: Row, load: Sustained) -> str:
    if not load.bins:
        return f"{UNKNOWN}, {load.reason or 'not recorded'}."
    held = sustained.hold(load)
    parts = _paced(row, load, held) if held else _unpaced(row, load)
    return " ".join([*parts, *_energy(row, load), *_unknown(load)])


def _unpaced(row: Row, load: Sustained) -> Iterator[str]:
    """Say burst and plateau, and when and why the throughput fell."""
    whole = Stretch(load.bins)
    went = sustained.course(load.bins)
    if went is None:
        yield (
            f"{_rate(whole, row)} images/s over {time_text(whole.duration_s)}; "
            f"{len(load.bins)} bins, of {sustained.LEAST_BINS} that a burst and a plateau need: "
            "measure longer."
        )
        return
    burst, end = went.burst, went.end
    if went.steady:
        where = f"plateau {_rate(end, row)} from {_moment(end.start_s)} on"
    else:
        where = f"{_rate(end, row)} in its last {time_text(end.duration_s)}, no plateau"
    yield f"burst {_rate(burst, row)} images/s ({time_text(burst.duration_s)}), {where}."
    if went.fell_s is None:
        yield f"It did not fall below the burst in {time_text(whole.duration_s)}."
    else:
        still = "" if went.steady else ", and was still falling at the end"
        yield (
            f"It fell by {100 * went.lost_share:.0f} % from {_moment(went.fell_s)} on{still}: "
            f"{_why(_slowdown(load, went, went.fell_s))}."
        )


def _slowdown(load: Sustained, went: Course, fell_s: float) -> Slowdown:
    # The burst stands for what was before: in between, it may have been half way.
    after = tuple(b for b in load.bins if b.start_s >= fell_s)
    return Slowdown(went.burst, Stretch(after), went.lost_share)


def _paced(row: Row, load: Sustained, held: Hold) -> Iterator[str]:
    """Say whether the rate was held, and the latency under it."""
    whole, rate = Stretch(load.bins), f"{load.fps:g} fps"
    late = f"{held.late * row.batch_size:,} of {held.due * row.batch_size:,} frames"
    if held.failing is None:
        yield (
            f"holds {rate} for {time_text(whole.duration_s)}: {late} were late (up to "
            f"{100 * sustained.LATE_SHARE:.0f} % may be)."
        )
    else:
        since = f"from {_moment(held.failing.start_s)} on" if held.before else "from the start"
        asked = (load.fps or 0) / row.batch_size
        lost = max(0.0, 1 - held.failing.calls_per_s / asked) if asked else 0.0
        yield f"does not hold {rate}: {since} {late} were late."
        if lost > sustained.TOLERANCE:
            yield f"It came to {_rate(held.failing, row)} images/s there."
        yield f"Why: {_why(Slowdown(held.before, held.failing, lost))}."
    p50 = _ms(whole.middle("p50_ns"))
    yield f"Latency from the moment a frame was due: p50 {p50} ms, {_tail(whole)}."


def _tail(whole: Stretch) -> str:
    p95 = whole.highest("p95_ns")
    if p95 is None:
        return f"no p95 (a bin needs {samples_needed(95)} calls for it: measure longer)"
    return f"p95 up to {_ms(p95)} ms in a bin"


def _why(slowdown: Slowdown) -> str:
    if causes := slowdown.causes():
        *most, last = causes
        return f"{', '.join(most)} and {last}" if most else last
    warmer = slowdown.temperatures()
    return f"unknown, no probe tells{f'; {warmer}' if warmer else ''}"


def _energy(row: Row, load: Sustained) -> Iterator[str]:
    whole = Stretch(load.bins)
    watts = whole.mean("watts")
    if watts is not None and whole.calls:
        joules = watts * whole.duration_s / (whole.calls * row.batch_size)
        yield f"{1000 * joules:.3g} mJ a frame at {watts:.3g} W, idle power included."


def _unknown(load: Sustained) -> Iterator[str]:
    whole = Stretch(load.bins)
    if names := [said for name, said in _PROBED.items() if not whole.known(name)]:
        yield f"Unknown here: {', '.join(names)}."


def _grid(row: Row) -> Grid | None:
    load = row.sustained
    if load is None or not load.bins:
        return None
    lines = sustained.condense(load.bins, MOST_LINES)
    minutes = Stretch(load.bins).duration_s >= 120
    columns: list[tuple[str, Callable[[Stretch], str]]] = [
        ("minute", lambda s: f"{s.start_s / 60:.1f}")
        if minutes
        else ("second", lambda s: f"{s.start_s:.0f}"),
        ("images/s", lambda s: _rate(s, row)),
        ("p50 ms", lambda s: _ms(s.middle("p50_ns"))),
        ("highest p95 ms", lambda s: _ms(s.highest("p95_ns"))),
    ]
    if load.fps is not None:
        columns.append(("late frames", lambda s: f"{s.missed * row.batch_size:,}"))
    known = Stretch(load.bins).known
    columns += [column for name, column in _MACHINE.items() if known(name)]
    headings = [heading for heading, _ in columns]
    return Grid(headings, [[cell(s) for _, cell in columns] for s in lines], 0)


def _shown(value: float | None, digits: int, scale: float = 1) -> str:
    return UNKNOWN if value is None else f"{value * scale:,.{digits}f}"


_MACHINE: dict[str, tuple[str, Callable[[Stretch], str]]] = {
    "frequency_hz": ("GHz", lambda s: _shown(s.middle("frequency_hz"), 2, 1e-9)),
    "temperature_celsius": ("°C", lambda s: _shown(s.highest("temperature_celsius"), 0)),
    "watts": ("W", lambda s: _shown(s.mean("watts"), 2)),
    "throttled": ("throttled", lambda s: _throttled(s)),
}
"""Columns that stand there where a bin knows anything of them."""


def _throttled(stretch: Stretch) -> str:
    known = stretch.known("throttled")
    if any(known):
        return "yes"
    return "no" if len(known) == len(stretch.bins) else UNKNOWN


def _rate(stretch: Stretch, row: Row) -> str:
    return f"{stretch.calls_per_s * row.batch_size:,.1f}"


def _ms(ns: float | None) -> str:
    return _shown(ns, 3, 1e-6)


def _moment(seconds: float) -> str:
    return f"second {seconds:.0f}" if seconds < 120 else f"minute {seconds / 60:.1f}"
