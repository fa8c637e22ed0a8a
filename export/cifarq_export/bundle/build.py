"""A bundle: artifacts, manifest, golden pack and runtime in one folder."""

import importlib.metadata
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import edge_runtime
from cifarq.data.labelled import LabelledImages
from cifarq_export.bundle import artifact, gating, pyz, timing, wheelhouse
from cifarq_export.bundle.artifact import Made, Maker, Watch
from cifarq_export.bundle.request import Request
from cifarq_export.check import arithmetic, baseline
from cifarq_export.check.baseline import Baseline
from cifarq_export.check.gates import Failure
from cifarq_export.int8.calibrate import FEW_IMAGES
from cifarq_export.sources import Source
from cifarq_export.sources.images import ExportImages
from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.golden import Golden
from edge_runtime.bundle.manifest import Artifact, FileRecord, Manifest, Wheelhouse
from edge_runtime.errors import ExportError
from edge_runtime.files import sha256_of, write_text
from edge_runtime.probes import target

_LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "click")


@dataclass(frozen=True)
class Built:
    """A finished bundle: its manifest, its artifacts, and what its user has to know."""

    manifest: Manifest
    made: tuple[Made, ...]
    warnings: tuple[str, ...]


def build(
    folder: Path,
    source: Source,
    request: Request,
    images: ExportImages,
    watch: Watch = lambda what, done, total: None,
) -> Built:
    """Fill an empty folder with a bundle, checking each artifact.

    Args:
        folder: an empty folder; see ``staging.stage``.
        source: what is exported.
        request: what is asked for.
        images: what artifacts are calibrated and checked on, and what travels with them.
        watch: told how far it is.

    Raises:
        ExportError: an artifact cannot be written, or does not pass a gate, or a wheel not fetched.
        EngineError: an engine that has to check an artifact is missing.
        UsageError: the wheels that are wanted make no sense for the artifacts.
    """
    house = _fetch_wheels(folder, request, watch)  # first: a network that fails costs no minutes
    fp32 = artifact.answer_fp32(source, images.validation, watch)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        recipe = request.recipe(source, images, Path(scratch), watch)
        maker = Maker(source, folder, recipe, fp32, request.limits, watch)
        made = _make(maker, request)
    left_out = _leave_out(made, request, fp32.kind)
    kept = tuple(one for one in made if one.path.name not in left_out)
    failures = [gating.failures(one, request.limits, fp32.kind) for one in kept]
    failed = [failure for of_one in failures for failure in of_one]
    _require_passed(failed, force=request.force)
    _write_golden(folder / manifest.GOLDEN_FILE, kept, maker, images.golden)
    files = tuple(_write_runtime(folder, with_setup=house is not None))
    artifacts = tuple(
        artifact.record(one, source, recipe, fp32, _name_gates(of_one))
        for one, of_one in zip(kept, failures, strict=True)
    )
    content = _describe(maker, artifacts, files, images, house)
    write_text(folder / manifest.FILE, content.to_json())
    warnings = [
        *_warn_of_calibration(made),
        *_warn_of_left_out(left_out, kept),
        *(f"shipped by --force although it fails the {failure}" for failure in failed),
        *(warning for one in kept for warning in gating.warnings(one, request.limits)),
        *gating.warnings_of_all(kept, request.limits, images.more_validation),
        *_warn_of_chance(fp32),
        *_warn_of_wheels(content, request, house),
    ]
    return Built(content, kept, tuple(warnings))


def _describe(
    maker: Maker,
    artifacts: tuple[Artifact, ...],
    files: tuple[FileRecord, ...],
    images: ExportImages,
    house: Wheelhouse | None,
) -> Manifest:
    return Manifest(
        model=maker.source.name,
        classes=maker.source.classes,
        preprocessing=maker.recipe.how,
        files=files,
        artifacts=artifacts,
        images=images.record(),
        changes=maker.source.changes,
        probabilities=maker.source.probabilities,
        versions=_versions(),
        wheelhouse=house,
    )


