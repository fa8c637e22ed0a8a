"""Every precision of a model in one table, without shipping any."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cifarq_export import formats, selection
from cifarq_export.bundle import gating
from cifarq_export.bundle.artifact import Made, Maker, Watch, answer_fp32
from cifarq_export.bundle.request import Request
from cifarq_export.check import interleaving, speed
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.baseline import Baseline
from cifarq_export.check.gates import Limits
from cifarq_export.check.speed import Speed
from cifarq_export.formats import STATIC
from cifarq_export.sources import Source
from cifarq_export.sources.images import ExportImages
from edge_runtime import locks
from edge_runtime.errors import UsageError
from edge_runtime.report.grid import Grid, wrap
from edge_runtime.results.statistics import Estimate

RESTARTS = 3
"""How often the processes are started: the interval includes what differs between them."""


@dataclass(frozen=True)
class Comparison:
    """The artifacts of one model, and how they compare.

    Attributes:
        made: the artifacts; their files are gone.
        speeds: of each against the first, by file name.
        images: validation images that they were checked on.
        more_images: validation images that the data has beside them.
        kind: what the FP32 model is called.
        target: the CPU class that they were made for.
        limits: what the gates of an export would allow.
    """

    made: tuple[Made, ...]
    speeds: dict[str, Speed]
    images: int
    more_images: int
    kind: str
    target: str
    limits: Limits

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
                    "judged_by": str(one.judged_by),
                    "size_bytes": one.size_bytes,
                    "top1": _estimate(one.checked.top1),
                    "drop_points": _estimate(one.checked.drop),
                    "agreement": _estimate(one.checked.agreement),
                    "speed": (ratio := self.speeds[one.path.name].ratio) and _estimate(ratio),
                    "busy": self.speeds[one.path.name].busy,
                    "weight_share": one.explanation and one.explanation.weight_share,
                    "mac_share": one.explanation and one.explanation.mac_share,
                    "fallback": list(one.fallback),
                }
                for one in self.made
            ],
        }

    def text(self) -> str:
        """Return the comparison as a table."""
        headings = ["artifact", "bytes", "top-1 %", "top-1 drop (points)", "same class %", "speed"]
        table = Grid(headings, [self._row(one) for one in self.made], left=1)
        return "\n".join([*table.text(), "", *map(wrap, self._notes())])

    def _notes(self) -> list[str]:
        notes = [
            f"{self.images:,} validation images against {self.kind}; brackets hold 95 % intervals, "
            "those of drop and speed paired.",
            f"speed: against {self.made[0].path.name}, interleaved, {RESTARTS} starts of each "
            "process, batch 1, one thread.",
        ]
        if judged := [one.path.name for one in self.made if one.judged_by is JudgedBy.REFERENCE]:
            notes.append(
                f"made for {self.target}, which is not this CPU: the answers of "
                f"{', '.join(judged)} are computed by the reference arithmetic, speed is this "
                "CPU's."
            )
        for one in self.made:
            if one.checked.flaw:
                notes.append(f"would not ship: {one.path.name} answers {one.checked.flaw}.")
            failures = gating.failures(one, self.limits, self.kind)
            notes += [f"would not ship: {failure} {failure.remedy}" for failure in failures]
            notes += gating.warnings(one, self.limits)
        notes += gating.warnings_of_all(self.made, self.limits, self.more_images)
        return notes

    def _row(self, one: Made) -> list[str]:
        checked = one.checked
        top1 = checked.top1.scaled(100)
        speed = self.speeds[one.path.name]
        shown = speed.ratio.as_ratio() if speed.ratio else str(speed)
        return [
            one.path.name,
            f"{one.size_bytes:,}",
            f"{top1.value:.1f} [{top1.low:.1f}, {top1.high:.1f}]",
            str(checked.drop),
            f"{100 * checked.agreement.value:.1f}",
            "1" if one is self.made[0] else shown,
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
    request: Request,
    images: ExportImages,
    watch: Watch = lambda what, done, total: None,
    trained: Source | None = None,
) -> Comparison:
    """Make all artifacts, check them, and time them interleaved.

    Args:
        source: what is compared.
        request: what is asked for.
        images: what artifacts are calibrated and checked on.
        watch: told how far it is.
        trained: what quantization-aware training made of it; its static INT8 is compared too.

    Raises:
        ExportError, EngineError, DataError: one cannot be made.
        UsageError: there is nothing to compare what was trained with.
    """
    request = replace(request, limits=replace(request.limits, fallback_trials=0))
    with locks.scratch() as folder:
        fp32 = answer_fp32(source, images.validation, watch)
        made = _make(folder, source, request, images, fp32, watch)
        if trained:
            made += _make(folder, trained, _only_static(request), images, fp32, watch)
        how = made[0].recipe.how
        take = partial(
            interleaving.interleave,
            {
                one.path.name: interleaving.artifact(one.engine, one.path, one.precision)
                for one in made
            },
            how.apply(images.validation.images[:1]),
            rounds=max(2, speed.ROUNDS // RESTARTS),
            stretch_s=speed.STRETCH_S,
            restarts=RESTARTS,
            progress=lambda done, total: watch("timing, interleaved", done, total),
        )
        first = made[0].path.name
        speeds = speed.take_quiet(take, {one.path.name: (one.path.name, first) for one in made})
    return Comparison(
        made,
        speeds,
        len(images.validation),
        images.more_validation,
        source.kind,
        request.target,
        request.limits,
    )


def _only_static(request: Request) -> Request:
    pairs = tuple(pair for pair in request.pairs if pair[1] == STATIC)
    if not pairs:
        raise UsageError("--qat is for static INT8, which this --format has not.", "Leave it out.")
    return replace(request, pairs=pairs, method=None)


def _make(
    folder: Path,
    source: Source,
    request: Request,
    images: ExportImages,
    fp32: Baseline,
    watch: Watch,
) -> tuple[Made, ...]:
    """Make all artifacts of a source, and check them."""
    scratch = folder / f"scratch-{source.name}"
    scratch.mkdir()
    recipe = request.recipe(source, images, scratch, watch)
    maker = Maker(source, folder, recipe, fp32, request.limits, watch)
    return tuple(maker.make(*pair) for pair in request.pairs)


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
