"""One artifact: written, opened again, checked, and layers returned to FP32 where that helps."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cifarq.data.labelled import LabelledImages
from cifarq_export import explain, formats
from cifarq_export.check import arithmetic, baseline, gates, recovery, sensitivity
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.baseline import Baseline
from cifarq_export.check.gates import Checked, Limits
from cifarq_export.check.sensitivity import Subject, Trial
from cifarq_export.check.speed import NOT_TIMED, Speed
from cifarq_export.formats import STATIC, Recipe
from cifarq_export.sources import Source
from edge_runtime.bundle.manifest import (
    AccuracyRecord,
    Artifact,
    Interval,
    ParityRecord,
    Quantized,
    TensorSpec,
)
from edge_runtime.files import sha256_of
from edge_runtime.results.statistics import Estimate

Watch = Callable[[str, int, int], object]
"""Called with what is being done, how much of it was done since the last call, and its total."""


@dataclass(frozen=True)
class Before:
    """An artifact as it was before layers were returned to FP32."""

    drop: Estimate
    size_bytes: int


@dataclass(frozen=True)
class Made:
    """An artifact in its folder, and what is known of it.

    Attributes:
        path: the file.
        source: what it was made from.
        format, engine, precision, target, judged_by: as in the manifest.
        recipe: how it was written.
        written: what the format says of it.
        checked: its answers to the validation images, compared with the FP32 model's.
        explanation: what of it is INT8; None if that is unknown.
        size_bytes: of the file, which may be gone.
        fallback: layers that were returned to FP32 for their accuracy.
        before: what it was without that.
        faster_fp32: layers that were returned to FP32 because their block is faster so.
        recovered: a sentence about the accuracy that was got back without that.
        causes: a sentence about the layers that lose the accuracy, where they were looked at.
        speed: against FP32 in the same format and engine.
    """

    path: Path
    source: Source
    format: str
    engine: str
    precision: str
    target: str
    judged_by: JudgedBy
    recipe: Recipe
    written: formats.Written
    checked: Checked
    explanation: explain.Explanation | None
    size_bytes: int
    fallback: tuple[str, ...] = ()
    before: Before | None = None
    faster_fp32: tuple[str, ...] = ()
    recovered: str = ""
    causes: str = ""
    speed: Speed = NOT_TIMED


@dataclass(frozen=True)
class Maker:
    """Makes the artifacts of one export.

    Attributes:
        source: what is exported.
        folder: where artifacts are written to.
        recipe: how they are to be.
        baseline: the FP32 model's answers.
        limits: what the gates allow.
        watch: told how far it is.
    """

    source: Source
    folder: Path
    recipe: Recipe
    baseline: Baseline
    limits: Limits
    watch: Watch = lambda what, done, total: None

    def make(self, format_: str, precision: str) -> Made:
        """Write an artifact and check it; which gates it passes is asked in ``gating``.

        Args:
            format_: a name in ``formats``.
            precision: one that the format can be written in.

        Raises:
            ExportError: it cannot be written.
            EngineError: its engine is missing, or refuses it.
        """
        path = self.folder / file_name(self.source, format_, precision)
        judged_by = arithmetic.judge_of(format_, precision, self.recipe.target)
        subject = Subject(self.source, format_, self.recipe, self.baseline, judged_by)
        recovered, causes = "", ""
        if precision == STATIC:
            with self._stage(f"ranges of {path.name}"):
                found = recovery.recover(subject)
            subject, recovered = found.subject, found.describe()
        with self._stage(f"writing {path.name}"):
            written = formats.get(format_).write(self.source, precision, path, subject.recipe)
        trial = Trial(written, subject.check(path, self._checking(path)))
        before = Before(trial.checked.drop, path.stat().st_size)
        if precision == STATIC and not gates.holds(trial.checked, self.limits):
            trial, causes = self._fall_back(subject, path, trial)
        made = self._describe(path, precision, subject, trial)
        return replace(
            made, before=before if trial.layers else None, recovered=recovered, causes=causes
        )

    def return_blocks(self, one: Made, nodes: tuple[str, ...]) -> Made:
        """Write a static INT8 artifact again with nodes in FP32 for its speed, and check it.

        Args:
            one: the artifact; what its file holds is replaced.
            nodes: of the folded graph.
        """
        recipe = replace(one.recipe, faster_fp32=nodes)
        subject = Subject(self.source, one.format, recipe, self.baseline, one.judged_by)
        trial = Trial(subject.write(one.path), subject.check(one.path), one.fallback)
        static = formats.static(one.format, self.source, recipe)
        names = static.layers if static is not None else {}
        return replace(
            self._describe(one.path, one.precision, subject, trial),
            before=one.before,
            recovered=one.recovered,
            causes=one.causes,
            faster_fp32=tuple(names[node] for node in nodes if node in names),
        )

    def _describe(self, path: Path, precision: str, subject: Subject, trial: Trial) -> Made:
        """Return what is known of an artifact that was written and checked."""
        recipe = replace(subject.recipe, keep_fp32=trial.nodes or subject.recipe.keep_fp32)
        image = recipe.how.apply(self.baseline.images.images[:1])
        with self._stage(f"explaining {path.name}"):
            explanation = explain.explain(
                path.read_bytes(), path.name, subject.format, image, precision=precision
            )
        return Made(
            path=path,
            source=self.source,
            format=subject.format,
            engine=formats.engine_of(subject.format),
            precision=precision,
            target=formats.made_for(subject.format, precision, recipe.target),
            judged_by=subject.judged_by,
            recipe=recipe,
            written=trial.written,
            checked=trial.checked,
            explanation=explanation,
            size_bytes=path.stat().st_size,
            fallback=trial.layers,
        )

    def _fall_back(self, subject: Subject, path: Path, first: Trial) -> tuple[Trial, str]:
        """Return layers to FP32; return the best trial, and a sentence that names the worst."""
        costs = sensitivity.layer_costs(
            subject, lambda done, total: self.watch("sensitivity of layers", done, total)
        )
        best = sensitivity.fall_back(subject, path, first, self.limits, costs, self._checking(path))
        causes = sensitivity.describe_worst(costs)
        if sensitivity.has_more_trials(len(costs), self.limits.fallback_trials):
            causes += "More --fallback-trials may help. "
        return best, causes

    @contextlib.contextmanager
    def _stage(self, what: str) -> Iterator[None]:
        """Tell of something that cannot be counted, from its beginning to its end."""
        self.watch(what, 0, 1)
        yield
        self.watch(what, 1, 1)

    def _checking(self, path: Path) -> Callable[[int], object]:
        total = len(self.baseline.images)
        return lambda done: self.watch(f"checking {path.name}", done, total)


def answer_fp32(source: Source, images: LabelledImages, watch: Watch) -> Baseline:
    """Let the FP32 model answer images, telling how far it is."""
    return baseline.answer(
        source, images, lambda done: watch(f"answers of {source.kind}", done, len(images))
    )


def file_name(source: Source, format_: str, precision: str) -> str:
    """Return what an artifact's file is called."""
    return f"{source.name}-{precision}{formats.get(format_).SUFFIX}"


