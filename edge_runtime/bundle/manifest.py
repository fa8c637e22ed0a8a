"""The manifest: what a bundle says of itself.

``manifest.json`` crosses machines, so it has a schema version and is read strictly. It holds no
timestamp, no timing and no host path: the same inputs and versions write the same bytes.

Schema history:
    1  first: model, classes, preprocessing, golden pack, artifacts.
    2  preprocessing says who normalises; an artifact says which gates were overridden, which layers
       fell back to FP32, and what share of weights and arithmetic became INT8, and why not more.
    3  preprocessing says what an image's shorter side is scaled to; a wheelhouse may come along.
    4  an artifact says by whose arithmetic it was judged; shares may be unknown (null).
    5  what was changed in the model that was given; what turns its logits into probabilities;
       preprocessing says how an image is resized, and color may be BGR or GREY; an artifact says
       which layers are FP32 for its speed, and whether its biases were corrected.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge_runtime.bundle.paths import FILE as FILE
from edge_runtime.bundle.paths import GOLDEN_FILE as GOLDEN_FILE
from edge_runtime.bundle.paths import RUNTIME_FILE as RUNTIME_FILE
from edge_runtime.bundle.paths import SETUP_FILE as SETUP_FILE
from edge_runtime.bundle.paths import WHEELS_FOLDER as WHEELS_FOLDER
from edge_runtime.bundle.paths import inside, wheels_folder
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.bundle.probabilities import Probabilities
from edge_runtime.documents import json_file, strict
from edge_runtime.documents.strict import Count, Magnitude, Share
from edge_runtime.errors import BundleError, reason

SCHEMA = 5

MOST_VALUES = 2**28
"""Of a model's input: as float32 these take 1 GB."""


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
    size_bytes: Count
    sha256: str


@dataclass(frozen=True)
class Quantized:
    """What of an artifact became INT8, and what did not and why.

    Attributes:
        weight_share: share (0-1) of the FP32 model's weights that is INT8; None where unknown.
        mac_share: share (0-1) of its multiply-accumulates; None where unknown.
        int8, fp32: how many operators compute in which, by type.
        why_fp32: the reason, by type.
        quantize_nodes_between: quantize and dequantize nodes left between integer operators.
    """

    weight_share: Share | None = None
    mac_share: Share | None = None
    int8: dict[str, Count] = field(default_factory=dict)
    fp32: dict[str, Count] = field(default_factory=dict)
    why_fp32: dict[str, str] = field(default_factory=dict)
    quantize_nodes_between: Count = 0


@dataclass(frozen=True)
class ParityRecord:
    """How an artifact's answers differ from the FP32 model's, on so many real images."""

    images: Count
    top1_agreement: Share
    largest_logit_difference: Magnitude


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class AccuracyRecord:
    """How often an artifact is right, beside the FP32 model.

    Attributes:
        split: the part of the data set that was answered.
        images: how many.
        top1, fp32_top1: shares (0-1) of right answers.
        drop_points: what of top-1 is lost against FP32, in percentage points, paired.
    """

    split: str
    images: Count
    top1: Share
    fp32_top1: Share
    drop_points: Interval


@dataclass(frozen=True)
class CalibrationRecord:
    """What set the activation ranges of a static INT8 model: so many images, drawn with a seed.

    Attributes:
        method: how ranges were found; ``learned`` by a quantization-aware training on the images.
        images, split, seed: which images.
        corrected_biases: whether biases make good what the rounding of weights takes away.
    """

    method: str
    images: Count
    split: str
    seed: int
    corrected_biases: bool = False


@dataclass(frozen=True)
class SplitRecord:
    """Images of one part of a data set."""

    split: str
    images: Count


