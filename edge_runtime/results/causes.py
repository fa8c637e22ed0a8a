"""Why a row is as fast as it is, in sentences: what its profile and those of its run show.

A sentence states what was measured in this run. What it advises is something that the tool writes
or measures.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from edge_runtime.operators import kinds
from edge_runtime.results.profile import Operator, Profile, rate
from edge_runtime.results.rows import Results, Row
from edge_runtime.results.verdict import Judgement

SLOWED = 1.1
"""Operators that take so many times the timed median were slowed while they were profiled."""

NOTABLE = 0.1
"""What takes a smaller share of the operators' time is named as no cause."""

OVERHEAD = 0.3
"""A share of a call that is the engine's own, from which the network is called too small."""

FEW = 0.5
"""Depthwise convolutions that reach a smaller part of the other products' rate are named."""

_SHOWN_KINDS = 3


def of(row: Row, results: Results, judged: Judgement) -> tuple[str, ...]:
    """Return sentences on a profiled row; none where its profile is unknown.

    Args:
        row: of ``results``.
        results: the run, in whose rows its FP32 is looked for.
        judged: the verdicts, which say of whose times a ratio may be shown.
    """
    profile = row.profile
    if profile is None or not profile.operators:
        return ()
    fp32 = _fp32_of(row, results)
    parts = (
        _shares(row, profile),
        _rates(profile),
        _overhead(row, profile),
        _against(row, profile, fp32, results, judged),
        _conv_integer(profile, fp32),
        _conversions(profile),
        _left_in_float(row, profile),
        _depthwise(profile),
    )
    return tuple(sentence for part in parts for sentence in part)


def _fp32_of(row: Row, results: Results) -> Row | None:
    """Return the profiled FP32 row of the same model, format, engine and settings."""
    if row.precision == "fp32":
        return None
    names = ("bundle", "model", "format", "engine", "batch_size", "threads", "knobs")
    for other in results.rows:
        same = all(getattr(other, name) == getattr(row, name) for name in names)
        if same and other.precision == "fp32" and other.profile and other.profile.operators:
            return other
    return None


def _shares(row: Row, profile: Profile) -> Iterator[str]:
    """Say which operators take the time."""
    by_kind = _by_kind(profile.operators)
    shown = sorted(by_kind.items(), key=lambda item: -_time(item[1]))[:_SHOWN_KINDS]
    listed = [
        f"{kind} {_percent(_time(group), profile.total_ns)} ({_count(group)})"
        for kind, group in shown
    ]
    timed = row.latency_ns(50)
    whole = f" (timed median: {_ms(timed)} ms)" if timed else ""
    yield (
        f"its {_count(profile.operators)} operators take {_ms(profile.total_ns)} ms{whole}: "
        f"{', '.join(listed)}{', others' if len(by_kind) > len(shown) else ''}."
    )
    if timed and profile.total_ns > SLOWED * timed:
        yield (
            f"profiled, they took {profile.total_ns / timed:.2f} times the timed median, for the "
            "profiler's own work or other programs: trust shares more than times."
        )


def _rates(profile: Profile) -> Iterator[str]:
    """Say what convolutions and matrix products reach of what this CPU does."""
    for in_8_bits, name in ((False, "FP32"), (True, "INT8")):
        group = [one for one in profile.products if one.int8 is in_8_bits and one.macs is not None]
        little = _time(group) < NOTABLE * profile.total_ns
        if little or (reached := rate(group)) is None:
            continue
        ceiling = profile.ceiling(group[0])
        part = f", {_percent(reached, ceiling)} of a large product's here" if ceiling else ""
        yield (
            f"convolutions and matrix products in {name} reach {_giga(reached)} GMAC/s{part}"
            f"{f' ({_giga(ceiling)})' if ceiling else ''}."
        )


def _overhead(row: Row, profile: Profile) -> Iterator[str]:
    """Say where a call is more than its operators, whatever the engine's clock cuts off.

    Or where a call that computes next to nothing takes as long. Both the timed calls and the
    profiled ones have to show it: a machine that was slower while the row was timed shows it in
    these alone. A profiler's own work is in its operators' times, so that those of very small ones
    show nothing.
    """
    timed = row.latency_ns(50)
    if timed is None:
        return
    smallest = profile.smallest_call_ns
    if smallest and smallest >= OVERHEAD * timed:
        why = f"{row.engine} takes {_ms(smallest)} ms to multiply two numbers"
    elif profile.most_ns <= (1 - OVERHEAD) * min(timed, profile.call_ns):
        why = f"its operators take {_ms(profile.most_ns)} ms at most, the rest is the engine's"
    else:
        return
    yield (
        f"too small for its overhead: a call takes {_ms(timed)} ms, and {why}. "
        "A larger batch shares it: measure with --batch-size 8; or export for another engine "
        "(`cifarq-export formats`)."
    )


def _against(
    row: Row, profile: Profile, fp32: Row | None, results: Results, judged: Judgement
) -> Iterator[str]:
    """Say what is faster and slower than in FP32."""
    if fp32 is None or fp32.profile is None:
        return
    speed = judged.speed(row, fp32)
    name = results.label(fp32)
    if speed is None:
        head = f"against {name}, no ratio of speeds is shown"
    elif speed.holds_1:
        head = f"neither faster nor slower than {name}, as far as is shown ({speed})"
    else:
        head = f"{'faster' if speed.low > 1 else 'slower'} than {name}, {speed} times its speed"
    parts = [
        f"{what} take {_ms(_time(own))} ms instead of {_ms(_time(theirs))}"
        for what, own, theirs in (
            ("convolutions and matrix products", profile.products, fp32.profile.products),
            ("conversions", profile.conversions, fp32.profile.conversions),
            ("other operators", profile.others, fp32.profile.others),
        )
        if own or theirs
    ]
    yield f"{head}: {_listed(parts)}."


