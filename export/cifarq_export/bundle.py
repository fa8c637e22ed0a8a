"""A bundle: artifacts, manifest, golden pack and runtime in one folder, whole or not at all."""

import importlib.metadata
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import edge_runtime
from cifarq import checkpoint as checkpoints
from cifarq.evaluate import torch_predictor
from cifarq.labelled import LabelledImages
from cifarq_export import formats, gates, runtime_archive
from cifarq_export.images import ExportImages
from edge_runtime import accuracy, golden, manifest
from edge_runtime.errors import BundleError, ExportError
from edge_runtime.files import sha256_of, write_text
from edge_runtime.golden import Golden
from edge_runtime.manifest import Artifact, FileRecord, Manifest, Preprocessing

_REFERENCE_BATCH = 100
_LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "click")

OnProgress = Callable[[str, int], object]
"""Called with an artifact's file name and the images it was checked on since the last call."""


def build(
    folder: Path,
    checkpoint: checkpoints.Checkpoint,
    pairs: tuple[tuple[str, str], ...],
    images: ExportImages,
    progress: OnProgress = lambda file, count: None,
) -> Manifest:
    """Fill an empty folder with a bundle, checking each artifact.

    Args:
        folder: an empty folder; see ``staged``.
        checkpoint: what is exported.
        pairs: formats and precisions.
        images: what artifacts are checked on, and what travels with them.
        progress: told how far the checks are.

    Raises:
        ExportError: an artifact cannot be written or is not faithful.
        EngineError: an engine that has to check an artifact is missing.
    """
    model = checkpoint.model()
    source = formats.Source(model, checkpoint.input_shape, len(checkpoint.classes))
    how = Preprocessing(checkpoint.mean, checkpoint.std)

    def reference(part: LabelledImages) -> gates.Reference:
        logits = accuracy.logits_of(
            torch_predictor(model),
            part.images,
            mean=how.mean,
            std=how.std,
            batch_size=_REFERENCE_BATCH,
        )
        return gates.Reference(part, how, logits)

    validation = reference(images.validation)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        artifacts = tuple(
            _artifact(folder, checkpoint.architecture, source, pair, validation, scratch, progress)
            for pair in pairs
        )
    travelling = reference(images.golden)
    golden.write(
        Golden(images.golden.images, images.golden.labels, travelling.logits),
        folder / manifest.GOLDEN_FILE,
    )
    runtime_archive.write(folder / manifest.RUNTIME_FILE)
    content = Manifest(
        model=checkpoint.architecture,
        classes=checkpoint.classes,
        preprocessing=how,
        files=tuple(
            FileRecord(name, (folder / name).stat().st_size, sha256_of(folder / name))
            for name in (manifest.GOLDEN_FILE, manifest.RUNTIME_FILE)
        ),
        artifacts=artifacts,
        images=images.to_json(),
        versions={
            "cifarq": edge_runtime.__version__,
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
    )
    write_text(folder / manifest.FILE, content.to_json())
    return content


def _artifact(
    folder: Path,
    model: str,
    source: formats.Source,
    pair: tuple[str, str],
    reference: gates.Reference,
    scratch: str,
    progress: OnProgress,
) -> Artifact:
    format_name, precision = pair
    writer = formats.get(format_name)
    path = folder / f"{model}-{precision}{writer.SUFFIX}"
    written = writer.write(source, precision, path, Path(scratch))
    checked = gates.check(
        path,
        writer.ENGINE,
        precision,
        reference,
        lambda count: progress(path.name, count),
    )
    return Artifact(
        file=path.name,
        format=format_name,
        engine=writer.ENGINE,
        precision=precision,
        target="any",
        input=source.input,
        output=source.output,
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        opset=written.opset,
        ir_version=written.ir_version,
        quantized=written.quantized,
        # Rounded to one digit: the last bits differ between CPUs of one class.
        parity={
            "images": checked.parity.images,
            "top1_agreement": round(checked.parity.agree / checked.parity.images, 4),
            "largest_logit_difference": float(f"{checked.parity.largest_difference:.0e}"),
        },
        accuracy={
            "split": "validation",
            "images": checked.parity.images,
            "top1": round(checked.top1, 4),
            "fp32_top1": round(reference.top1, 4),
        },
    )


@contextmanager
def staged(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder beside ``out`` that takes its place on success and vanishes on failure.

    With ``overwrite``, the files of the bundle in ``out`` are replaced; what its manifest does not
    name (a results file, say) stays.

    Raises:
        ExportError: ``out`` is occupied and ``overwrite`` is not given, is no bundle, or cannot be
            written to.
    """
    if out.exists() and not out.is_dir():
        raise ExportError(f"--out {out} is a file; give a folder.")
    if out.is_dir() and any(out.iterdir()):
        if not overwrite:
            raise ExportError(f"--out {out} is not empty. Give --overwrite, or another folder.")
        if not (out / manifest.FILE).is_file():
            raise ExportError(
                f"--overwrite replaces a bundle, and --out {out} holds something else (no "
                f"{manifest.FILE}). Give another folder."
            )
    beside = out.resolve().with_name(f".{out.resolve().name}.{secrets.token_hex(4)}.part")
    try:
        beside.mkdir(parents=True)
        try:
            yield beside
            _take_place(beside, out.resolve())
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ExportError(
            f"cannot write to --out {out}: {error.strerror or error}. No bundle was written."
        ) from error


def _take_place(beside: Path, out: Path) -> None:
    """Move the new files in, manifest last: until then the old one tells of the change."""
    if not out.exists():
        beside.replace(out)
        return
    stale = _named_by_manifest(out) - {path.name for path in beside.iterdir()}
    for path in sorted(beside.iterdir(), key=lambda path: path.name == manifest.FILE):
        path.replace(out / path.name)
    for name in stale:
        (out / name).unlink(missing_ok=True)


def _named_by_manifest(bundle: Path) -> set[str]:
    try:
        return set(manifest.read(bundle).names)
    except BundleError:
        return set()
