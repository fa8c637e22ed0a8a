"""What an export found and would find again: JSON files named by the hash of what they depend on.

In the user's cache, so that a second run of a command does no work twice, and beside an export's
other files, because an export asks more than once and the user's cache may be read-only.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from cifarq.data import cache
from edge_runtime.files import remove_leftovers, write_text


@dataclass(frozen=True)
class Cache:
    """Folders that hold what was found.

    Attributes:
        folders: looked at in this order; what is found is written to each.
    """

    folders: tuple[Path, ...]

    def contents(self, key: str) -> Iterator[Any]:
        """Yield what the files of a key hold; those that are absent or no JSON are passed over."""
        for file in self._files(key):
            with suppress(OSError, ValueError):
                yield json.loads(file.read_bytes())

    def write(self, key: str, content: Any) -> None:
        """Write JSON values; a folder that cannot be written to is no error."""
        for file in self._files(key):
            with suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
                remove_leftovers(file)
                write_text(file, json.dumps(content, indent=0) + "\n")

    def _files(self, key: str) -> list[Path]:
        return [folder / f"{key}.json" for folder in self.folders]


def of_user(scratch: Path | None = None) -> Cache:
    """Return the user's cache, and ``scratch`` beside it."""
    users = cache.folder() / "calibration"
    return Cache((users,) if scratch is None else (users, scratch))


def key_of(model: Any, images: bytes, *settings: object) -> str:
    """Return the hash of a model, of images and of all else that a result depends on."""
    digest = hashlib.sha256(model.SerializeToString(deterministic=True))
    digest.update(images)
    digest.update(repr((*settings, onnxruntime.__version__)).encode())
    return digest.hexdigest()
