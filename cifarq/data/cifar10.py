"""CIFAR-10's official *binary version*: finding it, fetching it, reading it.

Each file holds 10,000 records of 1 label byte (0-9) and 3,072 image bytes, channel-major (32x32
red, then green, then blue), row-major.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
https://www.cs.toronto.edu/~kriz/cifar.html
"""

import http.client
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cifarq.data import cache as user_cache
from cifarq.data.labelled import LabelledImages
from edge_runtime import locks
from edge_runtime.errors import DataError
from edge_runtime.files import read_regular

NAME = "cifar10"
CLASSES: tuple[str, ...] = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILES = ("test_batch.bin",)
_SHAPE = (3, 32, 32)
_RECORD_BYTES = 1 + 3 * 32 * 32
_RECORDS = 10_000
_MOST_BYTES = 2**26  # twice what a file holds


@dataclass(frozen=True)
class Archive:
    """Where the archive is fetched from, and the MD5 that its publisher states for it."""

    url: str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    md5: str = "c32a1d4ab5d03f1284b67883e8d87530"


def find(data_dir: Path) -> Path | None:
    """Return the binary-layout folder that ``data_dir`` is or holds, or None."""
    for folder in (data_dir / FOLDER, data_dir):
        if (folder / TRAIN_FILES[0]).is_file() or (folder / TEST_FILES[0]).is_file():
            return folder
    return None


def find_or_download(archive: Archive | None = None, cache: Path | None = None) -> Path:
    """Return the binary-layout folder in the user's cache, downloading it if it is not there.

    Args:
        archive: what to download; the official archive by default.
        cache: where to look and to put it; the user's by default.

    Raises:
        DataError: it is not there and cannot be fetched; the message names both places.
    """
    archive = archive or Archive()
    cache = cache or user_cache.folder()
    if folder := find(cache):
        return folder
    # torchvision's downloader shows progress and checks the MD5. It loads PyTorch: import late.
    from torchvision.datasets.utils import download_url

    try:
        cache.mkdir(parents=True, exist_ok=True)
        with locks.scratch(cache) as scratch:
            download_url(archive.url, scratch, filename="archive.tar.gz", md5=archive.md5)
            with tarfile.open(scratch / "archive.tar.gz") as tar:
                tar.extractall(scratch, filter="data")
            shutil.rmtree(cache / FOLDER, ignore_errors=True)
            (scratch / FOLDER).replace(cache / FOLDER)
    except (OSError, RuntimeError, tarfile.TarError, http.client.HTTPException) as error:
        raise DataError(
            f"CIFAR-10 is not in {cache / FOLDER}, and {archive.url} could not be fetched "
            f"({error}).",
            f"Give a folder that holds {FOLDER} with --data-dir.",
        ) from error
    return cache / FOLDER


def read(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """Read train (50,000) and test (10,000), in the official order.

    Raises:
        DataError: a file is missing, truncated, or holds a label above 9.
    """
    return _read_files(folder, TRAIN_FILES), _read_files(folder, TEST_FILES)


def _read_files(folder: Path, names: tuple[str, ...]) -> LabelledImages:
    records = np.concatenate([_read_records(folder / name) for name in names])
    labels = records[:, 0].astype(np.int64)
    return LabelledImages(records[:, 1:].reshape(-1, *_SHAPE), labels)


def _read_records(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    expected = _RECORDS * _RECORD_BYTES
    try:
        content = np.frombuffer(read_regular(path, _MOST_BYTES), dtype=np.uint8)
    except OSError as error:
        raise DataError(
            f"cannot read {path} ({error.strerror}). CIFAR-10's binary version has "
            f"{len(TRAIN_FILES)} train files and 1 test file.",
            "Copy all of them.",
        ) from error
    if content.size != expected:
        raise DataError(
            f"{path} has {content.size} bytes; expected {expected} (10,000 records of "
            f"{_RECORD_BYTES} bytes). The file is truncated or is not CIFAR-10's.",
            "Download it again.",
        )
    records = content.reshape(_RECORDS, _RECORD_BYTES)
    if records[:, 0].max() >= len(CLASSES):
        raise DataError(
            f"{path} holds label {records[:, 0].max()}; expected 0 to {len(CLASSES) - 1}. "
            "The file is damaged.",
            "Download it again.",
        )
    return records