def _conv_integer(profile: Profile, fp32: Row | None) -> Iterator[str]:
    """Name convolutions of dynamic INT8."""
    group = [one for one in profile.operators if one.kind == "ConvInteger"]
    if not group or _time(group) < NOTABLE * profile.total_ns:
        return
    reached, theirs = rate(group), None
    if fp32 is not None and fp32.profile is not None:
        theirs = rate([one for one in fp32.profile.products if "Conv" in one.kind])
    rates = f", at {_giga(reached)} GMAC/s" if reached else ""
    rates += f" where FP32's Conv reaches {_giga(theirs)}" if reached and theirs else ""
    yield (
        f"ConvInteger, the convolution of dynamic INT8, takes "
        f"{_percent(_time(group), profile.total_ns)} ({_count(group)}){rates}. Export "
        "--precision int8-static, or int8-dynamic, which leaves convolutions in FP32."
    )


def _conversions(profile: Profile) -> Iterator[str]:
    """Name conversions between INT8 and float, and what stays in float between them."""
    group = [
        one
        for one in profile.operators
        if kinds.is_to_int8(one.kind) or kinds.is_to_float(one.kind)
    ]
    if not group or _time(group) < NOTABLE * profile.total_ns:
        return
    between = _by_kind(_between(profile.operators))
    listed = [
        f"{kind} {_percent(_time(ones), profile.total_ns)} ({_count(ones)})"
        for kind, ones in sorted(between.items(), key=lambda item: -_time(item[1]))[:_SHOWN_KINDS]
    ]
    hard = {"HardSwish", "HardSigmoid"} & between.keys()
    swish = hard == {"HardSigmoid"} and "Mul" in between
    name = "HardSwish (as HardSigmoid and Mul)" if swish else _listed(sorted(hard))
    around = f", around what stays in float: {_listed(listed)}" if listed else ""
    remedy = f" Export --precision int8-static: this exporter writes {name} as INT8 operators."
    general = " `cifarq-export explain` says which operators have no INT8 kernel."
    yield (
        f"conversions between INT8 and float take {_percent(_time(group), profile.total_ns)} "
        f"({_count(group)}){around}.{remedy if hard else general}"
    )


def _between(operators: Iterable[Operator]) -> list[Operator]:
    """Return what computes in float between a conversion to it and the next one from it."""
    found, in_float = [], False
    for one in operators:
        if kinds.is_to_float(one.kind) or kinds.is_to_int8(one.kind):
            in_float = kinds.is_to_float(one.kind)
        elif in_float and one.int8 is False and not kinds.is_conversion(one.kind):
            found.append(one)
    return found


def _left_in_float(row: Row, profile: Profile) -> Iterator[str]:
    """Say where an INT8 row computes its products in float."""
    group = [one for one in profile.products if one.int8 is False]
    if not row.precision.startswith("int8") or _time(group) < NOTABLE * profile.total_ns:
        return
    all_counts, counts = _macs(profile.products), _macs(group)
    share = (
        f" and {_percent(counts, all_counts)} of the multiply-accumulates"
        if counts and all_counts
        else ""
    )
    remedy = (
        "--precision int8-static computes convolutions in INT8 too."
        if row.precision.startswith("int8-dynamic")
        else "`cifarq-export explain` says why."
    )
    yield (
        f"not in INT8: {_listed(sorted({one.kind for one in group}))}, "
        f"{_percent(_time(group), profile.total_ns)} of the time{share}. {remedy}"
    )


def _depthwise(profile: Profile) -> Iterator[str]:
    """Name depthwise convolutions that reach little."""
    group = [one for one in profile.operators if kinds.is_depthwise(one.kind)]
    others = [one for one in profile.products if not kinds.is_depthwise(one.kind)]
    reached, theirs = rate(group), rate(others)
    if reached is None or _time(group) < NOTABLE * profile.total_ns:
        return
    ceiling = profile.ceiling(group[0])
    against = theirs if theirs is not None else ceiling
    if against is None or reached > FEW * against:
        return
    counts, all_counts = _macs(group), _macs(profile.products)
    share = f" for {_percent(counts, all_counts)} of its multiply-accumulates" if all_counts else ""
    part = f" ({_percent(reached, ceiling)} of a large product's)" if ceiling else ""
    rest = f", its other products {_giga(theirs)}" if theirs else ""
    yield (
        f"depthwise convolutions take {_percent(_time(group), profile.total_ns)} "
        f"({_count(group)}){share}: they reach {_giga(reached)} GMAC/s{part}{rest}. Measure a "
        "network of ordinary convolutions beside it (`cifarq models`)."
    )


def _by_kind(operators: Iterable[Operator]) -> dict[str, list[Operator]]:
    groups: dict[str, list[Operator]] = defaultdict(list)
    for one in operators:
        groups[one.kind].append(one)
    return groups


def _time(operators: Iterable[Operator]) -> float:
    return sum(one.time_ns for one in operators)


def _macs(operators: Iterable[Operator]) -> int:
    """Return multiply-accumulates; 0 where some are not known."""
    counts = [one.macs for one in operators]
    return 0 if None in counts else sum(count for count in counts if count is not None)


def _count(operators: Iterable[Operator]) -> str:
    return f"{round(sum(one.calls for one in operators)):,}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "– %"


def _ms(time_ns: float) -> str:
    return f"{time_ns / 1e6:,.3f}"


def _giga(macs_per_s: float) -> str:
    return f"{macs_per_s / 1e9:,.1f}"


def _listed(parts: list[str]) -> str:
    *most, last = parts or [""]
    return f"{', '.join(most)} and {last}" if most else last
