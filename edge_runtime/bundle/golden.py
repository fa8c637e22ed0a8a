"""The golden pack: real test images that travel with a bundle, so that a device can check itself.

``golden.npz`` holds ``images`` (N, C, H, W) uint8, RGB or grey, ``labels`` (N,) and ``logits`` (N,
classes) float32: what the FP32 PyTorch model answered at export. ``exported/FILE`` (N,
classes) is what an INT8 artifact answered there, one image a call: INT8 outputs differ by CPU
(onnxruntime#20479), and a device is told whether its own do.
"""

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle import integrity, manifest
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.documents.arrays import read_npz
from edge_runtime.errors import BundleError
from edge_runtime.files import read_regular, write_bytes

_EXPORTED = "exported/"
_EXPORT_AGAIN = "Export the bundle again."
_MOST_BYTES = 256 * 2**20
"""Of a pack, packed and unpacked: the exporter puts some 16 MB of images into one."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


@dataclass(frozen=True)
class Golden:
    """Images (N, C, H, W) uint8, labels (N,) int64, FP32 logits (N, classes) float32.

    ``exported`` holds, by file name, an INT8 artifact's own logits (N, classes) float32.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    exported: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def first(self, count: int) -> "Golden":
        """Return the first ``count`` images; they are in random order, so any prefix is fair."""
        return Golden(
            self.images[:count],
            self.labels[:count],
            self.logits[:count],
            {name: logits[:count] for name, logits in self.exported.items()},
        )


def of_bundle(bundle: Path, content: Manifest) -> Golden:
    """Return a bundle's golden pack after checking that it is whole and fits the model.

    Raises:
        BundleError: it is missing, corrupt, or not for this model.
    """
    pack = parse(integrity.read_golden(bundle, content), manifest.GOLDEN_FILE)
    if (classes := pack.logits.shape[1]) != len(content.classes):
        raise BundleError(
            f"{manifest.GOLDEN_FILE} has {classes} logits an image, the model "
            f"{len(content.classes)} classes.",
            _EXPORT_AGAIN,
        )
    for artifact in content.artifacts:
        if pack.images.shape[1:] != artifact.input.shape[1:]:
            raise BundleError(
                f"{manifest.GOLDEN_FILE} has images of {pack.images.shape[1:]}, {artifact.file} "
                f"takes {artifact.input.shape[1:]}.",
                _EXPORT_AGAIN,
            )
    return pack


def read(path: Path) -> Golden:
    """Read a golden pack from its file, whatever its hash.

    Raises:
        BundleError: it is not one, or its arrays do not fit together.
    """
    try:
        content = read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise BundleError(f"{path}: cannot read it ({error.strerror}).") from error
    return parse(content, str(path))


def parse(content: bytes, name: str) -> Golden:
    """Return the golden pack that a file holds; nothing in it is unpickled.

    Args:
        content: the file's.
        name: what to call it in errors.

    Raises:
        BundleError: it is not one, or its arrays do not fit together.
    """
    try:
        arrays = read_npz(io.BytesIO(content), _MOST_BYTES)
        images, labels, logits = arrays["images"], arrays["labels"], arrays["logits"]
        exported = {
            key.removeprefix(_EXPORTED): array
            for key, array in arrays.items()
            if key.startswith(_EXPORTED)
        }
    except Exception as error:  # a damaged archive makes zipfile raise nearly anything
        raise BundleError(
            f"{name} is no golden pack: {error}.", "Copy the bundle again."
        ) from error
    if (
        images.ndim != 4
        or images.dtype != np.uint8
        or not len(images)
        or labels.shape != (len(images),)
    ):
        raise BundleError(
            f"{name}: images {images.shape} {images.dtype} with {labels.shape} labels; expected "
            "(N, C, H, W) uint8 and N labels.",
            _EXPORT_AGAIN,
        )
    if logits.shape[:1] != labels.shape or logits.ndim != 2 or logits.dtype != np.float32:
        raise BundleError(
            f"{name}: logits {logits.shape} {logits.dtype} for {len(images)} images.",
            _EXPORT_AGAIN,
        )
    if not np.isfinite(logits).all():
        raise BundleError(f"{name}: some logits are not finite.", _EXPORT_AGAIN)
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise BundleError(
            f"{name}: some labels are not among {logits.shape[1]} classes.",
            _EXPORT_AGAIN,
        )
    for file, answers in exported.items():
        if answers.shape != logits.shape or answers.dtype != np.float32:
            raise BundleError(
                f"{name}: {file} has {answers.shape} logits, not {logits.shape}.",
                _EXPORT_AGAIN,
            )
    return Golden(images, labels.astype(np.int64), logits, exported)


def write(golden: Golden, path: Path) -> None:
    """Write a golden pack whose bytes depend on its content alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        arrays: dict[str, NDArray[Any]] = {
            "images": golden.images,
            "labels": golden.labels,
            "logits": golden.logits,
        }
        arrays |= {_EXPORTED + name: golden.exported[name] for name in sorted(golden.exported)}
        for name, values in arrays.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.ascontiguousarray(values))
            archive.writestr(zip_entry(f"{name}.npy"), array.getvalue(), zipfile.ZIP_DEFLATED, 9)
    write_bytes(path, buffer.getvalue())


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Return an archive member with a fixed date and plain permissions."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    return entry