@dataclass(frozen=True)
class ImagesRecord:
    """Where the images came from that checked the artifacts, and the golden ones."""

    dataset: str
    validation: SplitRecord
    golden: SplitRecord


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One model file.

    Attributes:
        file: its name; it lies at the bundle's top.
        format: what was written: ``onnx``, ``torchscript``.
        engine: what checked it when it was exported: a name in ``edge_runtime.engines``. Every
            engine that reads its format may run it.
        precision: ``fp32``, ``int8-dynamic``, ...
        target: the CPU class it was made for, or ``any``.
        input, output: what goes in and what comes out first.
        size_bytes, sha256: to know the file by.
        opset, ir_version: of an ONNX file.
        quantized: what of it is INT8.
        judged_by: the arithmetic that parity, accuracy and the exported answers come from:
            ``engine``, the checking engine's own kernels on the exporting CPU, or ``reference``,
            what the format defines, in sums that saturate on no CPU: the same everywhere.
        parity: against the FP32 model, on real images.
        accuracy: top-1 on validation images, beside the FP32 model's, and the paired drop.
        calibration: what set the activation ranges of a static model.
        fallback: layers that were returned to FP32 to keep the accuracy.
        faster_fp32: layers that were returned to FP32 because they are faster so than in INT8 with
            the conversions around them.
        overridden: gates that it failed, and that ``--force`` let it pass.
    """

    file: str
    format: str
    engine: str
    precision: str
    target: str
    input: TensorSpec
    output: TensorSpec
    size_bytes: Count
    sha256: str
    opset: int | None = None
    ir_version: int | None = None
    quantized: Quantized
    judged_by: str = "engine"
    parity: ParityRecord
    accuracy: AccuracyRecord
    calibration: CalibrationRecord | None = None
    fallback: tuple[str, ...] = ()
    faster_fp32: tuple[str, ...] = ()
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


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is in a bundle.

    Attributes:
        model: the architecture's name.
        classes: class names in the order of the logits.
        preprocessing: how images become inputs.
        files: the bundle's other files.
        artifacts: the models.
        images: where the images came from that checked the artifacts, and the golden ones.
        changes: what was changed in the model that was given, before it was exported; a sentence
            each.
        probabilities: what turns its logits into probabilities.
        versions: of what wrote the bundle.
        wheelhouse: what a device installs from the bundle alone, if that was asked for.
    """

    model: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    files: tuple[FileRecord, ...]
    artifacts: tuple[Artifact, ...]
    images: ImagesRecord
    changes: tuple[str, ...] = ()
    probabilities: Probabilities = Probabilities.SOFTMAX
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
        content = json_file.read(path)
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(
            f"{bundle} is no bundle: it has no {FILE}.",
            "Give the folder that `cifarq-export` wrote.",
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(
            f"cannot read {path}: {reason(error)}.", "Copy the bundle again."
        ) from error
    if not isinstance(content, dict) or not json_file.has_schema(content, SCHEMA):
        schema = content.get("schema") if isinstance(content, dict) else None
        raise BundleError(
            f"{path} has schema {schema!r:.40}; this edge-bench reads {SCHEMA}.",
            f"Use the {RUNTIME_FILE} that came with the bundle.",
        )
    try:
        manifest = strict.build(Manifest, content)
        _check(manifest)
    except ValueError as error:
        raise BundleError(
            f"{path} is not a valid manifest: {error}.", "Export the bundle again."
        ) from error
    for name in manifest.names:
        inside(bundle, name)
    for wheel in manifest.wheelhouse.wheels if manifest.wheelhouse else ():
        inside(wheels_folder(bundle), wheel.file)
    return manifest


def require_class_names(names: Sequence[str]) -> None:
    """Refuse what cannot be the names of a model's classes, in the order of its logits.

    Raises:
        ValueError: there are fewer than 2, one is empty, or two are the same.
    """
    if len(names) < 2:
        raise ValueError(f"classes names {len(names)}; a classifier has 2 or more")
    if not all(names):
        raise ValueError(f"classes[{names.index('')}] is empty")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"classes names {twice!r:.60} twice")


def _check(manifest: Manifest) -> None:
    """Refuse what is valid field by field, and makes no sense together."""
    require_class_names(manifest.classes)
    if twice := {name for name in manifest.names if manifest.names.count(name) > 1}:
        raise ValueError(f"{twice.pop()!r} is named twice")
    how = manifest.preprocessing
    # Wrong inputs give wrong answers and no error.
    if (how.layout, tuple(how.range)) != ("NCHW", (0, 1)):
        raise ValueError(f"preprocessing {how}: this edge-bench knows NCHW, range 0 to 1")
    for artifact in manifest.artifacts:
        _check_input(artifact, how)


def _check_input(artifact: Artifact, how: Preprocessing) -> None:
    """Refuse an artifact whose input is not what preprocessing makes of an image."""
    shape = artifact.input.shape
    channels = shape[1] if len(shape) == 4 else None
    if not len(how.mean) == len(how.std) == how.channels == channels:
        raise ValueError(
            f"{how.color}, {len(how.mean)} means and {len(how.std)} deviations for "
            f"{artifact.file}, whose input is {shape}"
        )
    if artifact.input.dtype != how.dtype:
        raise ValueError(
            f"{artifact.file} takes {artifact.input.dtype}, preprocessing by the "
            f"{how.normalised_by} gives {how.dtype}"
        )
    sizes = [size for size in shape if isinstance(size, int)]
    if min(sizes, default=1) < 1 or math.prod(sizes) > MOST_VALUES:
        raise ValueError(f"the input of {artifact.file} is {shape}, which is no batch of images")
    height, width = (side if isinstance(side, int) else 1 for side in shape[2:])
    if how.resize is not None and how.resize.shorter < (least := how.resize.least(height, width)):
        raise ValueError(
            f"preprocessing.resize.shorter is {how.resize.shorter}, less than the {least} pixels "
            f"of {artifact.file}"
        )
