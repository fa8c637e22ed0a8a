"""A bundle: artifacts, manifest, golden pack and runtime in one folder."""

import importlib.metadata
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import edge_runtime
from cifarq.data.labelled import LabelledImages
from cifarq_export import formats
from cifarq_export.bundle import artifact, pyz, wheelhouse
from cifarq_export.bundle.artifact import Made, Watch
from cifarq_export.check import gates, speed
from cifarq_export.formats import Recipe
from cifarq_export.int8.calibrate import FEW_IMAGES, Calibration
from cifarq_export.sources import Source
from cifarq_export.sources.images import ExportImages
from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.golden import Golden
from edge_runtime.bundle.manifest import FileRecord, Manifest
from edge_runtime.bundle.preprocess import NormalisedBy
from edge_runtime.errors import ExportError
from edge_runtime.files import sha256_of, write_text
from edge_runtime.measure import accuracy
from edge_runtime.probes import target

_REFERENCE_BATCH = 100
_LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "click")


@dataclass(frozen=True)
class Order:
    """What is wanted.

    Attributes:
        pairs: formats and precisions.
        target: the CPU class that static INT8 is made for.
        input_dtype: ``float32``, or ``uint8`` for artifacts that normalise raw pixels themselves.
        method: how activation ranges are found: one of ``thresholds.METHODS``.
        limits: what the gates allow.
        force: ship what fails a gate too, and say so in the manifest.
        wheels: what an offline device installs, if that is to travel with it.
    """

    pairs: tuple[tuple[str, str], ...]
    target: str
    input_dtype: str = "float32"
    method: str = "minmax"
    limits: gates.Limits = field(default_factory=gates.Limits)
    force: bool = False
    wheels: wheelhouse.Wish | None = None

    @property
    def engines(self) -> frozenset[str]:
        """What runs the artifacts."""
        return frozenset(formats.engine_of(name) for name, _ in self.pairs)


@dataclass(frozen=True)
class Built:
    """A finished bundle: its manifest, and what was found out on the way."""

    manifest: Manifest
    made: tuple[Made, ...]
    warnings: tuple[str, ...]


