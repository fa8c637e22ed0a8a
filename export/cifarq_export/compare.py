"""Every precision of a model in one table, without shipping any."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cifarq_export import formats, selection
from cifarq_export.bundle import artifact, build
from cifarq_export.bundle.artifact import Made, Watch
from cifarq_export.bundle.build import Order
from cifarq_export.check import interleaving, speed
from cifarq_export.sources import Source
from cifarq_export.sources.images import ExportImages
from cifarq_export.text_table import aligned
from edge_runtime.errors import UsageError
from edge_runtime.probes import target
from edge_runtime.results.statistics import Estimate

RESTARTS = 3
"""How often the processes are started: what differs between them belongs into the interval."""


@dataclass(frozen=True)
class Comparison:
    """What each artifact came to.

    Attributes:
        made: the artifacts; their files are gone.
        speeds: of each against the first, by file name.
        images: validation images that they were checked on.
        kind: what the FP32 model is called.
        target: the CPU that static INT8 was made for.
    """

    made: tuple[Made, ...]
    speeds: dict[str, Estimate]
    images: int
    kind: str
    target: str

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "validation_images": self.images,
            "target": self.target,
            "reference": self.made[0].path.name,
            "rows": [
                {
                    "file": one.path.name,
                    "format": one.format,
                    "engine": one.engine,
                    "precision": one.precision,
                    "size_bytes": one.size_bytes,
                    "top1": _estimate(one.checked.top1),
                    "drop_points": _estimate(one.checked.drop),
                    "agreement": _estimate(one.checked.agreement),
                    "speed": _estimate(self.speeds[one.path.name]),
                    "weight_share": one.explanation and one.explanation.weight_share,
                    "mac_share": one.explanation and one.explanation.mac_share,
                    "fallback": list(one.fallback),
                }
                for one in self.made
            ],
        }

    def text(self) -> str:
        """Return the comparison as a table."""
        first = self.made[0]
        rows = [
            ["artifact", "bytes", "top-1 %", "falls by points", "same class %", "speed"],
            *(self._row(one) for one in self.made),
        ]
        notes = [
            f"{self.images:,} validation images against {self.kind}; brackets hold 95 % intervals, "
            "those of drop and speed paired.",
            f"speed: against {first.path.name}, in turns, {RESTARTS} starts of each process, batch "
            "1, one thread.",
        ]
        if self.target != target.of_this_cpu():
            notes.append(f"int8-static is made for {self.target} and ran on another CPU here.")
        notes += [
            f"would not ship: {one.path.name} answers {one.checked.flaw}."
            for one in self.made
            if one.checked.flaw
        ]
        notes += [f"would not ship: {failure}." for one in self.made for failure in one.failures]
        notes += [warning for one in self.made for warning in one.warnings]
        return "\n".join([*aligned(rows), "", *notes])

    def _row(self, one: Made) -> list[str]:
        checked = one.checked
        top1 = checked.top1.scaled(100)
        reference = one is self.made[0]
        return [
            one.path.name,
            f"{one.size_bytes:,}",
            f"{top1.value:.1f} [{top1.low:.1f}, {top1.high:.1f}]",
            str(checked.drop),
            f"{100 * checked.agreement.value:.1f}",
            "1" if reference else self.speeds[one.path.name].as_ratio(),
        ]


def pairs(source: Source, format_: str | None) -> tuple[tuple[str, str], ...]:
    """Return every format and precision there is for a source, FP32 first."""
    chosen = selection.choose(format_, None, formats.for_source(source)).pairs
    names = dict.fromkeys(name for name, _ in chosen)
    if not names:
        raise UsageError("nothing to compare")
    return tuple((name, p) for name in names for p in formats.get(name).PRECISIONS)


def compare(
    source: Source,
    order: Order,
    images: ExportImages,
    watch: Watch = lambda what, done, total: None,
) -> Comparison:
    """Make all artifacts, check them, and let them take turns.

    Raises:
        ExportError, EngineError, DataError: one cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="cifarq-compare-") as folder:
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        recipe = build.recipe_for(source, order, images, scratch, watch)
        validation = build.reference(source, images.validation)
        limits = replace(order.limits, fallback_trials=0)
        made = artifact.make_all(
            source, order.pairs, Path(folder), recipe, validation, limits, watch
        )
        taken = interleaving.take(
            {one.path.name: interleaving.artifact(one.engine, one.path) for one in made},
            recipe.how.apply(images.validation.images[:1]),
            rounds=max(2, speed.ROUNDS // RESTARTS),
            turn_s=speed.TURN_S,
            restarts=RESTARTS,
            progress=lambda done, total: watch("timing in turns", done, total),
        )
    first = made[0].path.name
    speeds = {one.path.name: taken.speed(one.path.name, first) for one in made}
    return Comparison(made, speeds, len(images.validation), source.kind, order.target)


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
