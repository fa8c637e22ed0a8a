"""What is spoilt, and how each is used: by the functions that the commands call, in one process.

A subject's ``use`` returns whether the mutant was accepted; what was accepted has been used, and
gave figures. ``ToolkitError`` is a refusal in a line; whatever else is raised is a fault.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import resource
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mutation
import numpy as np
from hypothesis import strategies as st

from edge_runtime.errors import DataError, ToolkitError

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL_BUNDLE = REPOSITORY / "benchmarks" / "seed-cnn-int8-bundle"
RESULTS = REPOSITORY / "tests" / "edge_runtime" / "golden" / "json.txt"


@dataclass(frozen=True)
class Subject:
    """A kind of file.

    Attributes:
        mutants: what is drawn.
        use: reads and uses a mutant.
    """

    mutants: st.SearchStrategy[Any]
    use: Callable[[Any], object]

    def accepts(self, mutant: Any) -> bool:
        """Use a mutant, and say whether it was accepted."""
        try:
            self.use(mutant)
        except ToolkitError as error:
            assert error.what
            return False
        return True


def finite(values: Any) -> None:
    """Check that figures are figures."""
    assert np.isfinite(np.asarray(values, np.float64)).all(), values


def manifest(folder: Path) -> Subject:
    """A bundle's manifest: the bundle is examined, and classifies an image."""
    from edge_runtime import Classifier
    from edge_runtime.bundle import golden, manifest
    from edge_runtime.doctor import examine
    from edge_runtime.setup import platforms

    bundle = Path(shutil.copytree(SMALL_BUNDLE, folder / "bundle"))
    path = bundle / "manifest.json"
    content = json.loads(path.read_bytes())
    for artifact in content["artifacts"]:  # so that what is shorter is reached by more edits
        artifact["quantized"]["why_fp32"] = {}
    image = np.full((32, 32, 3), 99, np.uint8)

    def use(text: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(text)
        read = manifest.read(bundle)
        assert list(examine.target(bundle, platforms.device("pi4")))
        golden.of_bundle(bundle, read)
        (answer,) = Classifier(bundle).predict(image, top=99)
        finite([probability for _, probability in answer.top])

    return Subject(mutation.json_texts(content), use)


def results(folder: Path) -> Subject:
    """A results file: it is drawn in every output, and compared with the one it was made from."""
    from edge_runtime import report
    from edge_runtime.report import compared
    from edge_runtime.report.command import OUTPUTS
    from edge_runtime.results import comparison, document

    path, before = folder / "after.json", folder / "before.json"
    content = json.loads(RESULTS.read_bytes())
    for row in content["rows"]:
        for turn in row["turns"]:
            turn["samples_ns"] = turn["samples_ns"][:25]
            turn["warm_up_ns"] = turn["warm_up_ns"][:2]
    before.write_text(json.dumps(content))
    allowed = frozenset({"host", "cpus", "threads", "batch-size", "model"})

    def use(text: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(text)
        read = document.read(path)
        drawn = {output: report.render(read, output) for output in OUTPUTS}
        assert read.exit_code in (0, 1) and read.whole_rounds().rounds_done >= 0
        path.write_text(drawn["json"])
        assert document.read(path) == read
        rows = list(csv.DictReader(io.StringIO(drawn["csv"])))
        figures = [
            value for row in rows for key, value in row.items() if "speed" in key or "ms" in key
        ]
        finite([float(value) for value in figures if value])
        assert not re.search(r"(?<![\w.])(nan|inf)(?![\w.])", drawn["table"] + drawn["markdown"])
        with contextlib.suppress(ToolkitError):
            both = comparison.of((before, path), allowed)
            for output in ("table", "markdown", "csv", "json"):
                assert compared.render(both, output)

    return Subject(mutation.json_texts(content), use)


def checkpoint(folder: Path) -> Subject:
    """A checkpoint, its metadata or its weights: it is evaluated."""
    import safetensors.torch
    import torch

    from cifarq import checkpoint, models
    from cifarq.data.labelled import LabelledImages
    from cifarq.evaluation import evaluate

    shape, classes = (3, 4, 4), ("ant", "bee", "cat")
    torch.manual_seed(0)
    weights = models.get("seed-cnn").build(3, shape).state_dict()
    whole = checkpoint.Checkpoint("seed-cnn", classes, shape, (0.5,) * 3, (0.2,) * 3, weights)
    checkpoint.save(whole, folder)
    metadata, file = folder / checkpoint.METADATA_FILE, folder / checkpoint.WEIGHTS_FILE
    content = json.loads(metadata.read_bytes())
    images = LabelledImages(
        np.random.default_rng(0).integers(0, 256, (4, *shape), np.uint8), np.array([0, 1, 2, 0])
    )

    @st.composite
    def tensors(draw: st.DrawFn) -> bytes:
        changed = dict(weights)
        name = draw(st.sampled_from(sorted(weights)))
        match draw(st.sampled_from(("array", "type", "name", "gone", "bytes", "huge"))):
            case "array":
                array = draw(mutation.arrays(weights[name].numpy()))
                if array.dtype.kind in "fiub" and array.dtype.isnative:
                    changed[name] = torch.from_numpy(np.array(array))
            case "type":
                kinds = ("int64", "bool", "complex64", "bfloat16", "float64", "float8_e4m3fn")
                changed[name] = weights[name].to(getattr(torch, draw(st.sampled_from(kinds))))
            case "name":
                changed[draw(st.sampled_from(mutation.TEXTS))] = changed.pop(name)
            case "gone":
                del changed[name]
            case "huge":
                changed = {n: t * draw(st.sampled_from((1e12, 1e30))) for n, t in changed.items()}
            case _:
                return draw(mutation.spoilt_bytes(safetensors.torch.save(changed)))
        return safetensors.torch.save({n: t.contiguous() for n, t in changed.items()})

    def use(mutant: tuple[bytes, bytes | None]) -> None:
        text, changed = mutant
        for path in (metadata, file):
            path.unlink(missing_ok=True)
        file.write_bytes(safetensors.torch.save(weights) if changed is None else changed)
        if changed is not None:  # of a checkpoint that says so
            named = {**content, "sha256": hashlib.sha256(changed).hexdigest()}
            text = json.dumps(named).encode()
        metadata.write_bytes(text)
        (subject,) = evaluate.subjects(folder)
        top1 = evaluate.evaluate(subject, images, classes).top1
        finite([top1.low, top1.value, top1.high])

    plain = json.dumps(content).encode()
    return Subject(
        st.tuples(mutation.json_texts(content), st.none()) | st.tuples(st.just(plain), tensors()),
        use,
    )


def golden(folder: Path) -> Subject:
    """A golden pack, which ``--accuracy-data`` and ``classify`` read as well."""
    from edge_runtime.bundle import golden, manifest
    from edge_runtime.classify import inputs
    from edge_runtime.classify.pixels import separate
    from edge_runtime.measure import accuracy, accuracy_data
    from edge_runtime.results import parity

    bundle = Path(shutil.copytree(SMALL_BUNDLE, folder / "bundle"))
    path, content = bundle / manifest.GOLDEN_FILE, manifest.read(bundle)
    with np.load(path) as pack:
        whole = {name: pack[name][:6] for name in pack.files}

    @st.composite
    def packs(draw: st.DrawFn) -> bytes:
        changed, name = dict(whole), draw(st.sampled_from(sorted(whole)))
        match draw(st.sampled_from(("array", "array", "gone", "more", "bytes", "header"))):
            case "array":
                changed[name] = draw(mutation.arrays(whole[name]))
            case "gone":
                del changed[name]
            case "more":
                changed[draw(st.sampled_from(mutation.TEXTS[1:6]))] = np.arange(3)
            case "bytes":
                return draw(mutation.spoilt_bytes(_npz(changed)))
            case _:
                header = draw(mutation.spoilt_bytes(_npy(whole[name])[:128]))
                return _npz(changed, {name: header + _npy(whole[name])[128:]})
        return _npz(changed)

    def use(mutant: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(mutant)
        for source in inputs.read_files([path], "rgb", "chw"):
            if not isinstance(source, DataError):
                with contextlib.suppress(ToolkitError):
                    separate(source.image, source.color, source.layout)
        with contextlib.suppress(ToolkitError):
            accuracy_data.read(path).require_fit(content)
        record = manifest.FileRecord(path.name, len(mutant), hashlib.sha256(mutant).hexdigest())
        others = tuple(one for one in content.files if one.file != path.name)
        pack = golden.of_bundle(bundle, replace(content, files=(*others, record)))
        top1 = accuracy.top1(pack.logits, pack.labels)
        finite([top1.low, top1.value, top1.high, *content.preprocessing.apply(pack.images).flat])
        assert parity.compare(pack.logits, pack.logits).largest_difference == 0
        for answers in pack.exported.values():
            parity.compare(answers, pack.logits).problem("int8-static", fp32_tolerance=1)

    return Subject(packs(), use)


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array))
    return buffer.getvalue()


def _npz(arrays: dict[str, Any], raw: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", (raw or {}).get(name) or _npy(array))
    return buffer.getvalue()


def onnx(folder: Path) -> Subject:
    """An ONNX file for ``--from``: it is opened, made to answer logits, and answers images."""
    from onnx import TensorProto, helper, numpy_helper

    from cifarq.data.labelled import LabelledImages
    from cifarq_export.check import baseline
    from cifarq_export.sources import onnx_file
    from cifarq_export.sources.normalisation import Normalisation
    from cifarq_export.sources.outputs.canonical import make_canonical

    draw = np.random.default_rng(0)
    tensors = {
        "w": draw.normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32),
        "b": np.zeros(4, np.float32),
        "shape": np.array([0, -1], np.int64),
        "m": draw.normal(0, 0.5, (64, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["c"], pads=[1] * 4),
        helper.make_node("Constant", [], ["slope"], value_float=0.1),
        helper.make_node("PRelu", ["c", "slope"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["p", "shape"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path, classes = folder / "m.onnx", ("ant", "bee", "cat")
    said = Normalisation(("test", (0.5,) * 3, (0.2,) * 3))
    images = LabelledImages(draw.integers(0, 256, (4, 3, 8, 8), np.uint8), np.array([0, 1, 2, 0]))

    def use(content: bytes) -> None:
        path.write_bytes(content)
        with _bounded_memory(2**31):
            source = onnx_file.source(path, classes, said)
            if source.input_shape != images.images.shape[1:]:
                return
            source = make_canonical(source, images)
            finite(baseline.answer(source, images).logits)

    return Subject(mutation.messages(model), use)


@contextlib.contextmanager
def _bounded_memory(more_bytes: int) -> Iterator[None]:
    """Let allocations fail that a machine of a few gigabytes has no room for."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + more_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def images(folder: Path) -> Subject:
    """A folder of images as a data set, and for ``classify``."""
    from PIL import Image

    from cifarq.data import datasets, packs
    from edge_runtime.classify import inputs

    draw = np.random.default_rng(0)
    pictures = {}
    for part, count in (("train", 3), ("test", 2)):
        for name in ("ant", "bee"):
            for number in range(count):
                buffer = io.BytesIO()
                pixels = draw.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(buffer, "PNG")
                pictures[f"{part}/{name}/{number}.png"] = buffer.getvalue()
    root = folder / "data"

    @st.composite
    def trees(draw: st.DrawFn) -> dict[str, bytes | str]:
        tree: dict[str, bytes | str] = dict(pictures)
        for _ in range(draw(st.integers(1, 3))):
            name = draw(st.sampled_from(sorted(tree)))
            content = tree[name]
            match draw(
                st.sampled_from(("bytes", "bytes", "kind", "name", "gone", "class", "other"))
            ):
                case "bytes" if isinstance(content, bytes):
                    tree[name] = draw(mutation.spoilt_bytes(content))
                case "kind":
                    tree[name] = draw(st.sampled_from(("folder", "pipe", "/dev/zero", "nowhere")))
                case "name":
                    suffix = draw(st.sampled_from((".jpg", ".gif", ".npy", ".txt", ".TIFF", "")))
                    tree[name.removesuffix(".png") + suffix] = tree.pop(name)
                case "gone":
                    del tree[name]
                case "class":
                    part, _, file = name.split("/")
                    new = draw(st.sampled_from((".hid", "a\nb", "-x", "ant", "é", "\udcff")))
                    tree[f"{part}/{new}/{file}"] = tree.pop(name)
                case _:
                    tree[name] = draw(others())
        return tree

    def others() -> st.SearchStrategy[bytes]:
        made = []
        for mode, kind in (
            ("L", "PNG"),
            ("I;16", "PNG"),
            ("P", "GIF"),
            ("CMYK", "JPEG"),
            ("1", "BMP"),
        ):
            for size in ((8, 8), (1, 1), (9, 8)):
                buffer = io.BytesIO()
                Image.new(mode, size).save(buffer, kind)
                made.append(buffer.getvalue())
        whole = pictures["train/ant/0.png"]
        giant = whole[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + whole[24:]
        return st.sampled_from([*made, giant, b"", b"no image"])

    def use(tree: dict[str, bytes | str]) -> None:
        shutil.rmtree(root, ignore_errors=True)
        for name, content in tree.items():
            _make(root / name, content)
        assert list(inputs.read_files([root], "rgb", "hwc"))
        dataset = datasets.load(root)
        finite(dataset.normalisation)
        for name, pack in packs.PACKS.items():
            drawn = packs.draw(dataset, name)
            assert len(drawn) <= pack.count and drawn.labels.max() < len(dataset.classes)
        json.dumps(dataset.classes)

    return Subject(trees(), use)


def _make(path: Path, content: bytes | str) -> None:
    with contextlib.suppress(FileExistsError, NotADirectoryError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content == "folder":
            path.mkdir()
        elif content == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(content)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "manifest": manifest,
    "results": results,
    "checkpoint": checkpoint,
    "golden pack": golden,
    "ONNX file": onnx,
    "image folder": images,
}
