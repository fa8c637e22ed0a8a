"""PyTorch models that cifarq did not train: torchvision's, and a module of one's own."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision

from cifarq.data import cifar10, packs
from cifarq_export.sources import factory
from edge_runtime import Classifier
from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.preprocess import Preprocessing, normalise

FAST = ("--min-speedup", "0", "--validation-images", "200")
CLASSES = 10


@pytest.fixture(scope="module")
def weights(tmp_path_factory, fit):
    """Write a torchvision model's weights: random features, and a last layer that was fitted.

    In seconds a classifier that answers by what it sees, of the real architecture.
    """

    def write(name):
        torch.manual_seed(0)
        model = getattr(torchvision.models, name)(num_classes=CLASSES)
        train = packs.shipped("calibration")
        batch = torch.from_numpy(normalise(train.images, cifar10.MEAN, cifar10.STD))
        last = model.fc if name == "resnet18" else model.classifier[-1]
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the average of what was seen
        with torch.no_grad():
            model.train()(batch[:256])
            seen = []
            handle = last.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
            model.eval()(batch)
            handle.remove()
            weight, bias = fit(seen[0].numpy(), train.labels)
            last.weight.copy_(torch.from_numpy(weight))
            last.bias.copy_(torch.from_numpy(bias))
        path = tmp_path_factory.mktemp("weights") / f"{name}.safetensors"
        safetensors.torch.save_file(model.state_dict(), path)
        return path

    return write


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
@pytest.mark.slow
def test_torchvision_models_go_to_a_bundle_that_runs(run, tmp_path, weights, name):
    model = ("--model", f"torchvision.models:{name}", "--model-arg", "num_classes=10")
    given = ("--weights", weights(name), "--input-shape", "3,32,32")
    # What accuracy is lost with random features is no question here.
    done = run("cifarq_export", *model, *given, *FAST, "--max-drop", "100", "--out", "b")
    assert done.returncode == 0, done.stderr
    content = manifest.read(tmp_path / "b")
    assert content.model == name.replace("_", "-") and content.classes == cifar10.CLASSES
    by = {(a.format, a.precision): a for a in content.artifacts}
    # Its one Linear layer is less than 1 % of resnet18.
    assert len(by) == (3 if name == "resnet18" else 5)
    assert done.stderr.count("is FP32 by another name") == 5 - len(by)
    assert by["onnx", "fp32"].accuracy.top1 > 0.12  # random features; chance is 0.1
    static = by["onnx", "int8-static"]
    assert static.quantized.mac_share > 0.99
    assert static.size_bytes < 0.35 * by["onnx", "fp32"].size_bytes
    if name == "resnet18":
        assert static.quantized.quantize_nodes_between == 0
    quick = ("--rounds", "1", "--min-runs", "2", "--min-time", "0", "--accuracy-images", "60")
    done = run("edge_runtime", "b", *quick, "--output", "csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(",ok,") == len(by)


MODULE = """
import torch
from torch import nn

class Tiny(nn.Module):
    def __init__(self, classes=10, dead=False, width=8, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.head = nn.Linear(width, classes)
        self.dead = dead
    def forward(self, x):
        x = torch.relu(self.conv(x)).mean((2, 3))
        return self.head(x) * (0 if self.dead else 1)

class Sorter(Tiny):
    def forward(self, x):
        return super().forward(x) + torch.linalg.eigvalsh(x[:, 0, :10, :10] * 0)[:, :10]

class Branches(Tiny):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)

class Sequence(Tiny):
    def forward(self, x):
        return super().forward(x).unsqueeze(1)

class Pair(Tiny):
    def forward(self, x):
        return ((super().forward(x), x),)

class Asserts(Tiny):
    def forward(self, x):
        assert x.shape[-1] == 224, "224"