def _fetch_wheels(folder: Path, request: Request, watch: Watch) -> Wheelhouse | None:
    if request.wheels is None:
        return None
    wheels = folder / manifest.WHEELS_FOLDER
    return wheelhouse.fill(wheels, request.wheels, request.engines, watch)


def _make(maker: Maker, request: Request) -> tuple[Made, ...]:
    made = tuple(maker.make(*pair) for pair in request.pairs)
    for one in made:
        if one.precision == "fp32" or not request.leaves_out:
            one.checked.require_useful(one.path.name)
    return timing.measure(made, maker) if request.limits.min_speedup > 0 else made


def _leave_out(made: tuple[Made, ...], request: Request, kind: str) -> dict[str, str]:
    """Remove the files of INT8 that nobody named and that does not pass; return why, by name."""
    if not request.leaves_out:
        return {}
    reasons = {one.path: gating.why_left_out(one, request.limits, kind) for one in made}
    left_out = {path: reason for path, reason in reasons.items() if reason}
    for path in left_out:
        path.unlink()
    return {path.name: reason for path, reason in left_out.items()}


def _require_passed(failed: list[Failure], *, force: bool) -> None:
    """Stop the export where an artifact fails a gate, unless that is overridden."""
    if failed and not force:
        remedies = dict.fromkeys(failure.remedy for failure in failed)
        raise ExportError(
            " ".join(map(str, failed)) + " Nothing was written.",
            f"{' '.join(remedies)} --force ships it all the same.",
        )


def _name_gates(failures: tuple[Failure, ...]) -> tuple[str, ...]:
    return tuple(sorted({str(failure.gate) for failure in failures}))


def _write_golden(path: Path, made: tuple[Made, ...], maker: Maker, images: LabelledImages) -> None:
    """Write the images that travel, with the answers of FP32 and of each artifact that is not."""
    quantized = [one for one in made if one.precision != "fp32"]
    total = (len(quantized) + 1) * len(images)

    def progress(done: int) -> None:
        maker.watch("answers to the golden images", done, total)

    exported = {
        one.path.name: arithmetic.answer(
            one.path, one.format, one.precision, one.judged_by, maker.recipe.how, images, progress
        )
        for one in quantized
    }
    logits = baseline.answer(maker.source, images, progress).logits
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


def _versions() -> dict[str, str]:
    libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"cifarq": edge_runtime.__version__, **libraries}


def _warn_of_left_out(left_out: dict[str, str], kept: tuple[Made, ...]) -> Iterator[str]:
    yield from (f"left out: {reason}" for reason in left_out.values())
    if left_out and all(one.precision == "fp32" for one in kept):
        yield "nothing but FP32 is in the bundle."


def _warn_of_calibration(made: tuple[Made, ...]) -> Iterator[str]:
    calibrated = (one.written.calibration for one in made if not one.source.learned)
    counts = [record.images for record in calibrated if record]
    if counts and counts[0] < FEW_IMAGES:
        yield (
            f"int8-static is calibrated on {counts[0]} images; give {FEW_IMAGES} or more with "
            "--calibration-images and --data-dir."
        )


def _warn_of_chance(fp32: Baseline) -> Iterator[str]:
    if fp32.top1.low <= fp32.chance:
        yield (
            f"{fp32.kind} is right on {100 * fp32.top1.value:.1f} % of the validation images, not "
            f"shown to be better than always answering the most frequent class "
            f"({100 * fp32.chance:.1f} %). Check that weights, --mean, --std, --color, --resize "
            "and --classes are those it was trained with."
        )


def _warn_of_wheels(content: Manifest, request: Request, house: Wheelhouse | None) -> list[str]:
    """Warn of wheels that lack something, and of static INT8 made for another CPU than theirs."""
    wish = request.wheels
    if wish is None or house is None:
        return []
    arm = wish.platform.machine == "aarch64"
    return [
        *wheelhouse.warnings(wish, house, request.engines),
        *(
            f"{artifact.file} is made for {artifact.target}, and the wheels are for "
            f"{wish.platform.machine}: give --target {target.ARM64 if arm else target.X86}."
            for artifact in content.artifacts
            if artifact.target != target.ANY and (artifact.target == target.ARM64) != arm
        ),
    ]
