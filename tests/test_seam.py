"""One file a format, one file an engine: what is dropped into a copy is seen by every command.

A linear classifier written as a NumPy archive, and two engines that read it with numpy alone.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

pytestmark = [pytest.mark.torch, pytest.mark.slow]

FORMAT = '''
"""A linear classifier as a NumPy archive."""

import numpy as np
from torch import nn

from cifarq_export.formats import Written

ORDER = 9
SUFFIX = ".npz"
PRECISIONS = ("fp32", "int8-dynamic")


def can_write(source):
    layers = source.module.children() if source.module is not None else ()
    return [type(layer) for layer in layers] == [nn.Flatten, nn.Linear]


def write(source, precision, path, recipe):
    linear = source.module[1]
    weight, scale = linear.weight.detach().numpy(), np.float32(1)
    if precision == "int8-dynamic":
        scale = np.abs(weight).max() / 127
        weight = np.rint(weight / scale).astype(np.int8)
    np.savez(path, weight=weight, scale=scale, bias=linear.bias.detach().numpy())
    return Written()
'''

ENGINE = '''
"""Linear classifiers, run by numpy."""

FORMATS = ("linear",)
PRECISIONS = ("fp32", "int8-dynamic")
REQUIRES = "numpy"
INSTALL = "pip install numpy"
WHEEL = "numpy"
ASKED_FOR = ""
PROCESS_BYTES = 40 * 2**20


class Session:
    def __init__(self, content):
        import io, numpy

        with numpy.load(io.BytesIO(content)) as file:
            self.weight = file["weight"].astype(numpy.float32) * file["scale"]
            self.bias = file["bias"]

    def run(self, batch):
        return PRODUCT + self.bias


def load(content, name, threads):
    return Session(content)


def version():
    return "7.7"
'''

PRODUCTS = {
    "dot": "batch.reshape(len(batch), -1) @ self.weight.T",
    "inner": "__import__('numpy').inner(batch.reshape(len(batch), -1), self.weight)",
}

MODEL = """
from torch import nn

def linear(): return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
"""

CLASSIFY = """
import sys, numpy
from edge_runtime import Classifier

for format in (None, "linear"):
    classify = Classifier(sys.argv[1], precision="fp32", format=format)
    (answer,) = classify.predict(numpy.zeros((32, 32, 3), numpy.uint8))
    print(classify.artifact.file, classify.engine_version, answer.label in classify.classes)
"""

EXPORT = (
    *("--model", "mine:linear", "--input-shape", "3,32,32"),
    *("--validation-images", "300", "--calibration-images", "100", "--min-speedup", "0"),
    *("--max-drop", "50", "--precision", "fp32,int8-dynamic"),
)
BUNDLE = "linear-bundle"
QUICK = ("--rounds", "2", "--min-runs", "5", "--min-time", "0", "--accuracy-images", "64")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The user's folder."""
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def call(folder, tmp_path_factory):
    """Run a command of copies that hold a format and two engines more; it has to succeed."""
    library = tmp_path_factory.mktemp("library")
    for name in ("cifarq", "cifarq_export", "edge_runtime"):
        package = Path(importlib.import_module(name).__file__).parent
        shutil.copytree(package, library / name, ignore=shutil.ignore_patterns("__pycache__"))
    (library / "cifarq_export" / "formats" / "linear.py").write_text(FORMAT)
    for name, product in PRODUCTS.items():
        code = ENGINE.replace("PRODUCT", product)
        (library / "edge_runtime" / "engines" / f"{name}.py").write_text(code)
    (folder / "mine.py").write_text(MODEL)
    (folder / "classify.py").write_text(CLASSIFY)

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-P", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(library)},
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def summary(call):
    """What an export in every format that can hold the model prints."""
    return call("-m", "cifarq_export", *EXPORT)


def test_the_formats_list_has_it_with_the_engines_that_read_it(call):
    formats = json.loads(call("-m", "cifarq_export", "formats", "--json"))
    assert list(formats)[:2] == ["torchscript", "onnx"] and list(formats)[-1] == "linear"
    assert formats["linear"] == {
        "precisions": ["fp32", "int8-dynamic"],
        "engines": ["dot", "inner"],
    }


