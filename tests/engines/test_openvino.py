"""OpenVINO reads the ONNX files: `make test-engines`, which installs it beside the environment.

Not in the environment itself: there every ONNX artifact would be measured twice, in all tests.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO is not installed")
pytest.importorskip("torch", reason="PyTorch is not installed")

from edge_runtime import engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.engines import Options
from edge_runtime.errors import EngineError

QUICK = ("--rounds", "2", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "50")


@pytest.fixture(scope="module")
def bundle(run_once, tmp_path_factory):
    """The shipped model as ONNX, in FP32 and static INT8."""
    out = tmp_path_factory.mktemp("bundle") / "b"
    options = ("--format", "onnx", "--precision", "fp32,int8-static", "--min-speedup", "0")
    done = run_once("cifarq_export", *options, "--validation-images", "200", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_it_answers_as_onnx_runtime_does_and_says_how_it_ran(bundle):
    content = manifest.read(bundle)
    pack = golden.of_bundle(bundle, content)
    images = content.preprocessing.apply(pack.images[:64])
    for artifact in content.artifacts:
        file = (bundle / artifact.file).read_bytes()
        session = engines.load("openvino", file, artifact.file)
        logits = np.concatenate([session.run(images[:1]), session.run(images[1:])])
        same = (logits.argmax(axis=1) == pack.logits[:64].argmax(axis=1)).mean()
        layers = engines.details(session)["layers"]
        if artifact.precision == "fp32":
            np.testing.assert_allclose(logits, pack.logits[:64], atol=1e-3)
            assert layers == "6 in FP32"
        else:
            assert same >= 0.95 and "INT8" in layers


def test_an_artifact_is_measured_on_both_engines(bundle, run):
    assert engines.reading("onnx") == ["onnxruntime", "openvino"]
    done = run("edge_runtime", bundle, *QUICK, "--output", "json")
    rows = json.loads(done.stdout)["rows"]
    assert [(row["precision"], row["engine"], row["status"]) for row in rows] == [
        (precision, engine, "ok")
        for precision in ("fp32", "int8-static")
        for engine in ("onnxruntime", "openvino")
    ]
    table = run("edge_runtime", bundle, *QUICK).stdout
    assert "onnx int8-static on openvino" in table and "hint latency" in table


def test_its_settings_are_taken(bundle):
    (path,) = bundle.glob("*-fp32.onnx")
    for name, values in engines.knobs("openvino").items():
        for value in values:
            session = engines.load("openvino", path.read_bytes(), "m", Options(knobs={name: value}))
            assert session.run(np.zeros((1, 3, 32, 32), np.float32)).shape == (1, 10)


def test_what_is_no_model_is_refused_in_one_line():
    with pytest.raises(EngineError, match=r"(cannot load|refuses) m\.onnx") as caught:
        engines.load("openvino", b"no model", "m.onnx")
    assert "\n" not in str(caught.value)


def test_doctor_and_a_program_run_it(bundle, run, tmp_path):
    done = run("edge_runtime", "doctor", bundle, "--json")
    texts = [finding["text"] for finding in json.loads(done.stdout)["findings"]]
    assert any(text.startswith("onnx int8-static on openvino (IR") for text in texts)
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    assert run("edge_runtime", copy, *QUICK, "--engine", "openvino").returncode == 0


def test_it_tells_its_operators_in_their_precision(bundle, run, tmp_path):
    file = tmp_path / "results.json"
    done = run("edge_runtime", bundle, *QUICK, "--engine", "openvino", "--profile", "--json", file)
    assert done.returncode == 0, done.stderr
    for row in json.loads(file.read_text())["rows"]:
        operators = row["profile"]["operators"]
        assert sum(one["macs"] or 0 for one in operators) == 78_481_920
        products = {one["int8"] for one in operators if one["macs"]}
        assert products == {row["precision"] == "int8-static"}
        assert sum(one["time_ns"] for one in operators) > 0
