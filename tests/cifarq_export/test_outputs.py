"""What a classifier answers, whatever it is, becomes its own probabilities on the device.

What is expected comes from PyTorch, or from ONNX Runtime and numpy, without this project's code.
"""

import sys
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

from cifarq.data import packs
from cifarq.data.labelled import LabelledImages
from cifarq_export.bundle import build
from cifarq_export.bundle.request import Request
from cifarq_export.check.gates import EXPORT_TOLERANCE, Limits
from cifarq_export.int8 import runtime
from cifarq_export.sources import factory, onnx_file
from cifarq_export.sources.images import ExportImages
from cifarq_export.sources.normalisation import Normalisation
from cifarq_export.sources.outputs import module as module_output
from cifarq_export.sources.outputs import onnx as onnx_output
from cifarq_export.sources.outputs.canonical import make_canonical
from cifarq_export.sources.outputs.meaning import Meaning
from edge_runtime import Classifier
from edge_runtime.bundle import manifest
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.bundle.probabilities import Probabilities
from edge_runtime.probes import target

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
HOW = Preprocessing(MEAN, STD)
SAID = Normalisation(("our own", MEAN, STD), MEAN, STD)
SHAPE = (3, 16, 16)
node = helper.make_node
NAMES = ("ant", "bee", "cow", "dog")
FP32, INT8 = 1e-4, 0.1
"""How far probabilities may lie apart; these networks have few and large weights."""
UNGATED = Limits(max_drop=100, min_speedup=0)


def part(name, count):
    """Some of real images, 16x16, with labels that mean nothing."""
    pixels = packs.shipped(name).images[:count, :, 8:24, 8:24]
    return LabelledImages(np.ascontiguousarray(pixels), np.arange(count) % 2)


@pytest.fixture(scope="module")
def images():
    return ExportImages("tiny", part("calibration", 32), part("validation", 24), part("golden", 8))


def ship(folder, source, images, *pairs):
    """Write a bundle of a source for this CPU as the command does, and return its manifest."""
    folder.mkdir(exist_ok=True)
    canonical = make_canonical(source, images.validation)
    here = target.of_this_cpu()
    return build.build(folder, canonical, Request(pairs, here, limits=UNGATED), images).manifest


def probabilities(bundle, images, **chosen):
    """Return what ``Classifier`` says of the golden images, in the order of the classes."""
    classify = Classifier(bundle, **chosen)
    answers = classify.predict(images.golden.images, layout="CHW", top=len(classify.classes))
    return np.array([[dict(a.top)[name] for name in classify.classes] for a in answers])


def normalised(images):
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (MEAN, STD))
    return (images.golden.images.astype(np.float32) / 255 - mean) / std


def softmax(x):
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def both(x):
    return np.stack([1 - x.reshape(-1), x.reshape(-1)], 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Tiny(nn.Module):
    """Two layers with weights; ``answer`` makes of their numbers (N, width, 1, 1) what it says."""

    def __init__(self, width, answer=lambda x: x, scale=8.0):
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=2)
        self.head = nn.Linear(8, width)
        self.answer = answer
        with torch.no_grad():  # the classes take turns
            self.head.weight *= scale
            seen = self.numbers(torch.from_numpy(HOW.apply(part("validation", 24).images)))
            self.head.bias -= seen.mean(0)

    def numbers(self, x):
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))

    def forward(self, x):
        return self.answer(self.numbers(x)[..., None, None])


def flat(x):
    return x.flatten(1)


MODULES = {
    "logits": (4, flat, softmax),
    "softmax": (4, lambda x: flat(x.softmax(1)), np.asarray),
    "log_softmax": (4, lambda x: flat(x).log_softmax(1), np.exp),
    "a sigmoid for each class": (4, lambda x: flat(x).sigmoid(), np.asarray),
    "one sigmoid": (1, lambda x: flat(x).sigmoid(), both),
    "one sigmoid without an axis": (1, lambda x: flat(x).sigmoid().squeeze(1), both),
    "one logit": (1, flat, lambda x: both(sigmoid(x))),
    "trailing axes": (4, lambda x: x, lambda x: softmax(x.reshape(-1, 4))),
    "two heads": (4, lambda x: (flat(x)[:, :3] * 2, flat(x)), softmax),
    "a mapping": (4, lambda x: {"three": x[:, :3], "all": flat(x).softmax(1)}, np.asarray),
    "a mapping with one sigmoid": (
        1,
        lambda x: {"three": x.expand(-1, 3, 1, 1), "one": flat(x).sigmoid().squeeze(1)},
        both,
    ),
}
AS_ONNX = "a mapping with one sigmoid"  # which takes seconds, and holds all that others hold


