"""Every artifact, run by the engine it is for, against the FP32 PyTorch model."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import onnx

from cifarq import checkpoint, models
from cifarq_export import formats
from edge_runtime import engines
from edge_runtime.bundle import golden, integrity, manifest
from edge_runtime.measure import accuracy

FOLDER = models.pretrained("seed-cnn")
assert FOLDER is not None
USUAL = [name for name in formats.names() if not formats.is_on_request(name)]
PAIRS = [(name, p) for name in USUAL for p in formats.get(name).PRECISIONS]


@pytest.fixture(scope="module")
def pack(everything):
    return golden.read(everything / "golden.npz")


@pytest.fixture(scope="module")
def logits_of(everything, pack):
    """Logits of an artifact on the golden images, one image a call."""
    how = manifest.read(everything).preprocessing

    def run(artifact):
        session = engines.load(artifact.engine, integrity.read(everything, artifact), artifact.file)
        return accuracy.logits_of(session.run, pack.images, how)

    return run


def artifact_of(bundle: Path, format_name: str, precision: str) -> manifest.Artifact:
    (found,) = (
        a
        for a in manifest.read(bundle).artifacts
        if (a.format, a.precision) == (format_name, precision)
    )
    return found


def test_golden_logits_are_the_fp32_pytorch_models(pack):
    loaded = checkpoint.load(FOLDER)
    images = torch.from_numpy(pack.images).float() / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (loaded.mean, loaded.std))
    with torch.no_grad():
        logits = loaded.model()((images - mean) / std).numpy()
    np.testing.assert_allclose(pack.logits, logits, atol=1e-4)


@pytest.mark.parametrize("format_name", USUAL)
def test_fp32_logits_are_within_1e_4_of_pytorchs(everything, logits_of, pack, format_name):
    logits = logits_of(artifact_of(everything, format_name, "fp32"))
    assert np.abs(logits - pack.logits).max() < 1e-4


@pytest.mark.parametrize("format_name, precision", [p for p in PAIRS if p[1] != "fp32"])
def test_int8_answers_as_fp32_in_99_percent(everything, logits_of, pack, format_name, precision):
    logits = logits_of(artifact_of(everything, format_name, precision))
    assert accuracy.agreement(logits, pack.logits).value >= 0.99
    assert np.abs(logits - pack.logits).max() > 1e-3  # it is not FP32 under another name


@pytest.mark.parametrize("format_name, precision", PAIRS)
def test_the_batch_is_dynamic(everything, format_name, precision):
    artifact = artifact_of(everything, format_name, precision)
    session = engines.load(artifact.engine, integrity.read(everything, artifact), artifact.file)
    for size in (1, 2, 7):
        assert session.run(np.zeros((size, 3, 32, 32), np.float32)).shape == (size, 10)


@pytest.mark.parametrize("format_name, precision", [p for p in PAIRS if p[1] != "fp32"])
def test_int8_holds_the_weights_it_says(everything, format_name, precision):
    fp32 = artifact_of(everything, format_name, "fp32")
    int8 = artifact_of(everything, format_name, precision)
    share = int8.quantized.weight_share
    assert share == pytest.approx(0.897 if precision == "int8-dynamic" else 0.9997, abs=2e-4)
    # One byte where there were four; a few KB of graph are the same in both.
    assert int8.size_bytes == pytest.approx(fp32.size_bytes * (1 - 0.75 * share), rel=0.02)
    macs = 0.0268 if precision == "int8-dynamic" else 1.0
    assert int8.quantized.mac_share == pytest.approx(macs, abs=1e-4)


def test_onnx_is_one_file_with_a_dynamic_batch_and_its_opset_in_the_manifest(everything):
    artifact = artifact_of(everything, "onnx", "fp32")
    model = onnx.load(everything / artifact.file, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert not any(t.external_data for t in model.graph.initializer)
    (graph_input,) = model.graph.input
    dims = graph_input.type.tensor_type.shape.dim
    assert dims[0].dim_param and [d.dim_value for d in dims[1:]] == [3, 32, 32]
    assert artifact.opset == model.opset_import[0].version == 18
    assert artifact.ir_version == model.ir_version
    assert model.graph.output[0].name == artifact.output.name == "logits"


def test_every_onnx_file_is_valid_to_the_letter(everything):
    for artifact in manifest.read(everything).artifacts:
        if artifact.format == "onnx":
            model = onnx.load(everything / artifact.file)
            onnx.checker.check_model(model, full_check=True)
            assert {o.domain for o in model.opset_import} == {""}
            assert artifact.opset == 18


@pytest.mark.parametrize("precision, integer", [("int8-dynamic", 2), ("int8-dynamic-conv", 6)])
def test_only_what_the_precision_names_is_integer(everything, precision, integer):
    model = onnx.load(everything / artifact_of(everything, "onnx", precision).file)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("MatMulInteger") == 2
    assert kinds.count("MatMulInteger") + kinds.count("ConvInteger") == integer
    assert kinds.count("Conv") == 6 - integer


def test_torchscript_tensors_stay_aligned(everything):
    with zipfile.ZipFile(everything / artifact_of(everything, "torchscript", "fp32").file) as file:
        for entry in file.infolist():
            file.fp.seek(entry.header_offset + 26)
            name, extra = struct.unpack("<HH", file.fp.read(4))
            assert (entry.header_offset + 30 + name + extra) % 64 == 0