def record(
    made: Made, source: Source, recipe: Recipe, baseline: Baseline, overridden: tuple[str, ...]
) -> Artifact:
    """Return an artifact's entry in the manifest; no timing enters it.

    Args:
        made: the artifact.
        source: what was exported.
        recipe: how it was to be.
        baseline: the FP32 model's answers.
        overridden: the gates that it fails.
    """
    checked, written = made.checked, made.written
    return Artifact(
        file=made.path.name,
        format=made.format,
        engine=made.engine,
        precision=made.precision,
        target=made.target,
        input=TensorSpec(written.input, (source.batch, *source.input_shape), recipe.how.dtype),
        output=TensorSpec(written.output, (source.batch, len(source.classes)), "float32"),
        size_bytes=made.size_bytes,
        sha256=sha256_of(made.path),
        opset=written.opset,
        ir_version=written.ir_version,
        quantized=made.explanation.to_manifest() if made.explanation else Quantized(),
        judged_by=str(made.judged_by),
        # Rounded to one digit: the last bits differ between CPUs.
        parity=ParityRecord(
            images=checked.parity.images,
            top1_agreement=round(checked.agreement.value, 4),
            largest_logit_difference=float(f"{checked.parity.largest_difference:.0e}"),
        ),
        accuracy=AccuracyRecord(
            split="validation",
            images=checked.parity.images,
            top1=round(checked.top1.value, 4),
            fp32_top1=round(baseline.top1.value, 4),
            drop_points=_round(checked.drop),
        ),
        calibration=written.calibration,
        fallback=made.fallback,
        faster_fp32=made.faster_fp32,
        overridden=overridden,
    )


def _round(estimate: Estimate) -> Interval:
    return Interval(*(round(n, 3) for n in (estimate.value, estimate.low, estimate.high)))