def open_module(monkeypatch, model, classes, **options):
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(net=lambda: model))
    return factory.source(
        "mine:net", {}, None, input_shape=SHAPE, classes=classes, how=HOW, **options
    )


@pytest.mark.parametrize("name", MODULES)
def test_a_module_ships_with_its_own_probabilities(tmp_path, monkeypatch, images, name):
    width, answer, reading = MODULES[name]
    model = Tiny(width, answer).eval()
    with torch.inference_mode():
        own = model(torch.from_numpy(normalised(images)))
    own = list(own.values())[-1] if isinstance(own, dict) else own
    own = own[-1] if isinstance(own, tuple) else own
    expected = reading(own.double().numpy())
    source = open_module(monkeypatch, model, NAMES[: max(width, 2)])
    pairs = [("torchscript", "fp32")]
    if name == AS_ONNX:
        pairs += [("onnx", "fp32"), ("onnx", "int8-static")]
    content = ship(tmp_path, source, images, *pairs)
    for format_, precision in pairs:
        found = probabilities(tmp_path, images, format=format_, precision=precision)
        assert abs(found - expected).max() < (FP32 if precision == "fp32" else INT8)
    assert bool(content.changes) == (name not in ("logits", "log_softmax"))
    independent = name == "a sigmoid for each class"
    assert content.probabilities == ("sigmoid" if independent else "softmax")


SQUASHED = [
    node("Neg", ["flat"], ["n"]),
    node("Exp", ["n"], ["e"]),
    node("Add", ["e", "one"], ["d"]),
]
GRAPHS = {
    "softmax": (4, [node("Softmax", ["flat"], ["out"], axis=1)], np.asarray),
    "softmax, then flattened": (
        4,
        [node("Softmax", ["scores"], ["p"], axis=1), node("Flatten", ["p"], ["out"])],
        np.asarray,
    ),
    "softmax, spelled out": (
        4,
        [
            node("Exp", ["flat"], ["e"]),
            node("ReduceSum", ["e", "last_axis"], ["sum"]),
            node("Div", ["e", "sum"], ["out"]),
        ],
        np.asarray,
    ),
    "log_softmax": (4, [node("LogSoftmax", ["flat"], ["out"], axis=1)], np.exp),
    "a sigmoid for each class": (4, [node("Sigmoid", ["flat"], ["out"])], np.asarray),
    "sigmoids, spelled out": (4, [*SQUASHED, node("Div", ["one", "d"], ["out"])], np.asarray),
    "one sigmoid": (1, [node("Sigmoid", ["flat"], ["out"])], both),
    "one sigmoid without an axis": (
        1,
        [node("Sigmoid", ["flat"], ["p"]), node("Squeeze", ["p", "last_axis"], ["out"])],
        both,
    ),
    "one sigmoid, spelled out": (1, [*SQUASHED, node("Div", ["one", "d"], ["out"])], both),
    "one logit, four axes": (
        1,
        [node("Identity", ["scores"], ["out"])],
        lambda x: both(sigmoid(x)),
    ),
    "trailing axes": (
        4,
        [node("Identity", ["scores"], ["out"])],
        lambda x: softmax(x.reshape(-1, 4)),
    ),
    "an auxiliary head and a label": (
        4,
        [
            node("Split", ["flat", "parts"], ["aux", "rest"], axis=1),
            node("ArgMax", ["flat"], ["label"], axis=1, keepdims=0),
            node("Softmax", ["flat"], ["out"], axis=1),
        ],
        np.asarray,
    ),
}


