"""The timing of ``peers.py``: all rows of a network in short turns, in random order."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import interleaved

from edge_runtime.results.rows import Row
from edge_runtime.results.statistics import Estimate, paired_ratio, percentile

TINY, RESNET8 = "tiny", "resnet8"


@dataclass(frozen=True)
class Timing:
    """What was found of a row.

    Attributes:
        medians_ns: of each turn.
        speed_of_fastest: how many times as fast the network's fastest row is, paired by round.
        lost_time: how much of its time others had, if so much that no ratio may be shown.
    """

    medians_ns: list[float]
    speed_of_fastest: Estimate
    lost_time: str


@dataclass(frozen=True)
class Timings:
    """All rows' timings by ``name_of``, and how many times as fast tiny is as a ResNet-8."""

    rows: dict[str, Timing]
    tiny_against_resnet8: dict[str, Any] | None


def name_of(row: Row) -> str:
    """Return what a row is called here."""
    return f"{row.bundle}/{row.file}/{row.engine}"


def measure(
    rows: Sequence[Row],
    folders: dict[str, Path],
    networks: dict[str, str],
    kept: Path,
    how: dict[str, Any],
) -> Timings:
    """Time what runs, a network after the other, and keep each network's timing in a file.

    Args:
        rows: of edge-bench, batch 1.
        folders: of the bundles, by their names.
        networks: the bundles' networks, likewise.
        kept: the file; what it holds is not measured again with the same settings.
        how: ``restarts``, ``rounds``, ``turn_s``.
    """
    from edge_runtime.files import write_text

    found = json.loads(kept.read_text()) if kept.exists() else {}
    if found.get("how") != how:
        found = {"how": how, "networks": {}}
    ran = [row for row in rows if row.ran]
    for network in dict.fromkeys(networks[row.bundle] for row in ran):
        if network not in found["networks"]:
            ours = [row for row in ran if networks[row.bundle] == network]
            found["networks"][network] = _interleaved(ours, folders, how)
            write_text(kept, json.dumps(found) + "\n")
    if found.get("pair") is None:  # not measured, or without one of both networks
        found["pair"] = _tiny_against_resnet8(ran, found["networks"], folders, networks, how)
        write_text(kept, json.dumps(found) + "\n")
    timed = {
        name: Timing(one["medians_ns"], Estimate(**one["speed_of_fastest"]), one["lost_time"])
        for of_network in found["networks"].values()
        for name, one in of_network.items()
    }
    return Timings(timed, found["pair"])


def _interleaved(
    rows: Sequence[Row], folders: dict[str, Path], how: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return each row's timing, JSON values only."""
    from cifarq_export.check import interleaving
    from edge_runtime.bundle import golden, manifest

    folder = folders[rows[0].bundle]
    content = manifest.read(folder)
    batch = content.preprocessing.apply(golden.of_bundle(folder, content).images[:1])
    subjects = {
        name_of(row): interleaving.artifact(
            row.engine, folders[row.bundle] / row.file, row.precision
        )
        for row in rows
    }
    stretches = interleaved.take(
        subjects,
        batch,
        restarts=how["restarts"],
        rounds=how["rounds"],
        stretch_s=how["turn_s"],
    )
    fastest = min(subjects, key=lambda name: percentile(stretches.medians_ns(name), 50))
    return {
        name: {
            "medians_ns": stretches.medians_ns(name),
            "speed_of_fastest": asdict(stretches.speed(fastest, name)),
            "lost_time": stretches.lost_time(name),
        }
        for name in subjects
    }


def _tiny_against_resnet8(
    rows: Sequence[Row],
    timed: dict[str, dict[str, Any]],
    folders: dict[str, Path],
    networks: dict[str, str],
    how: dict[str, Any],
) -> dict[str, Any] | None:
    """Time tiny's fastest row beside LiteRT's static INT8 of the ResNet-8; None without either."""
    theirs = [
        row
        for row in rows
        if (networks[row.bundle], row.engine, row.precision) == (RESNET8, "litert", "int8-static")
    ]
    ours = [row for row in rows if networks[row.bundle] == TINY]
    if not ours or not theirs:
        return None
    fastest = min(ours, key=lambda row: percentile(timed[TINY][name_of(row)]["medians_ns"], 50))
    pair = _interleaved([fastest, *theirs], folders, how)
    own, other = (pair[name_of(row)] for row in (fastest, *theirs))
    return {
        "engine": fastest.engine,
        "precision": fastest.precision,
        "speed": asdict(paired_ratio(other["medians_ns"], own["medians_ns"])),
        "lost_time": own["lost_time"] or other["lost_time"],
    }
