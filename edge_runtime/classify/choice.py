"""Which artifact of a bundle runs when a program says little or nothing of it.

In this order: what passed its gates; INT8 of static ranges, dynamic INT8, FP16, FP32; the format
whose engine takes less memory. What was made for another class of CPU, or is known to be slow, is
run by name alone. A results file that was measured here decides instead of that order.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime import engines
from edge_runtime.bundle.manifest import Artifact, Manifest
from edge_runtime.errors import UsageError, did_you_mean
from edge_runtime.probes import host, target
from edge_runtime.probes.host import Host
from edge_runtime.results import document, recommendation, verdict
from edge_runtime.results.rows import Row

PRECISIONS = ("int8-static", "int8-dynamic", "fp16", "fp32")
BY_NAME = ("int8-dynamic-conv",)
"""Precisions never chosen: INT8 convolutions of dynamic range are slow (onnxruntime#6732)."""


@dataclass(frozen=True)
class Wish:
    """What an artifact has to be; None where anything will do.

    Attributes:
        artifact: its file name.
        precision: ``fp32``, ``int8-static``, ...
        format: ``onnx``, ``torchscript``, ...
    """

    artifact: str | None = None
    precision: str | None = None
    format: str | None = None


def candidates(content: Manifest, wish: Wish, cpu: str | None) -> list[Artifact]:
    """Return the artifacts that may run, the best first; at least one.

    Args:
        content: the bundle's.
        wish: what was asked for.
        cpu: this CPU's target, as ``target.of_this_cpu`` says it.

    Raises:
        UsageError: nothing in the bundle is what was asked for, or may run here unnamed.
    """
    named = _select(content, wish)
    if wish.artifact:
        return named
    fitting = [a for a in named if a.target in (cpu, target.ANY)]
    chosen = [a for a in fitting if wish.precision or a.precision not in BY_NAME]
    if not chosen:
        why = "; ".join(f"{a.file} is {a.precision} for the target {a.target}" for a in named)
        raise UsageError(
            f"nothing in this bundle runs here unless its file is named: {why}. This CPU's target "
            f"is {cpu or 'unknown'}.",
            "Name a file nevertheless, or export for this CPU.",
        )
    passed = [a for a in chosen if not a.overridden]
    # Sorting is stable: what is equal stays in the manifest's order.
    return sorted(passed or chosen, key=_rank)


def fastest(content: Manifest, wish: Wish, results: Path) -> Row:
    """Return the row of a results file that is fastest on this device, of what may run.

    Args:
        content: the bundle's.
        wish: what was asked for.
        results: what ``edge-bench --json`` wrote here.

    Raises:
        BundleError: it is no results file.
        UsageError: it was measured on another device, or has nothing of the bundle to choose from.
    """
    measured, here = document.read(results), host.describe()
    if (there := _device(measured.host)) != _device(here):
        raise UsageError(
            f"{results} was measured on another device ({', '.join(map(str, there))}).",
            "Measure here: edge-bench --json FILE.",
        )
    files = {artifact.sha256 for artifact in _select(content, wish)}
    rows = tuple(
        row
        for row in measured.rows
        if row.sha256 in files and not row.overridden and engines.is_installed(row.engine)
    )
    chosen = replace(measured, rows=rows)
    advice = recommendation.recommend(chosen, verdict.judge(chosen))
    if advice is None or advice.row is None:
        why = advice.text if advice else "it has fewer than two rows of this bundle that ran here."
        raise UsageError(f"{results} does not tell what is fastest: {why}")
    return advice.row


def _device(described: Host) -> tuple[object, ...]:
    return described.machine, described.cpu, described.cpus


def _select(content: Manifest, wish: Wish) -> list[Artifact]:
    """Return the artifacts that were asked for by name; all where none was."""
    if wish.artifact and (wish.precision or wish.format):
        raise UsageError(
            f"the artifact {wish.artifact!r} is one file.", "Leave out its precision and format."
        )
    artifacts = list(content.artifacts)
    for what, value, key in (
        ("artifact", wish.artifact, "file"),
        ("precision", wish.precision, "precision"),
        ("format", wish.format, "format"),
    ):
        if value is None:
            continue
        left = [a for a in artifacts if getattr(a, key) == value]
        if not left:
            known = {str(getattr(a, key)) for a in artifacts}
            others = ", ".join(v for v in (wish.precision,) if what == "format" and v)
            raise UsageError(
                f"no {what} {value!r} in this bundle{f' in {others}' if others else ''}.",
                did_you_mean(value, known),
            )
        artifacts = left
    if not artifacts:
        raise UsageError("this bundle holds no artifact.", "Export it again.")
    return artifacts


def _rank(artifact: Artifact) -> tuple[int, float]:
    known = artifact.precision in PRECISIONS
    place = PRECISIONS.index(artifact.precision) if known else len(PRECISIONS)
    runners = engines.runners(artifact.format)
    return place, engines.get(runners[0]).PROCESS_BYTES if runners else math.inf
