"""The manifest: what a bundle says of itself, and the check that its files are the ones it means.

``manifest.json`` crosses machines, so it has a schema version and is read strictly. It holds no
timestamp, no timing and no host path: the same inputs and versions write the same bytes.

Schema history:
    1  first: model, classes, preprocessing, golden pack, artifacts.
    2  preprocessing says who normalises; an artifact says which gates were overridden, which layers
       fell back to FP32, and what share of weights and arithmetic became INT8, and why not more.
    3  preprocessing says what an image's shorter side is scaled to; a wheelhouse may come along.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.documents import strict
from edge_runtime.errors import BundleError
from edge_runtime.files import sha256_of

SCHEMA = 3
FILE = "manifest.json"
GOLDEN_FILE = "golden.npz"
RUNTIME_FILE = "edge-bench.pyz"
SETUP_FILE = "setup-device.sh"
WHEELS_FOLDER = "wheels"


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: its name, its shape with ``N`` for the batch, its element type."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str


@dataclass(frozen=True)
class FileRecord:
    """A file of the bundle that is no artifact: the golden pack, the runtime."""

    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Artifact:
    """One model file.

    Attributes:
        file: its name; it lies at the bundle's top.
        format: what was written: ``onnx``, ``torchscript``.
        engine: what runs it: a name in ``edge_runtime.engines``.
        precision: ``fp32``, ``int8-dynamic``, ...
        target: the CPU class it was made for, or ``any``.
        input, output: what goes in and what comes out first.
        size_bytes, sha256: to know the file by.
        opset, ir_version: of an ONNX file.
        quantized: which operators became INT8 and which did not and why, and the shares of
            weights and of multiply-accumulates that they hold.
        parity: against the FP32 model, on real images.
        accuracy: top-1 on validation images, beside the FP32 model's, and the paired drop.
        calibration: what set the activation ranges of a static model.
        fallback: layers that were returned to FP32 to keep the accuracy.
        overridden: gates that it failed, and that ``--force`` let it pass.
    """

    file: str
    format: str
    engine: str
    precision: str
    target: str
    input: TensorSpec
    output: TensorSpec
    size_bytes: int
    sha256: str
    opset: int | None = None
    ir_version: int | None = None
    quantized: dict[str, Any] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    accuracy: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] | None = None
    fallback: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wheelhouse:
    """The wheels in ``wheels/``: all that an offline device installs.

    Attributes:
        platform: whom they are for: a name in ``setup/platforms.py``.
        wheels: the files.
    """

    platform: str
    wheels: tuple[FileRecord, ...]


@dataclass(frozen=True)
class Manifest:
    """What is in a bundle.

    Attributes:
        model: the architecture's name.
        classes: class names in the order of the logits.
        preprocessing: how images become inputs.
        files: the bundle's other files.
        artifacts: the models.
        images: where the images came from that checked the artifacts, and the golden ones.
        versions: of what wrote the bundle.
        wheelhouse: what a device installs from the bundle alone, if that was asked for.
    """

    model: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    files: tuple[FileRecord, ...]
    artifacts: tuple[Artifact, ...]
    images: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    wheelhouse: Wheelhouse | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files at the bundle's top that it names."""
        return (*(record.file for record in self.files), *(a.file for a in self.artifacts))

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that it names, the wheels too, as paths from the bundle's folder."""
        house = self.wheelhouse.wheels if self.wheelhouse else ()
        return (*self.names, *(f"{WHEELS_FOLDER}/{wheel.file}" for wheel in house))

    def to_json(self) -> str:
        """Return the manifest's text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"


def read(bundle: Path) -> Manifest:
    """Read and check the manifest of a bundle. Its files are not looked at yet.

    Raises:
        BundleError: there is none, it is not valid, or it names a file outside the bundle.
    """
    path = bundle / FILE
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(
            f"{bundle} is no bundle: it has no {FILE}. Give the folder that `cifarq-export` wrote."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"cannot read {path}: {error}. Copy the bundle again.") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        schema = content.get("schema") if isinstance(content, dict) else None
        raise BundleError(
            f"{path} has schema {schema!r}; this edge-bench reads {SCHEMA}. Use the edge-bench.pyz "
            "that came with the bundle."
        )
    try:
        manifest = _from_json(content)
    except KeyError as error:
        raise BundleError(f"{path} lacks {error}. Export the bundle again.") from error
    except (TypeError, ValueError) as error:
        raise BundleError(f"{path} is not a valid manifest: {error}. Export it again.") from error
    for name in manifest.names:
        _inside(bundle, name)
    for wheel in manifest.wheelhouse.wheels if manifest.wheelhouse else ():
        _inside(_wheels_folder(bundle), wheel.file)
    return manifest


def verified_wheel(bundle: Path, record: FileRecord) -> Path:
    """Return the path of a wheel after checking that it is whole.

    Raises:
        BundleError: it is missing, outside the bundle, or its SHA-256 is another.
    """
    return verified(_wheels_folder(bundle), record)


def verified(bundle: Path, record: FileRecord | Artifact) -> Path:
    """Return the path of a bundle's file after checking that it is whole.

    Raises:
        BundleError: it is missing, outside the bundle, or its SHA-256 is another.
    """
    path = _inside(bundle, record.file)
    try:
        size, found = path.stat().st_size, sha256_of(path)
    except OSError as error:
        raise BundleError(
            f"{record.file}: cannot read it ({error.strerror}). Copy the bundle again."
        ) from error
    if found != record.sha256:
        raise BundleError(
            f"{record.file}: corrupt, {size} bytes with SHA-256 {found[:12]}... where the manifest "
            f"says {record.size_bytes} bytes with {record.sha256[:12]}.... Copy it again."
        )
    return path


def problems(bundle: Path, records: Iterable[FileRecord | Artifact]) -> list[str]:
    """Return what is wrong with files of a bundle, a sentence each."""
    found = []
    for record in records:
        try:
            verified(bundle, record)
        except BundleError as error:
            found.append(str(error))
    return found


def whole_wheels(bundle: Path, content: Manifest) -> tuple[list[Path], list[str]]:
    """Return the wheels that are whole, and what is wrong with the others, a sentence each."""
    files, broken = [], []
    for wheel in content.wheelhouse.wheels if content.wheelhouse else ():
        try:
            files.append(verified_wheel(bundle, wheel))
        except BundleError as error:
            broken.append(f"{WHEELS_FOLDER}/{error}")
    return files, broken


def verified_golden(bundle: Path, content: Manifest) -> Path:
    """Return the path of a bundle's golden pack after checking that it is whole.

    Raises:
        BundleError: it is missing or corrupt.
    """
    for record in content.files:
        if record.file == GOLDEN_FILE:
            return verified(bundle, record)
    raise BundleError(f"{bundle / FILE} names no {GOLDEN_FILE}. Export the bundle again.")


def _wheels_folder(bundle: Path) -> Path:
    folder = bundle / WHEELS_FOLDER
    if folder.is_symlink():
        raise BundleError(f"{folder} is a link. A bundle never points outside itself.")
    return folder


def _inside(bundle: Path, name: str) -> Path:
    path = bundle / name
    plain = Path(name).name == name and "\\" not in name and name not in ("", ".", "..")
    try:
        inside = plain and path.resolve().parent == bundle.resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, a surrogate, a loop of links
        inside = False
    if not inside:
        raise BundleError(
            f"{bundle / FILE} names {name!r}, which is not a file at the bundle's top. A bundle "
            "never points outside itself: do not use this one."
        )
    return path


def _from_json(content: dict[str, Any]) -> Manifest:
    manifest = strict.build(Manifest, content)
    for artifact in manifest.artifacts:
        agreement = artifact.parity.get("top1_agreement", 1)
        if not isinstance(agreement, int | float) or not 0 <= agreement <= 1:
            raise ValueError(f"{artifact.file}: top1_agreement is {agreement!r:.40}, not a share")
    wheels = manifest.wheelhouse.wheels if manifest.wheelhouse else ()
    records: tuple[FileRecord | Artifact, ...] = (*manifest.files, *manifest.artifacts, *wheels)
    for record in records:
        if record.size_bytes < 0:
            raise ValueError(f"{record.file}: size_bytes is {record.size_bytes}, not a size")
    if len(manifest.classes) < 2:
        raise ValueError(f"{len(manifest.classes)} classes; a classifier has at least 2")
    if twice := {name for name in manifest.names if manifest.names.count(name) > 1}:
        raise ValueError(f"{twice.pop()!r} is named twice")
    _check_preprocessing(manifest)
    return manifest


def _check_preprocessing(manifest: Manifest) -> None:
    """Refuse what this runtime would not obey: wrong inputs give wrong answers and no error."""
    how = manifest.preprocessing
    if (how.color, how.layout, tuple(how.range)) != ("RGB", "NCHW", (0, 1)):
        raise ValueError(f"preprocessing {how}: this edge-bench knows RGB, NCHW, range 0 to 1")
    for artifact in manifest.artifacts:
        channels = artifact.input.shape[1] if len(artifact.input.shape) == 4 else None
        if not len(how.mean) == len(how.std) == channels:
            raise ValueError(
                f"{len(how.mean)} means and {len(how.std)} deviations for {artifact.file}, whose "
                f"input is {artifact.input.shape}"
            )
        if artifact.input.dtype != how.dtype:
            raise ValueError(
                f"{artifact.file} takes {artifact.input.dtype}, preprocessing by the "
                f"{how.normalised_by} gives {how.dtype}"
            )
    if how.resize is not None:
        sides = [side for a in manifest.artifacts for side in a.input.shape[2:]]
        least = max((side for side in sides if isinstance(side, int)), default=1)
        if isinstance(how.resize, bool) or not isinstance(how.resize, int) or how.resize < least:
            raise ValueError(f"resize {how.resize!r:.40} is no number of pixels of {least} or more")
    numbers = (*how.mean, *how.std)
    if (
        not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
        or min(how.std) <= 0
    ):
        raise ValueError(f"mean {how.mean} and std {how.std} have to be finite, and std above 0")