def write_graph(path, width, tail, scale=8.0, outputs=None):
    """Write the network of ``Tiny`` as an ONNX file that ends in ``tail``."""
    model = Tiny(width, scale=scale)
    tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    tensors |= {"one": np.float32(1), "last_axis": np.array([1]), "parts": np.array([3, 1])}
    tensors["more_axes"] = np.array([2, 3])
    nodes = [
        node("Conv", ["image", "conv.weight", "conv.bias"], ["c"], pads=[1] * 4, strides=[2, 2]),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["m"]),
        node("Flatten", ["m"], ["features"]),
        node("Gemm", ["features", "head.weight", "head.bias"], ["flat"], transB=1),
        node("Unsqueeze", ["flat", "more_axes"], ["scores"]),
        *tail,
    ]
    read = {name for one in nodes for name in one.input}
    names = outputs or [name for one in tail for name in one.output if name not in read]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *SHAPE])],
        [onnx.ValueInfoProto(name=name) for name in names],
        [numpy_helper.from_array(np.asarray(t), n) for n, t in tensors.items() if n in read],
    )
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(whole), path)
    return path


def own_answer(path, images, output="out"):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run([output], {"image": normalised(images)})[0].astype(np.float64)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_ships_with_its_own_probabilities(tmp_path, images, name):
    width, tail, reading = GRAPHS[name]
    path = write_graph(tmp_path / "m.onnx", width, tail)
    expected = reading(own_answer(path, images))
    source = onnx_file.source(path, NAMES[: max(width, 2)], SAID)
    pairs = (("onnx", "fp32"), ("onnx", "int8-static"))
    content = ship(tmp_path / "b", source, images, *pairs)
    for _, precision in pairs:
        found = probabilities(tmp_path / "b", images, precision=precision)
        assert abs(found - expected).max() < (FP32 if precision == "fp32" else INT8)
    assert bool(content.changes) == (name != "log_softmax")
    fp32, static = (onnx.load(tmp_path / "b" / a.file).graph for a in content.artifacts)
    kinds = {one.op_type for one in fp32.node}
    assert kinds.isdisjoint({"Softmax", "Sigmoid", "ArgMax", "Split"}) and len(fp32.output) == 1
    # What follows the last layer, the added operators too, stays FP32.
    operators = [one.op_type for one in static.node]
    after = operators[len(operators) - operators[::-1].index("Gemm") :]
    assert set(after).isdisjoint({"QuantizeLinear", "DequantizeLinear"}), operators


def test_logits_between_0_and_1_of_few_images_are_still_logits(monkeypatch):
    """Two images and 4 numbers each say little; values that no camera sees say more."""
    few = part("validation", 2)
    for width, answer in ((4, flat), (1, flat)):
        model = Tiny(width, answer, scale=0.1).eval()
        with torch.no_grad():
            model.head.bias.fill_(0.5)
            own = model(torch.from_numpy(HOW.apply(few.images))).numpy()
        assert own.min() > 0 and own.max() < 1
        source = make_canonical(open_module(monkeypatch, model, NAMES[: max(width, 2)]), few)
        expected = np.concatenate([np.zeros((2, 1)), own], axis=1) if width == 1 else own
        assert abs(source.predict(HOW.apply(few.images)) - expected).max() < 1e-6
        assert source.probabilities == "softmax"


@pytest.mark.parametrize("name", ["softmax", "a sigmoid for each class", "one sigmoid"])
@pytest.mark.parametrize("kind", ["module", "graph"])
def test_probabilities_of_exactly_0_and_1_ship(tmp_path, monkeypatch, images, name, kind):
    if kind == "module":
        width, answer, reading = MODULES[name]
        model = Tiny(width, answer, scale=1e4).eval()
        with torch.inference_mode():
            expected = reading(model(torch.from_numpy(normalised(images))).double().numpy())
        source = open_module(monkeypatch, model, NAMES[: max(width, 2)])
    else:
        width, tail, reading = GRAPHS[name]
        path = write_graph(tmp_path / "m.onnx", width, tail, scale=1e4)
        expected = reading(own_answer(path, images))
        source = onnx_file.source(path, NAMES[: max(width, 2)], SAID)
    assert {0.0, 1.0} <= set(expected.ravel())
    pair = ("torchscript" if kind == "module" else "onnx", "fp32")
    ship(tmp_path / "b", source, images, pair)
    assert abs(probabilities(tmp_path / "b", images) - expected).max() <= FP32


