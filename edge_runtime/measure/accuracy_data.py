"""Images with labels for top-1 on the device, beyond the golden pack: ``--accuracy-data``.

Two forms are read, with numpy alone: a ``.npz`` file with ``images`` (N, C, H, W) uint8 and
``labels`` (N,), and CIFAR-10's binary version (records of a label and 3,072 bytes).

Run as a child (``main``) it says what a file holds, so that the waiting process needs no numpy.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.bundle import manifest
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.documents import arrays, strict
from edge_runtime.errors import DataError, ToolkitError, reason
from edge_runtime.files import open_regular, read_regular
from edge_runtime.measure import child
from edge_runtime.measure.child import Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CIFAR10_RECORD = 1 + 3 * 32 * 32
_NAMES = ("test_batch.bin", "cifar-10-batches-bin/test_batch.bin", "test.npz")
_MOST_BYTES = 4 * 2**30
"""Of the file, and of what is unpacked of it: 27,000 images of 224x224 pixels."""

_REMEDY = (
    "Give a .npz with images (N, C, H, W) uint8 and labels (N,), or CIFAR-10's binary "
    "test_batch.bin."
)


@dataclass(frozen=True)
class LabelledImages:
    """Images (N, C, H, W) uint8, RGB or grey, and labels (N,) int64 in the order of the classes."""

    images: "NDArray[np.uint8]"
    labels: "NDArray[np.int64]"

    def require_fit(self, content: Manifest) -> None:
        """Refuse images of another shape than the model's, or labels it has no class for.

        Raises:
            DataError: with what does not fit.
        """
        shape = content.artifacts[0].input.shape[1:]
        if self.images.shape[1:] != shape:
            raise DataError(
                f"--accuracy-data holds images of {self.images.shape[1:]}, the model takes {shape}."
            )
        if (largest := int(self.labels.max())) >= len(content.classes):
            raise DataError(
                f"--accuracy-data has the label {largest}, the model only "
                f"{len(content.classes)} classes."
            )


def find(path: Path) -> Path:
    """Return the file that a path given by the user means: itself, or the test set in a folder.

    Raises:
        DataError: there is none.
    """
    try:
        files = [file for file in (path, *(path / name for name in _NAMES)) if file.is_file()]
    except OSError as error:
        raise DataError(f"--accuracy-data {str(path)[:100]}: {error.strerror}.") from error
    if files:
        return files[0]
    if path.is_dir():
        raise DataError(f"--accuracy-data {path} holds none of {', '.join(_NAMES)}.", _REMEDY)
    raise DataError(f"--accuracy-data {path} does not exist.", _REMEDY)


def describe(path: Path) -> str:
    """Return what results say of a file: its name, and the hash that tells it from another.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open_regular(path, _MOST_BYTES) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return f"{path.name}, SHA-256 {sha256[:12]}"
    except OSError as error:
        raise DataError(f"--accuracy-data {path}: cannot be read ({error.strerror}).") from error


def read(path: Path) -> LabelledImages:
    """Read labelled images; nothing in the file is unpickled.

    Raises:
        DataError: it is of neither form, or damaged.
    """
    import numpy as np

    try:
        if path.suffix == ".npz":
            with open_regular(path, _MOST_BYTES) as file:
                found = arrays.read_npz(file, _MOST_BYTES, ("images", "labels"))
            images, labels = found["images"], found["labels"]
        else:
            records = np.frombuffer(read_regular(path, _MOST_BYTES), np.uint8)
            if not len(records) or len(records) % CIFAR10_RECORD:
                raise ValueError(f"{len(records)} bytes are no records of {CIFAR10_RECORD}")
            records = records.reshape(-1, CIFAR10_RECORD)
            images, labels = records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
    except OSError as error:
        raise DataError(f"--accuracy-data {path}: {error.strerror}.", _REMEDY) from error
    except KeyError as error:
        raise DataError(f"--accuracy-data {path} holds no array {error}.", _REMEDY) from error
    except Exception as error:  # a damaged archive makes zipfile raise nearly anything
        raise DataError(f"--accuracy-data {path}: {reason(error)}.", _REMEDY) from error
    fits = images.ndim == 4 and images.dtype == np.uint8 and labels.shape == (len(images),)
    countable = fits and len(images) and labels.dtype.kind in "iu"
    if not countable or not 0 <= labels.min() <= labels.max() < 2**31:
        raise DataError(
            f"--accuracy-data {path} has images {images.shape} {images.dtype} and labels "
            f"{labels.shape} {labels.dtype}.",
            _REMEDY,
        )
    return LabelledImages(images, labels.astype(np.int64))


def check(path: Path, bundles: list[Path]) -> None:
    """Read a file in a child process, and hold it against the models of bundles.

    Raises:
        DataError: it cannot be read or does not fit.
    """
    request = _Request(str(path), tuple(map(str, bundles)))
    answer = child.ask(child.command("edge_runtime.measure.accuracy_data"), request, _Answer)
    if isinstance(answer, Failure):
        raise DataError(f"--accuracy-data {path}: {answer}")
    if answer.what:
        raise DataError(answer.what, answer.remedy)


@dataclass(frozen=True)
class _Request:
    file: str
    bundles: tuple[str, ...]


@dataclass(frozen=True)
class _Answer:
    """What is wrong, and what to do about it; nothing where the file fits."""

    what: str = ""
    remedy: str = ""


def _answer(request: _Request) -> _Answer:
    try:
        data = read(Path(request.file))
        for bundle in request.bundles:
            data.require_fit(manifest.read(Path(bundle)))
    except ToolkitError as error:
        return _Answer(error.what, error.remedy)
    return _Answer()


def main() -> None:
    """Answer the request of ``check``."""
    with child.answers() as out:
        child.answer(_answer(strict.build(_Request, json.load(sys.stdin))), out)