def build(
    folder: Path,
    source: Source,
    order: Order,
    images: ExportImages,
    watch: Watch = lambda what, done, total: None,
) -> Built:
    """Fill an empty folder with a bundle, checking each artifact.

    Args:
        folder: an empty folder; see ``staging.staged``.
        source: what is exported.
        order: what is wanted.
        images: what artifacts are calibrated and checked on, and what travels with them.
        watch: told how far it is.

    Raises:
        ExportError: an artifact cannot be written, or does not pass a gate, or a wheel not fetched.
        EngineError: an engine that has to check an artifact is missing.
        UsageError: the wheels that are wanted make no sense for the artifacts.
    """
    house = None
    if order.wheels is not None:  # first: a network that fails costs no minutes
        house = wheelhouse.fill(folder / manifest.WHEELS_FOLDER, order.wheels, order.engines, watch)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        recipe = recipe_for(source, order, images, Path(scratch), watch)
        validation = reference(source, images.validation)
        made = artifact.make_all(
            source, order.pairs, folder, recipe, validation, order.limits, watch
        )
        for one in made:
            one.checked.require_use(one.path.name)
        if order.limits.min_speedup > 0:
            _race(made, source, recipe, images, order.limits, watch)
    failures = [failure for one in made for failure in one.failures]
    if failures and not order.force:
        raise ExportError(
            ".\n".join(map(str, failures)) + ", or ship it all the same with --force. Nothing was "
            "written."
        )
    _write_golden(folder / manifest.GOLDEN_FILE, made, source, recipe, images.golden)
    content = Manifest(
        model=source.name,
        classes=source.classes,
        preprocessing=recipe.how,
        files=tuple(_write_runtime(folder, with_setup=house is not None)),
        artifacts=tuple(one.record(source, recipe, validation) for one in made),
        images=images.record(),
        versions={
            "cifarq": edge_runtime.__version__,
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
        wheelhouse=house,
    )
    write_text(folder / manifest.FILE, content.to_json())
    warnings = _warnings(made, validation, failures)
    if order.wheels is not None and house is not None:
        warnings += wheelhouse.warnings(order.wheels, house, order.engines)
        warnings += _other_machine(content, order.wheels)
    return Built(content, made, tuple(warnings))


def _write_golden(
    path: Path, made: tuple[Made, ...], source: Source, recipe: Recipe, images: LabelledImages
) -> None:
    """Write the images that travel, with the answers of FP32 and of each artifact that is not."""
    exported = {
        one.path.name: gates.answers(one.path, one.engine, recipe.how, images)
        for one in made
        if one.precision != "fp32"
    }
    logits = reference(source, images).logits
    golden.write(Golden(images.images, images.labels, logits, exported=exported), path)


def _write_runtime(folder: Path, *, with_setup: bool) -> Iterator[FileRecord]:
    """Write what runs a bundle, and yield the records of all its files that are no artifacts."""
    pyz.write(folder / manifest.RUNTIME_FILE)
    names = [manifest.GOLDEN_FILE, manifest.RUNTIME_FILE]
    if with_setup:
        pyz.write_setup(folder / manifest.SETUP_FILE)
        names.append(manifest.SETUP_FILE)
    for name in names:
        yield FileRecord(name, (folder / name).stat().st_size, sha256_of(folder / name))


def recipe_for(
    source: Source,
    order: Order,
    images: ExportImages,
    scratch: Path,
    watch: Watch = lambda what, done, total: None,
) -> Recipe:
    """Return how the artifacts of an order are to be.

    Raises:
        DataError: the calibration images are too few, or constant.
    """
    static = any(precision == formats.STATIC for _, precision in order.pairs)
    raw = order.input_dtype == "uint8"
    return Recipe(
        how=replace(
            source.how,
            normalised_by=NormalisedBy.ARTIFACT if raw else NormalisedBy.RUNTIME,
            resize=images.resize,
        ),
        target=order.target,
        scratch=scratch,
        calibration=Calibration(images.calibration, order.method) if static else None,
        progress=lambda done: watch("calibrating", done, len(images.calibration)),
    )


def reference(source: Source, part: LabelledImages) -> gates.Reference:
    """Return the FP32 model's answers to images, which it is given normalised."""
    size = source.batch if isinstance(source.batch, int) else _REFERENCE_BATCH
    logits = accuracy.logits_of(source.predict, part.images, source.how, batch_size=size)
    return gates.Reference(part, logits, source.kind)


def racers(made: tuple[Made, ...], source: Source, recipe: Recipe) -> dict[str, speed.Racer]:
    """Return what is timed: INT8 made for this CPU, with FP32 in its format, written if need be."""
    found = {}
    for one in made:
        if one.precision == "fp32" or one.target not in (target.ANY, target.of_this_cpu()):
            continue
        beside = [o.path for o in made if (o.format, o.precision) == (one.format, "fp32")]
        if not beside:
            path = recipe.scratch / artifact.file_name(source, one.format, "fp32")
            if not path.exists():
                formats.get(one.format).write(source, "fp32", path, recipe)
            beside = [path]
        found[one.path.name] = speed.Racer(one.engine, one.path, beside[0])
    return found


def _race(
    made: tuple[Made, ...],
    source: Source,
    recipe: Recipe,
    images: ExportImages,
    limits: gates.Limits,
    watch: Watch,
) -> None:
    """Time INT8 against FP32, and note which artifacts fail the speed gate."""
    found = speed.measure(
        racers(made, source, recipe),
        recipe.how,
        images.validation.images[:1],
        lambda done, total: watch("timing INT8 against FP32", done, total),
    )
    for one in made:
        if (measured := found.get(one.path.name)) is None:
            continue
        one.speed, why = measured, speed.cause(one.explanation)
        if failure := gates.speed_failure(one.path.name, measured, limits, why):
            one.failures.append(failure)
        elif warning := gates.speed_warning(one.path.name, measured, why):
            one.warnings.append(warning)


def _warnings(
    made: tuple[Made, ...], validation: gates.Reference, failures: list[gates.Failure]
) -> list[str]:
    found = []
    calibrated = [one.written.calibration for one in made if one.written.calibration]
    if calibrated and (few := calibrated[0].images) < FEW_IMAGES:
        found.append(
            f"int8-static is calibrated on {few} images; give {FEW_IMAGES} or more with "
            "--calibration-images and --data-dir."
        )
    found += [f"shipped by --force although it fails the {failure}." for failure in failures]
    found += [warning for one in made for warning in one.warnings]
    if validation.top1.low <= validation.chance:
        found.append(
            f"{validation.kind} is right on {100 * validation.top1.value:.1f} % of the validation "
            f"images, not shown to be better than always saying the commonest class "
            f"({100 * validation.chance:.1f} %). Are weights, --mean, --std, --resize and "
            "--classes those it was trained with?"
        )
    return found


def _other_machine(content: Manifest, wish: wheelhouse.Wish) -> list[str]:
    """Warn of static INT8 that is made for another CPU than the wheels."""
    arm = wish.platform.machine == "aarch64"
    return [
        f"{artifact.file} is made for {artifact.target}, and the wheels are for "
        f"{wish.platform.machine}: give --target {target.ARM64 if arm else target.X86}."
        for artifact in content.artifacts
        if artifact.target != target.ANY and (artifact.target == target.ARM64) != arm
    ]