def test_the_engines_list_has_both(call):
    listed = json.loads(call("-m", "edge_runtime", "engines", "--json"))
    found = {row["engine"]: row["formats"] for row in listed}
    assert found["dot"] == found["inner"] == ["linear"]


def test_an_export_writes_it_and_checks_it_with_the_first_engine(summary, folder):
    manifest = json.loads((folder / BUNDLE / "manifest.json").read_text())
    artifacts = {a["file"]: a for a in manifest["artifacts"] if a["format"] == "linear"}
    assert list(artifacts) == ["linear-fp32.npz", "linear-int8-dynamic.npz"]
    assert {a["engine"] for a in artifacts.values()} == {"dot"}
    fp32, int8 = artifacts.values()
    assert not fp32["overridden"] and fp32["parity"]["largest_logit_difference"] < 1e-4
    assert int8["size_bytes"] < 0.3 * fp32["size_bytes"]
    assert 0 < int8["parity"]["largest_logit_difference"] < 1
    (line,) = (line for line in summary.splitlines() if line.startswith("linear int8-dynamic"))
    assert "unknown" in line  # no file in explain/ knows the format


def test_explain_says_that_its_shares_are_unknown(call, summary):
    explanations = json.loads(call("-m", "cifarq_export", "explain", BUNDLE, "--json"))
    assert explanations["linear-int8-dynamic.npz"] is None
    assert explanations["linear-int8-dynamic.onnx"]["mac_share"] == 1
    assert "unknown" in call("-m", "cifarq_export", "explain", f"{BUNDLE}/linear-fp32.npz")


def test_doctor_names_the_engines_and_holds_the_artifacts_to_their_answers(call, summary):
    content = json.loads(call("-m", "edge_runtime", "doctor", BUNDLE, "--json"))
    levels = {finding["text"]: finding["level"] for finding in content["findings"]}
    rows = [f"linear {p} on {e}: " for p in ("fp32", "int8-dynamic") for e in ("dot", "inner")]
    for start in ("dot 7.7 ", *rows):
        (text,) = (text for text in levels if text.startswith(start))
        assert levels[text] == "ok"


def test_edge_bench_has_a_row_for_each_engine_that_reads_it(call, summary, tmp_path):
    out = tmp_path / "results.json"
    table = call("-m", "edge_runtime", BUNDLE, *QUICK, "--json", out)
    rows = json.loads(out.read_text())["rows"]
    assert [(row["file"], row["engine"]) for row in rows if row["format"] == "linear"] == [
        *(("linear-fp32.npz", engine) for engine in PRODUCTS),
        *(("linear-int8-dynamic.npz", engine) for engine in PRODUCTS),
    ]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["engine_version"] for row in rows if row["format"] == "linear"} == {"7.7"}
    assert all(engine in table for engine in PRODUCTS)


def test_an_engine_that_did_not_check_it_can_be_picked(call, summary):
    csv = call("-m", "edge_runtime", BUNDLE, *QUICK, "--engine", "inner", "--output", "csv")
    _, *rows = csv.splitlines()
    assert len(rows) == 2 and all(",inner,linear," in row for row in rows)


def test_a_program_runs_it(call, summary):
    lines = call("classify.py", BUNDLE).splitlines()
    assert lines[1] == "linear-fp32.npz 7.7 True"


def test_the_bundle_brings_both_along(call, summary):
    """On the device runs the runtime in the bundle, which has the engines too."""
    csv = call(f"{BUNDLE}/edge-bench.pyz", *QUICK, "--engine", "dot", "--output", "csv")
    assert csv.count(",ok,") == 2


def test_an_artifact_is_measured_on_every_engine_that_reads_it(call, summary):
    table = call(f"{BUNDLE}/edge-bench.pyz", f"{BUNDLE}/linear-fp32.npz", *QUICK)
    assert "linear fp32 on dot " in table and "linear fp32 on inner " in table
    markdown = ("--output", "markdown", "--engine", "dot", "--engine", "inner")
    table = call("-m", "edge_runtime", f"{BUNDLE}/linear-fp32.npz", *QUICK, *markdown)
    assert "| speed vs linear fp32 on dot |" in table
