"""What of an artifact is INT8: counted against the model's own figures."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import onnx
import pytest

from cifarq import checkpoint, models
from cifarq.evaluation import inventory
from cifarq_export.explain import explain
from cifarq_export.formats import onnx as onnx_format
from edge_runtime.bundle import manifest

# Convolutions 3-32-64-128-128 and Linear 8192-256-10.
PARAMETERS, MACS = 2_340_810, 78_481_920


@pytest.fixture(scope="module")
def explained(run_once, everything):
    """What the command says of the whole bundle, as JSON, by file."""
    return json.loads(run_once("cifarq_export", "explain", everything, "--json").stdout)


@pytest.mark.parametrize("suffix", ["torchscript.pt", "onnx"])
def test_dynamic_int8_holds_90_percent_of_bytes_and_under_3_of_arithmetic(explained, suffix):
    found = explained[f"seed-cnn-int8-dynamic.{suffix}"]
    assert found["weight_share"] == 0.897 and found["mac_share"] == 0.0268
    # The same two figures, counted from the PyTorch model by another piece of code.
    loaded = checkpoint.load(models.pretrained("seed-cnn"))
    linear = inventory.linear_share(loaded.model(), loaded.input_shape)
    assert found["mac_share"] == pytest.approx(linear["macs"], abs=1e-4)
    assert found["weight_share"] == pytest.approx(linear["parameters"], abs=2e-4)


def test_every_artifact_accounts_for_all_parameters_and_all_arithmetic(explained):
    for name, found in explained.items():
        assert sum(o["weights"] for o in found["operators"]) == PARAMETERS, name
        assert sum(o["macs"] for o in found["operators"]) == MACS, name


def test_static_int8_leaves_nothing_and_fp32_has_nothing(explained):
    static = explained["seed-cnn-int8-static.onnx"]
    assert static["mac_share"] == 1 and static["weight_share"] == 0.9997
    assert static["int8"] == {"QGemm": 2, "QLinearConv": 4} and static["fp32"] == {}
    fp32 = explained["seed-cnn-fp32.onnx"]
    assert fp32["int8"] == {} and fp32["mac_share"] == fp32["weight_share"] == 0


def test_what_only_moves_values_is_no_work(explained, run, everything):
    operators = explained["seed-cnn-int8-static.onnx"]["operators"]
    moves = {o["kind"] for o in operators if not (o["int8"] or o["why"])}
    assert {"QuantizeLinear", "MaxPool"} <= moves
    shown = run("cifarq_export", "explain", everything / "seed-cnn-int8-static.onnx").stdout
    runs_in = {line.split()[0]: line.split()[2] for line in shown.splitlines()[4:] if line.strip()}
    assert runs_in["MaxPool"] == "–" and runs_in["QLinearConv"] == "INT8"


def test_a_layer_that_was_kept_in_fp32_says_so(seed_cnn, recipe):
    made = recipe(keep_fp32=("node_conv2d_2",))
    path = made.scratch / "kept.onnx"
    onnx_format.write(seed_cnn, "int8-static", path, made)
    found = explain(
        path.read_bytes(),
        path.name,
        "onnx",
        np.zeros((1, 3, 32, 32), np.float32),
        precision="int8-static",
    )
    (layer,) = [o for o in found.operators if o.macs and not o.int8]
    assert layer.layer == "conv3" and layer.why == "kept in FP32 for its accuracy"


def test_what_is_not_int8_comes_with_its_reason(explained):
    why = explained["seed-cnn-int8-dynamic.torchscript.pt"]["why_fp32"]
    assert why == {"Conv": "PyTorch's dynamic INT8 covers Linear layers, not convolutions"}
    why = explained["seed-cnn-int8-dynamic.onnx"]["why_fp32"]
    assert "dynamic INT8 leaves convolutions in FP32" in why["FusedConv"]


def test_the_manifest_holds_the_same_facts(everything, explained):
    for artifact in manifest.read(everything).artifacts:
        said = {k: v for k, v in explained[artifact.file].items() if k != "operators"}
        assert asdict(artifact.quantized) == said


def test_the_table_says_it_in_words(run, everything):
    done = run("cifarq_export", "explain", everything / "seed-cnn-int8-dynamic.torchscript.pt")
    assert done.returncode == 0, done.stderr
    heading, _, columns, _, conv, linear, *_ = done.stdout.splitlines()
    assert "INT8 holds 89.7 % of the bytes" in heading and "2.7 % of 78.5 M" in heading
    assert columns.split()[:4] == ["operator", "count", "runs", "in"]
    assert conv.split()[:5] == ["Conv", "4", "FP32", "10.3", "97.3"]
    assert linear.split()[2:6] == ["2", "INT8", "89.7", "2.7"]


def test_layers_are_listed_by_their_names(run, everything):
    done = run("cifarq_export", "explain", everything / "seed-cnn-int8-static.onnx", "--layers")
    names = [line.split()[0] for line in done.stdout.splitlines() if "(QLinearConv)" in line]
    assert names == ["conv1", "conv2", "conv3", "conv4"]


def test_an_onnx_file_of_nobody_is_explained_too(run, everything, tmp_path):
    shutil.copy(everything / "seed-cnn-int8-static.onnx", tmp_path / "found.onnx")
    done = run("cifarq_export", "explain", "found.onnx", "--json")
    assert json.loads(done.stdout)["found.onnx"]["mac_share"] == 1


def test_an_operator_without_a_kernel_is_named(seed_cnn, recipe):
    """A HardSwish between two convolutions: conversions are left, and said."""
    made = recipe()
    base = onnx_format.static_base(seed_cnn, made)
    ranges = onnx_format.static_ranges(base, seed_cnn, made)
    relu = next(n for n in base.graph.node if n.op_type == "Relu")
    relu.op_type = "HardSwish"
    from cifarq_export.int8 import qdq

    path = made.scratch / "swish.onnx"
    onnx.save(qdq.quantize(base, ranges, "x86-vnni"), path)
    image = np.zeros((1, 3, 32, 32), np.float32)
    found = explain(path.read_bytes(), path.name, "onnx", image, precision="int8-static")
    assert found.quantize_nodes_between > 0
    why = found.to_manifest().why_fp32
    assert any("no INT8 kernel for Hard" in reason for reason in why.values())
    assert [kind.startswith("Hard") for kind in found.without_kernel()] == [True]


@pytest.mark.parametrize(
    "path, code, message",
    [
        ("nowhere.onnx", 1, "nowhere.onnx does not exist"),
        ("loose.torchscript.pt", 1, "lies in no bundle"),
        ("broken.onnx", 1, "broken.onnx"),
        ("open.onnx", 1, "leaves the size of its input open. Give it with --input-shape"),
    ],
)
def test_what_cannot_be_explained_is_one_line(run, tmp_path, everything, path, code, message):
    shutil.copy(everything / "seed-cnn-fp32.torchscript.pt", tmp_path / "loose.torchscript.pt")
    model = onnx.load(everything / "seed-cnn-fp32.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -1
    onnx.save(model, tmp_path / "open.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x0anonsense")
    done = run("cifarq_export", "explain", path)
    assert done.returncode == code and message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_whose_hash_does_not_match_is_not_opened(run, everything, tmp_path):
    shutil.copytree(everything, tmp_path / "b")
    with (tmp_path / "b" / "seed-cnn-fp32.torchscript.pt").open("ab") as file:
        file.write(b"x")
    done = run("cifarq_export", "explain", "b/seed-cnn-fp32.torchscript.pt")
    assert done.returncode == 1 and "corrupt" in done.stderr