def pair(): return Pair()
def asserts(): return Asserts()
def tiny(**arguments): return Tiny(**arguments)
def sorter(): return Sorter()
def branches(): return Branches()
def sequence(): return Sequence()
def nothing(): return 7
def fails(): raise RuntimeError("no such thing")
"""


@pytest.fixture
def own_module(tmp_path):
    """A module beside the user, and weights for it."""
    (tmp_path / "mine.py").write_text(MODULE)
    torch.manual_seed(1)
    tensors = {
        "conv.weight": torch.randn(8, 3, 3, 3),
        "conv.bias": torch.randn(8),
        "head.weight": torch.randn(10, 8),
        "head.bias": torch.randn(10),
    }
    safetensors.torch.save_file(tensors, tmp_path / "good.safetensors")
    spoilt = {**tensors, "conv.bias": torch.full((8,), float("nan"))}
    safetensors.torch.save_file(spoilt, tmp_path / "nan.safetensors")
    safetensors.torch.save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    whole = {**tensors, "conv.weight": tensors["conv.weight"].to(torch.int64)}
    safetensors.torch.save_file(whole, tmp_path / "int.safetensors")
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04pickled")
    (tmp_path / "broken.py").write_text("net = undefined")
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    (tmp_path / "latin.txt").write_bytes("na\xefve".encode("latin-1"))
    return tmp_path


def test_ones_own_module_and_the_warning_that_it_was_never_trained(run, own_module):
    done = run(
        "cifarq_export", "--model", "mine:tiny", "--weights", "good.safetensors",
        "--input-shape", "3,32,32", *FAST, "--max-drop", "100", "--name", "Own_1.0", "--out", "b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = manifest.read(own_module / "b")
    assert content.model == "Own_1.0"
    assert {artifact.file.split("-")[0] for artifact in content.artifacts} == {"Own_1.0"}
    assert "not shown to be better than always answering the most frequent class" in done.stderr


@pytest.mark.parametrize("kind, dtype", [("grey", "float32"), ("bgr", "uint8")])
def test_models_of_grey_and_of_blue_first_in_every_format(run, own_module, kind, dtype):
    channels = 1 if kind == "grey" else 3
    shape, color = ("1,28,28", ()) if kind == "grey" else ("3,28,28", ("--color", "BGR"))
    done = run(
        "cifarq_export", "--model", "mine:tiny", "--model-arg", f"channels={channels}",
        "--input-shape", shape, *color, "--mean", "0", "--std", "1", "--resize", "28", *FAST,
        "--precision", "fp32", "--input", dtype, "--out", "b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = manifest.read(own_module / "b")
    assert content.preprocessing.mean == (0,) * channels
    assert content.preprocessing.std == (1,) * channels
    assert content.preprocessing.color == kind.upper()
    names = {}
    exec(MODULE, names)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = names["tiny"](channels=channels).eval()
    images = golden.read(own_module / "b" / "golden.npz").images[:16]
    ordered = np.ascontiguousarray(images[:, ::-1])  # of one channel nothing changes
    with torch.inference_mode():
        expected = model(torch.from_numpy(ordered / np.float32(255))).numpy()
    for format_ in ("onnx", "torchscript"):
        logits = Classifier(own_module / "b", format=format_).logits(images, layout="CHW")
        np.testing.assert_allclose(logits, expected, atol=1e-5)


SHAPE = ("--input-shape", "3,32,32")


def test_weights_of_a_model_that_asks_who_wrote_them(tmp_path):
    torch.manual_seed(0)
    trained = torchvision.models.mnasnet0_5(num_classes=10)
    weights = tmp_path / "mnasnet.safetensors"
    safetensors.torch.save_file(trained.state_dict(), weights)
    opened = factory.source(
        "torchvision.models:mnasnet0_5",
        {"num_classes": 10},
        weights,
        input_shape=(3, 32, 32),
        classes=tuple("abcdefghij"),
        how=Preprocessing((0.5,) * 3, (0.5,) * 3),
    )
    for name, tensor in trained.state_dict().items():
        assert torch.equal(opened.module.state_dict()[name], tensor), name


def test_weights_of_half_precision_are_taken_as_they_are(own_module, monkeypatch):
    monkeypatch.chdir(own_module)
    tensors = safetensors.torch.load_file("good.safetensors")
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    safetensors.torch.save_file(halves, "half.safetensors")
    shape, classes = (3, 32, 32), tuple("abcdefghij")
    how = Preprocessing((0.5,) * 3, (0.2,) * 3)
    source = factory.source(
        "mine:tiny", {}, Path("half.safetensors"), input_shape=shape, classes=classes, how=how
    )
    for name, tensor in source.module.state_dict().items():
        assert torch.equal(tensor, halves[name].float())


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (("--model", "mine:tiny"), 2, "--model needs --input-shape"),
        (("--model", "mine", *SHAPE), 2, "is not package.module:function"),
        (("--model", "absent:tiny", *SHAPE), 2, "cannot import absent"),
        (("--model", "mine:absent", *SHAPE), 2, "mine has no 'absent'"),
        (("--model", "mine:nothing", *SHAPE), 2, "returned a int, not an nn.Module"),
        (("--model", "mine:fails", *SHAPE), 2, "RuntimeError: no such thing"),
        (("--model", "mine:tiny", "--model-arg", "x", *SHAPE), 2, "'x' is not NAME=VALUE"),
        (("--model", "mine:tiny", "--model-arg", "x=1", *SHAPE), 2, "TypeError"),
        (
            ("--model", "mine:tiny", "--model-arg", "classes=7", *SHAPE),
            1,
            "has 7 outputs for 10 classes",
        ),
        (("--model", "mine:sequence", *SHAPE), 1, "answers a batch of 2 images with an array"),
        (
            ("--model", "mine:tiny", "--input-shape", "1,32,32", "--mean", "0", "--std", "1"),
            1,
            "cannot take a batch",
        ),
        (("--model", "mine:tiny", "--input-shape", "1,32,32"), 2, "has no default normalisation"),
        (("--model", "mine:tiny", "--input-shape", "32,32,3"), 2, "is no C,H,W with 1 or 3"),
        (("--model", "mine:pair", *SHAPE), 1, "answers with a tuple"),
        (("--model", "mine:asserts", *SHAPE), 1, "AssertionError: 224"),
        (("--model", "broken:net", *SHAPE), 2, "cannot import broken (NameError"),
        (("--model", "leaves:net", *SHAPE), 2, "cannot import leaves (SystemExit: 3)"),
        (("--model", "mine:tiny", *SHAPE, "--classes", "latin.txt"), 2, "cannot be read"),
        (("--model", "mine:tiny", "--input-shape", "3,32"), 2, "'3,32' is not C,H,W"),
        (("--model", "mine:tiny", "--input-shape", "3,64,64"), 1, "--resize 64"),
        (("--model", "mine:tiny", *SHAPE, "--resize", "16"), 1, "--resize 16 is smaller"),
        (("--model", "mine:tiny", *SHAPE, "--resize-mode", "crop"), 2, "need --resize"),
        (("--model", "mine:tiny", *SHAPE, "--weights", "nan.safetensors"), 1, "holds NaN"),
        (("--model", "mine:tiny", *SHAPE, "--weights", "other.safetensors"), 1, "do not fit"),
        (("--model", "mine:tiny", *SHAPE, "--weights", "pickle.safetensors"), 1, "never read"),
        (
            ("--model", "mine:tiny", *SHAPE, "--weights", "absent"),
            1,
            "cannot read absent: No such file",
        ),
        (("--model", "mine:tiny", *SHAPE, "--mean", "1,1,1"), 2, "--std is missing"),
        (("--model", "mine:tiny", *SHAPE, "--mean", "1,1"), 2, "'1,1' is not NUMBER|A,B,C"),
        (
            ("--model", "mine:tiny", *SHAPE, "--mean", "0,0,0", "--std", "1,0,1"),
            2,
            "--std 1.0,0.0,1.0: each has to be from 1e-06 to 1000",
        ),
        (("--model", "mine:tiny", *SHAPE, "--mean", "nan", "--std", "1"), 2, "--mean nan: each"),
        (("--model", "mine:tiny", *SHAPE, "--mean", "0", "--std", "inf"), 2, "--std inf: each"),
        (
            ("--model", "mine:tiny", *SHAPE, "--weights", "int.safetensors"),
            1,
            "--weights int.safetensors: conv.weight is int64, where the model has float32",
        ),
        (("--model", "mine:tiny", *SHAPE, "--classes", "cat"), 2, "--classes gives 1 names"),
        (("--model", "mine:tiny", *SHAPE, "--classes", "a,a"), 2, "1 of them different"),
        (("--model", "mine:tiny", *SHAPE, "--calibration-images", "9"), 1, "too few"),
        (("--model", "mine:tiny", "--model-arg", "dead=True", *SHAPE), 1, "with the same logits"),
        (("--model", "mine:sorter", *SHAPE, "--format", "onnx"), 1, "to ONNX: "),
        (("--model", "mine:branches", *SHAPE, "--format", "onnx"), 1, "cannot export this model"),
        (("--model", "mine:tiny", *SHAPE, "--from", "x.onnx"), 2, "each name a model"),
        (("--model", "mine:tiny", *SHAPE, "--timm", "resnet18"), 2, "each name a model"),
        (("--model", "mine:tiny", *SHAPE, "--name", "../m"), 2, "--name '../m' cannot name files"),
        (("--weights", "good.safetensors"), 2, "are for --model"),
        (("--keep-branches",), 2, "are for --model and --timm"),
        (("--classes", "a,b"), 2, "a checkpoint says its own"),
        (("--color", "BGR"), 2, "a checkpoint says its own"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_wrong_with_a_model_is_one_line_and_nothing_is_written(
    run, own_module, arguments, code, message
):
    before = sorted(own_module.rglob("*"))
    done = run("cifarq_export", *arguments, "--min-speedup", "0", "--validation-images", "20")
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    after = [p for p in sorted(own_module.rglob("*")) if "__pycache__" not in p.parts]
    assert after == before
