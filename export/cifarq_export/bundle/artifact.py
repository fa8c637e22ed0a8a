"""One artifact: written, opened again, checked, and where its accuracy falls, helped."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cifarq_export import explain, formats
from cifarq_export.check import gates, sensitivity
from cifarq_export.check.gates import Checked, Failure, Limits, Reference
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
from edge_runtime.probes import target
from edge_runtime.results.statistics import Estimate

Watch = Callable[[str, int, int], object]
"""Called with what is being done, how much of it was done since the last call, and its total."""

_NOTHING = 0.01
"""Share of the bytes below which an INT8 artifact saves nobody anything."""


@dataclass
class Made:
    """An artifact in its folder, and what is known of it.

    Attributes:
        path: the file.
        format, engine, precision, target: as in the manifest.
        written: what the format says of it.
        checked: what it came to on validation images.
        explanation: what of it is INT8; None if that is unknown.
        size_bytes: of the file, which may be gone.
        fallback: layers that were returned to FP32.
        failures, warnings: of its gates.
        speed: against FP32 in the same format and engine, if it was measured.
    """

    path: Path
    format: str
    engine: str
    precision: str
    target: str
    written: formats.Written
    checked: Checked
    explanation: explain.Explanation | None
    size_bytes: int
    fallback: tuple[str, ...] = ()
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    speed: Estimate | None = None

    def record(self, source: Source, recipe: Recipe, reference: Reference) -> Artifact:
        """Return the artifact's entry in the manifest; no timing enters it."""
        checked = self.checked
        return Artifact(
            file=self.path.name,
            format=self.format,
            engine=self.engine,
            precision=self.precision,
            target=self.target,
            input=TensorSpec(
                self.written.input, (source.batch, *source.input_shape), recipe.how.dtype
            ),
            output=TensorSpec(self.written.output, (source.batch, len(source.classes)), "float32"),
            size_bytes=self.size_bytes,
            sha256=sha256_of(self.path),
            opset=self.written.opset,
            ir_version=self.written.ir_version,
            quantized=self.explanation.to_manifest() if self.explanation else Quantized(),
            # Rounded to one digit: the last bits differ between CPUs of one class.
            parity=ParityRecord(
                images=checked.parity.images,
                top1_agreement=round(checked.agreement.value, 4),
                largest_logit_difference=float(f"{checked.parity.largest_difference:.0e}"),
            ),
            accuracy=AccuracyRecord(
                split="validation",
                images=checked.parity.images,
                top1=round(checked.top1.value, 4),
                fp32_top1=round(reference.top1.value, 4),
                drop_points=_round(checked.drop),
            ),
            calibration=self.written.calibration,
            fallback=self.fallback,
            overridden=tuple(sorted({str(failure.gate) for failure in self.failures})),
        )


def file_name(source: Source, format_name: str, precision: str) -> str:
    """Return what an artifact's file is called."""
    return f"{source.name}-{precision}{formats.get(format_name).SUFFIX}"


def make_all(
    source: Source,
    pairs: tuple[tuple[str, str], ...],
    folder: Path,
    recipe: Recipe,
    reference: Reference,
    limits: Limits,
    watch: Watch = lambda what, done, total: None,
) -> tuple[Made, ...]:
    """Make an artifact for each pair of format and precision; see ``make``."""
    return tuple(make(source, *pair, folder, recipe, reference, limits, watch) for pair in pairs)


def make(
    source: Source,
    format_name: str,
    precision: str,
    folder: Path,
    recipe: Recipe,
    reference: Reference,
    limits: Limits,
    watch: Watch = lambda what, done, total: None,
) -> Made:
    """Write an artifact and check it. Gates that it fails are noted, and stop nothing here.

    Args:
        source: what is exported.
        format_name: a name in ``formats``.
        precision: one that the format can be written in.
        folder: where it is written to.
        recipe: how it is to be.
        reference: the FP32 model's answers.
        limits: what the gates allow.
        watch: told how far it is.

    Raises:
        ExportError: it cannot be written.
        EngineError: its engine is missing, or refuses it.
    """
    writer, engine = formats.get(format_name), formats.engine_of(format_name)
    path = folder / file_name(source, format_name, precision)
    count = len(reference.images)
    written = writer.write(source, precision, path, recipe)

    def checking(done: int) -> object:
        return watch(f"checking {path.name}", done, count)

    checked = gates.check(path, engine, recipe.how, reference, checking)
    fallback: tuple[str, ...] = ()
    causes = ""
    if precision == STATIC and checked.drop.value > limits.max_drop:
        costs = sensitivity.layer_costs(
            source,
            recipe,
            reference,
            lambda done, total: watch("sensitivity of layers", done, total),
        )
        causes = sensitivity.worst(costs)
        helped = sensitivity.fall_back(
            source, recipe, path, reference, limits, costs, checked, checking
        )
        if helped is not None:
            written, checked, fallback = helped.written, helped.checked, helped.layers
        if sensitivity.has_more_trials(len(costs), limits.fallback_trials):
            causes += "More --fallback-trials may help. "
    explanation = explain.explain(
        path, format_name, recipe.how.apply(reference.images.images[:1]), precision=precision
    )
    made = Made(
        path,
        format_name,
        engine,
        precision,
        recipe.target if precision == STATIC else target.ANY,
        written,
        checked,
        explanation,
        path.stat().st_size,
        fallback,
    )
    _judge(made, reference, limits, causes)
    return made


def _judge(made: Made, reference: Reference, limits: Limits, causes: str) -> None:
    """Note which gates it fails, and what is to be warned of."""
    name = made.path.name
    if made.precision == "fp32":
        failure = gates.parity_failure(name, made.checked, reference.kind)
    else:
        failure = gates.accuracy_failure(name, made.checked, limits, causes)
        if warning := gates.accuracy_warning(name, made.checked, limits):
            made.warnings.append(warning)
        if made.explanation and made.explanation.weight_share < _NOTHING:
            made.warnings.append(
                f"{name} holds {100 * made.explanation.weight_share:.1f} % of its bytes in INT8: "
                "it is FP32 under another name. Take int8-static, which quantizes convolutions too."
            )
    if failure:
        made.failures.append(failure)
    if made.fallback:
        holds = made.checked.drop.value <= limits.max_drop
        made.warnings.append(
            f"{name}: {_counted(len(made.fallback), 'layer')} returned to FP32 to "
            f"{'keep the accuracy' if holds else 'lose less'}: {', '.join(made.fallback)}. "
            f"{causes}".strip()
        )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _round(estimate: Estimate) -> Interval:
    return Interval(round(estimate.value, 3), round(estimate.low, 3), round(estimate.high, 3))
