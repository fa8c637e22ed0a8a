"""ONNX classifiers that torch did not write, as exporters of all kinds leave them."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cifarq.data import cifar10, packs
from cifarq_export.int8 import runtime
from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.preprocess import normalise

FAST = ("--min-speedup", "0", "--validation-images", "200")
CLASSES = 10


@pytest.fixture(scope="module")
def own_onnx(fit):
    """A function that writes an ONNX classifier which no exporter had part in."""

    def write(path, batch="N", opset=13, outputs=CLASSES):
        """Write a CNN with batch norms by hand, and return its path.

        Convolution, batch norm, ReLU, twice; mean over height and width; MatMul and Add, which were
        fitted to real images. Nodes without names, as many exporters leave them.
        """
        draw = np.random.default_rng(3)
        tensors = {
            "w1": draw.normal(0, 0.3, (32, 3, 3, 3)),
            "w2": draw.normal(0, 0.1, (64, 32, 3, 3)),
            "axes": np.array([2, 3], np.int64),
            "shape": np.array([0, -1], np.int64),
        }
        for layer, channels in ((1, 32), (2, 64)):
            tensors[f"scale{layer}"] = draw.uniform(0.5, 1.5, channels)
            tensors[f"shift{layer}"] = draw.normal(0, 0.2, channels)
            tensors[f"mean{layer}"] = draw.normal(0, 0.1, channels)
            tensors[f"var{layer}"] = draw.uniform(0.5, 1.5, channels)
        body = []
        for layer, (given, stride) in enumerate((("image", 1), ("r1", 2)), 1):
            norms = [f"{kind}{layer}" for kind in ("scale", "shift", "mean", "var")]
            body += [
                helper.make_node(
                    "Conv", [given, f"w{layer}"], [f"c{layer}"], pads=[1] * 4, strides=[stride] * 2
                ),
                helper.make_node("BatchNormalization", [f"c{layer}", *norms], [f"n{layer}"]),
                helper.make_node("Relu", [f"n{layer}"], [f"r{layer}"]),
            ]
        mean = helper.make_node("ReduceMean", ["r2"], ["m"], axes=[2, 3], keepdims=1)
        flat = helper.make_node("Reshape", ["m", "shape"], ["features"])
        head = [
            helper.make_node("MatMul", ["features", "w3"], ["p"]),
            helper.make_node("Add", ["p", "b3"], ["scores"]),
        ]

        def model(nodes, output, width):
            named = {
                name: value.astype(np.float32) if value.dtype.kind == "f" else value
                for name, value in tensors.items()
            }
            used = {name for node in nodes for name in node.input}
            graph = helper.make_graph(
                nodes,
                "by hand",
                [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, 32, 32])],
                [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, width])],
                [numpy_helper.from_array(v, n) for n, v in named.items() if n in used],
            )
            return helper.make_model(
                graph,
                opset_imports=[helper.make_opsetid("", opset)],
                producer_name="a person",
                ir_version=8,
            )

        train = packs.shipped("calibration")
        images = normalise(train.images, cifar10.MEAN, cifar10.STD)
        session = runtime.open_model(model([*body, mean, flat], "features", 64), "features")
        size_of_batch = batch if isinstance(batch, int) else len(images)
        features = np.concatenate(
            [
                session.run(images[i : i + size_of_batch])
                for i in range(0, len(images), size_of_batch)
            ]
        )
        weight, bias = fit(features, train.labels)
        tensors["w3"], tensors["b3"] = weight.T[:, :outputs], bias[:outputs]
        onnx.save(model([*body, mean, flat, *head], "scores", outputs), path)
        return path

    return write


@pytest.mark.parametrize(("batch", "opset"), [("N", 11), (1, 13)])
def test_an_onnx_file_that_torch_did_not_write(run, tmp_path, own_onnx, batch, opset):
    own_onnx(tmp_path / "by-hand.onnx", batch=batch, opset=opset)
    done = run("cifarq_export", "--from", "by-hand.onnx", *FAST, "--max-drop", "3", "--out", "b")
    assert done.returncode == 0, done.stderr
    content = manifest.read(tmp_path / "b")
    fp32, dynamic, static = content.artifacts
    assert [a.format for a in content.artifacts] == ["onnx"] * 3
    assert fp32.input.name == "image" and fp32.input.shape == (batch, 3, 32, 32)
    assert fp32.output.name == "scores"
    assert fp32.accuracy.top1 > 0.2 and fp32.parity.largest_logit_difference < 1e-4
    # Batch norms are folded, the mean became a pool: one clean integer graph.
    assert static.quantized.int8["QLinearConv"] == 2
    assert static.quantized.quantize_nodes_between == 0 and static.quantized.mac_share == 1
    assert dynamic.precision == "int8-dynamic"
    quick = ("--rounds", "1", "--min-runs", "2", "--min-time", "0", "--accuracy-images", "60")
    done = run("edge_runtime", "b", *quick)
    assert done.returncode == 0, done.stdout + done.stderr


def test_raw_pixels_into_an_onnx_file(run, tmp_path, own_onnx):
    own_onnx(tmp_path / "by-hand.onnx")
    done = run(
        "cifarq_export", "--from", "by-hand.onnx", *FAST, "--input", "uint8", "--max-drop", "3",
        "--out", "b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = manifest.read(tmp_path / "b")
    assert content.preprocessing.normalised_by == "artifact"
    assert {a.input.dtype for a in content.artifacts} == {"uint8"}
    assert content.artifacts[0].parity.largest_logit_difference < 1e-4
    quick = ("--rounds", "1", "--min-runs", "2", "--min-time", "0", "--accuracy-images", "60")
    assert run("edge_runtime", "b", *quick).returncode == 0


def test_classes_in_another_order_and_more_of_them_are_matched_by_name(run, tmp_path, own_onnx):
    own_onnx(tmp_path / "by-hand.onnx")
    plain = run("cifarq_export", "--from", "by-hand.onnx", *FAST, "--out", "a", "--max-drop", "3")
    assert plain.returncode == 0, plain.stderr
    model = onnx.load(tmp_path / "by-hand.onnx")
    names = (*cifar10.CLASSES[::-1], "submarine")
    for tensor in model.graph.initializer:  # answer in the other order, with one class more
        if tensor.name in ("w3", "b3"):
            value = numpy_helper.to_array(tensor)[..., ::-1]
            more = np.full((*value.shape[:-1], 1), -1e3 if tensor.name == "b3" else 0, np.float32)
            tensor.CopyFrom(
                numpy_helper.from_array(np.concatenate([value, more], axis=-1), tensor.name)
            )
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 11
    onnx.save(model, tmp_path / "reversed.onnx")
    (tmp_path / "names.txt").write_text("\n".join(names))
    done = run(
        "cifarq_export", "--from", "reversed.onnx", "--classes", "names.txt",
        "--precision", "fp32", *FAST, "--out", "b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, after = (manifest.read(tmp_path / name) for name in ("a", "b"))
    assert after.classes == names
    assert after.artifacts[0].accuracy.top1 == before.artifacts[0].accuracy.top1


def spoil(path, what):
    model = onnx.load(path)
    graph = model.graph
    if what == "operator":
        graph.node[0].op_type = "NoSuchOperator"
    elif what == "domain":
        graph.node[2].domain, graph.node[2].op_type = "my.own", "Blur"
        model.opset_import.append(helper.make_opsetid("my.own", 1))
    elif what == "two inputs":
        graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    elif what == "channels":
        graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2
    elif what == "open size":
        graph.input[0].type.tensor_type.shape.dim[2].dim_param = "H"
    elif what == "nan":
        for tensor in graph.initializer:
            if tensor.name == "w1":
                value = numpy_helper.to_array(tensor).copy()
                value[0] = np.nan
                tensor.CopyFrom(numpy_helper.from_array(value, "w1"))
    onnx.save(model, path)


@pytest.mark.parametrize(
    "what, message",
    [
        ("operator", "NoSuchOperator"),
        ("domain", "Blur"),
        ("two inputs", "has 2 inputs (image, more); a classifier has one, the image"),
        ("channels", "is (N, 2, 32, 32), which has neither 1 nor 3 channels"),
        ("open size", "leaves the size of its input open"),
        ("nan", "w1 holds values that are not finite"),
    ],
)
def test_an_onnx_file_that_cannot_be_used_is_one_line(run, tmp_path, own_onnx, what, message):
    spoil(own_onnx(tmp_path / "m.onnx"), what)
    done = run("cifarq_export", "--from", "m.onnx", *FAST)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def test_outputs_that_are_not_the_classes_and_files_that_are_no_onnx(
    run, tmp_path, own_onnx, everything
):
    own_onnx(tmp_path / "m.onnx", outputs=9)
    done = run("cifarq_export", "--from", "m.onnx", *FAST)
    assert done.returncode == 1 and "has 9 outputs for 10 classes" in done.stderr
    (tmp_path / "text.onnx").write_text("not a model")
    for name, message in (
        ("text.onnx", "is not a valid ONNX model"),
        ("absent.onnx", "does not exist"),
        (everything / "seed-cnn-int8-static.onnx", "is already quantized (DequantizeLinear"),
        (everything / "seed-cnn-int8-dynamic.onnx", "is already quantized (DynamicQuantize"),
    ):
        done = run("cifarq_export", "--from", name, *FAST)
        assert done.returncode == 1 and message in done.stderr, done.stderr
    done = run("cifarq_export", "--from", "m.onnx", "--format", "torchscript")
    assert done.returncode == 1 and "has 9 outputs" in done.stderr
    own_onnx(tmp_path / "m.onnx")
    done = run("cifarq_export", "--from", "m.onnx", "--format", "torchscript")
    assert done.returncode == 2
    assert "this model cannot be written as torchscript, only as onnx" in done.stderr


def test_images_of_any_size_are_scaled_and_cropped_and_travel_so(run, tmp_path, own_onnx):
    from PIL import Image

    train, test = packs.shipped("calibration"), packs.shipped("golden")
    draw = np.random.default_rng(0)
    for part, images, count in (("train", train, 300), ("test", test, 40)):
        for i in range(count):
            folder = tmp_path / "data" / part / cifar10.CLASSES[images.labels[i]]
            folder.mkdir(parents=True, exist_ok=True)
            size = tuple(int(n) for n in draw.integers(40, 90, 2))
            Image.fromarray(images.images[i].transpose(1, 2, 0)).resize(size).save(
                folder / f"{i}.png"
            )
    own_onnx(tmp_path / "by-hand.onnx")
    asked = ("--from", "by-hand.onnx", "--data-dir", "data", "--min-speedup", "0", "--out", "b")
    told = ("--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.2435,0.2616")
    refused = run("cifarq_export", *asked, *told)
    assert refused.returncode == 1 and "--resize" in refused.stderr
    done = run("cifarq_export", *asked, *told, "--resize", "36", "--max-drop", "50")
    assert done.returncode == 0, done.stderr
    assert "Images: shorter side scaled to 36, bilinear; centre 32x32 cropped." in done.stderr
    pack = golden.read(tmp_path / "b" / "golden.npz")
    assert pack.images.shape == (40, 3, 32, 32)
    content = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert content["images"]["dataset"] == "data"
    assert content["artifacts"][2]["calibration"] == {
        "method": "minmax",
        "images": 270,
        "split": "train",
        "seed": 1,
        "corrected_biases": False,
    }
    assert content["preprocessing"]["mean"] == [0.4914, 0.4822, 0.4465]
    resize = {"shorter": 36, "mode": "crop", "filter": "bilinear"}
    assert content["preprocessing"]["resize"] == resize


@pytest.mark.parametrize("first", [False, True])
def test_weights_that_are_listed_as_inputs_and_constants_in_nodes(run, tmp_path, own_onnx, first):
    """As files of IR version 3 and some exporters have them."""
    own_onnx(tmp_path / "plain.onnx")
    model = onnx.load(tmp_path / "plain.onnx")
    graph = model.graph
    (image,) = graph.input
    listed = [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in graph.initializer]
    del graph.input[:]
    graph.input.extend([*listed, image] if first else [image, *listed])
    constant = next(t for t in graph.initializer if t.name == "w3")
    node = helper.make_node("Constant", [], ["w3"], value=constant)
    listed_constant = next(v for v in graph.input if v.name == "w3")
    graph.initializer.remove(constant)
    graph.input.remove(listed_constant)
    rest = [onnx.NodeProto.FromString(n.SerializeToString()) for n in graph.node]
    del graph.node[:]
    graph.node.extend([node, *rest])
    model.ir_version = 3
    onnx.save(model, tmp_path / "old.onnx")
    found = {}
    for name in ("plain", "old"):
        done = run(
            "cifarq_export", "--from", f"{name}.onnx", *FAST, "--max-drop", "3", "--out", name
        )
        assert done.returncode == 0, done.stderr
        found[name] = manifest.read(tmp_path / name).artifacts
    for plain, old in zip(found["plain"], found["old"], strict=True):
        assert old.quantized == plain.quantized
        assert old.accuracy.top1 == plain.accuracy.top1
    done = run("cifarq_export", "explain", "old.onnx")
    assert done.returncode == 0, done.stderr


def test_the_same_onnx_file_gives_the_same_bytes(run, tmp_path, own_onnx):
    own_onnx(tmp_path / "m.onnx")
    for name in ("a", "b"):
        cold = {"XDG_CACHE_HOME": str(tmp_path / f"cache-{name}")}
        done = run(
            "cifarq_export", "--from", tmp_path / "m.onnx", *FAST, "--max-drop", "3",
            "--out", tmp_path / name, env=cold,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_what_follows_the_last_layer_stays_fp32(run, tmp_path, own_onnx):
    """Scores of 256 steps would often tie."""
    own_onnx(tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    model.graph.output[0].name = "bent"
    model.graph.node.append(helper.make_node("LeakyRelu", ["scores"], ["bent"], alpha=0.5))
    onnx.save(model, tmp_path / "bent.onnx")
    done = run(
        "cifarq_export", "--from", "bent.onnx", *FAST, "--precision", "int8-static",
        "--max-drop", "3", "--out", "b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    images = normalise(packs.shipped("golden").images, cifar10.MEAN, cifar10.STD)
    session = runtime.open_model(onnx.load(tmp_path / "b" / "bent-int8-static.onnx"), "it")
    assert len(np.unique(session.run(images))) > 0.9 * len(images) * CLASSES
    assert (
        runtime.count_conversions(onnx.load(tmp_path / "b" / "bent-int8-static.onnx"), tmp_path)
        == 0
    )