@pytest.fixture(scope="module")
def logits_of():
    """What computes logits of probabilities (N, 4), by meaning: a graph, and a module."""
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        [node("Identity", ["p"], ["out"])],
        "probabilities",
        [helper.make_tensor_value_info("p", kind, ["N", 4])],
        [helper.make_tensor_value_info("out", kind, ["N", 4])],
    )
    plain = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    pairs = {}
    for meaning in (Meaning.EXCLUSIVE, Meaning.INDEPENDENT):
        changed, _ = onnx_output.answer_logits(plain, 4, meaning, "N")
        module = module_output.Answer(nn.Identity(), "", 4, meaning)
        pairs[meaning] = (runtime.open_model(changed, "it").run, module)
    return pairs


@given(
    arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)),
    st.sampled_from([Meaning.EXCLUSIVE, Meaning.INDEPENDENT]),
)
@settings(deadline=None)
def test_the_logits_of_any_probabilities_give_them_back(logits_of, values, meaning):
    if meaning is Meaning.EXCLUSIVE:
        values = values + np.float32(1e-3)
        values /= values.sum(axis=1, keepdims=True)
    in_graph, in_torch = logits_of[meaning]
    logits = in_graph(values)
    each = Probabilities.SOFTMAX if meaning is Meaning.EXCLUSIVE else Probabilities.SIGMOID
    assert abs(each.of(logits) - values).max() < 1.01e-4
    # Both engines agree as closely as an export asks for, and no two classes change places.
    allowed = EXPORT_TOLERANCE * max(1, abs(logits).max())
    assert abs(in_torch(torch.from_numpy(values)).numpy() - logits).max() <= allowed
    clearly = values[:, :, None] > values[:, None, :] + np.float32(1e-5)
    assert (logits[:, :, None] > logits[:, None, :])[clearly].all()


def test_what_answers_logits_is_left_as_it_is(seed_cnn, shipped_images):
    assert make_canonical(seed_cnn, shipped_images.validation) is seed_cnn


HEADS = [node("Neg", ["flat"], ["aux"]), node("Softmax", ["flat"], ["main"], axis=1)]


def test_one_of_several_outputs_is_chosen_by_name(tmp_path, monkeypatch, images):
    path = write_graph(tmp_path / "m.onnx", 4, HEADS, outputs=["aux", "main"])
    for name, reading in (("aux", softmax), ("main", np.asarray)):
        for folder in (tmp_path / name, tmp_path / f"{name} again"):
            source = onnx_file.source(path, NAMES, SAID, output=name)
            ship(folder, source, images, ("onnx", "fp32"))
        expected = reading(own_answer(path, images, name))
        assert abs(probabilities(tmp_path / name, images) - expected).max() < FP32
        for file in (tmp_path / name).iterdir():
            assert file.read_bytes() == (tmp_path / f"{name} again" / file.name).read_bytes()
    model = Tiny(4, lambda x: [flat(x) * 2, {"no": "tensor"}, flat(x)]).eval()
    batch = normalised(images)
    for name, factor in (("0", 2), ("2", 1)):
        source = open_module(monkeypatch, model, NAMES, output=name)
        expected = factor * model(torch.from_numpy(batch))[2].detach().numpy()
        assert abs(source.predict(batch) - expected).max() < 1e-5


@pytest.fixture
def data(tmp_path):
    """A function that writes a data set of so many classes: 16x16 pixels, 20 images a class."""

    def write(classes):
        pixels = packs.shipped("calibration").images[:, :, 8:24, 8:24].transpose(0, 2, 3, 1)
        for place, name in enumerate(NAMES[:classes]):
            for i, image in enumerate(pixels[20 * place : 20 * place + 20]):
                file = tmp_path / f"data-{classes}" / ("train" if i < 15 else "test") / name
                file.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(file / f"{i}.png")
        return ("--data-dir", f"data-{classes}")

    return write


