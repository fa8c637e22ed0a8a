"""The lines on the energy of an inference: how it was measured, and why it is unknown."""

from collections import defaultdict
from collections.abc import Iterable

from edge_runtime.report.columns import UNKNOWN, mj_per_inference, significant
from edge_runtime.results.rows import Results, Row

SOURCE = "energy_source"
"""The reading of a run's state that names the source, or says why there is none."""


def is_asked(results: Results) -> bool:
    """Say whether the energy of some row was to be measured."""
    return any(row.energy for row in results.rows)


def notes(results: Results) -> Iterable[str]:
    """Yield them; where nothing was asked for, that it can be, if a source can be read."""
    if not is_asked(results):
        source = results.state.before.get(SOURCE)
        if source and source.value is not None:
            yield f"energy: not measured. {source.value} can be read here: --energy measures it."
        return
    measured: dict[tuple[str, str], list[Row]] = defaultdict(list)
    unknown: dict[str, list[str]] = defaultdict(list)
    for row in results.rows:
        if row.energy and row.energy.windows:
            measured[row.energy.source, row.energy.covers].append(row)
        if row.energy and mj_per_inference(row) is None:
            unknown[row.energy.reason or "not recorded"].append(results.label(row))
    for (name, covers), rows in measured.items():
        yield (
            f"energy: mJ/inf is what an inference takes beyond idle, {_windows(rows)}, idle power "
            "measured before and after each and subtracted; brackets hold its 95 % interval over "
            f"the windows. Source: {name}, {_sampling(rows)}. It measures {covers}."
        )
    for reason, labels in unknown.items():
        yield f"energy: {UNKNOWN} of {', '.join(labels)}: {reason}."
    same = [
        f"{results.label(row)} {significant(taken)} mJ"
        for row in results.rows
        if (taken := mj_per_inference(row)) is not None and taken.low <= 0
    ]
    if same:
        listed = ", ".join(same)
        yield f"no difference shown: {listed}: the interval contains 0, so it may all be idle."


def _windows(rows: list[Row]) -> str:
    windows = [window for row in rows if row.energy for window in row.energy.windows]
    count = max(len(row.energy.windows) for row in rows if row.energy)
    shortest = min(window.duration_ns for window in windows) / 1e9
    return f"in {count} windows of {shortest:.1f} s or more under load"


def _sampling(rows: list[Row]) -> str:
    energies = [row.energy for row in rows if row.energy]
    rate = min(energy.hz for energy in energies)
    covered = min(window.coverage for energy in energies for window in energy.windows)
    return f"read {rate:.1f} times a second, coverage {100 * covered:.1f} %"