FAST = ("--precision", "fp32", "--format", "onnx", "--validation-images", "8", "--overwrite")
NORM = ("--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD)))
EXPORT = ("cifarq_export", *FAST, *NORM, "--out", "b", "--from")


def test_the_commands_print_the_models_own_probabilities(run, tmp_path, data):
    write_graph(tmp_path / "m.onnx", *GRAPHS["softmax"][:2])
    done = run(*EXPORT, "m.onnx", *data(4))
    assert done.returncode == 0, done.stderr
    note = "The softmax at the model's end is left out of the artifacts: the runtime computes it."
    assert f"Note: {note}" in done.stderr
    assert manifest.read(tmp_path / "b").changes == (note,)
    shown = tmp_path / "data-4" / "test" / "cow" / "17.png"
    pixels = np.asarray(Image.open(shown)).transpose(2, 0, 1)[None]
    one = LabelledImages(pixels, np.zeros(1, np.int64))
    (own,) = own_answer(tmp_path / "m.onnx", ExportImages("one", one, one, one))
    done = run("edge_runtime", "classify", shown, "--bundle", "b", "--top", "4")
    assert done.returncode == 0, done.stderr
    listed = sorted(zip(own, NAMES, strict=True), reverse=True)
    expected = ", ".join(f"{name} {100 * p:.1f} %" for p, name in listed)
    assert done.stdout.strip() == f"{shown}: {expected}"


def test_several_heads_are_listed_and_one_is_named(run, tmp_path, data):
    write_graph(tmp_path / "m.onnx", 4, HEADS, outputs=["aux", "main"])
    asked = (*EXPORT, "m.onnx", *data(4))
    done = run(*asked)
    listed = "2 of them with a number for each of 4 classes: aux (N, 4), main (N, 4). Name one with"
    assert done.returncode == 1 and listed in done.stderr
    done = run(*asked, "--output", "Main")
    assert done.returncode == 2 and "Did you mean 'main'?" in done.stderr
    done = run(*asked, "--output", "main")
    assert done.returncode == 0, done.stderr
    done = run("cifarq_export", "--output", "b")
    assert done.returncode == 2 and "--out names the folder" in done.stderr


def test_what_is_advised_for_other_numbers_of_outputs_works(run, tmp_path, data):
    write_graph(tmp_path / "4.onnx", 4, [], outputs=["flat"])
    write_graph(tmp_path / "1.onnx", 1, [], outputs=["flat"])
    write_graph(tmp_path / "2-heads.onnx", 4, HEADS, outputs=["aux", "main"])
    (tmp_path / "mine.py").write_text(MINE)
    module = ("cifarq_export", *FAST, *NORM, "--out", "b", "--input-shape", "3,16,16", "--model")
    four, three, two = data(4), data(3), data(2)
    names = ("--classes", ",".join(NAMES))
    steps = [
        (
            (*EXPORT, "4.onnx", *three),
            "has 4 outputs for 3 classes. Name the classes of all 4 with",
        ),
        ((*EXPORT, "4.onnx", *three, *names), None),
        (
            (*EXPORT, "1.onnx", *four),
            "has 1 output for 4 classes. Give a model with 4 outputs (torchvision's take "
            "--model-arg num_classes), or 2 classes in --data-dir and --classes.",
        ),
        ((*EXPORT, "1.onnx", *two, "--classes", "bee,ant"), None),
        ((*EXPORT, "2-heads.onnx", *three), "aux (N, 4), main (N, 4). Name the classes of all 4"),
        ((*EXPORT, "2-heads.onnx", *three, *names), "Name one with --output."),
        ((*EXPORT, "2-heads.onnx", *three, *names, "--output", "main"), None),
        ((*module, "mine:net", *three), "(torchvision's take --model-arg num_classes)"),
        ((*module, "mine:net", *three, "--model-arg", "num_classes=3"), None),
    ]
    for command, message in steps:
        done = run(*command)
        assert done.returncode == (0 if message is None else 1), (command, done.stderr)
        assert message is None or message in done.stderr


MINE = """
from torch import nn

def net(num_classes=1):
    return nn.Sequential(nn.Conv2d(3, num_classes, 16), nn.Flatten())
"""
