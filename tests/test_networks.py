"""Networks and files that people have, exported as a user would: four of ``networks.py``'s."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("timm")
BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
NETWORKS = "mlp,mobilenetv3_small_050"
FILES = "nhwc,two-heads"


def start(name, *arguments):
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def module(monkeypatch):
    """Import a module of the experiment."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture(scope="module")
def weights(data_dir, tmp_path_factory):
    """Train both networks for a moment."""
    folder = tmp_path_factory.mktemp("weights")
    limits = ("--steps=10", f"--only={NETWORKS}", f"--out={folder}")
    start("networks_train", "--data-dir", data_dir, *limits)
    return folder


@pytest.mark.slow
@pytest.mark.full_data
def test_four_networks_and_files_ship_or_say_why(module, data_dir, weights, tmp_path):
    report = module("networks_report")
    quick = ("--validation-images=300", "--rounds=2", f"--only={NETWORKS},{FILES}")
    given = ("--data-dir", data_dir, f"--weights={weights}", f"--out={tmp_path}")
    start("networks", *given, *quick)
    record = json.loads((tmp_path / "networks.json").read_text())
    exports = record["exports"]
    assert list(exports) == [*NETWORKS.split(","), *FILES.split(",")]
    for name, export in exports.items():
        assert export["exit_code"] == 0, (name, export["said"])
        said = [line for line in export["said"] if "left out" in line and report.STATIC in line]
        assert (report.STATIC in export["artifacts"]) != bool(said), (name, said)
    for name in FILES.split(","):
        static = exports[name]["artifacts"][report.STATIC]
        assert static["parity"]["top1_agreement"] >= 0.97
    assert (tmp_path / "networks.md").read_text() == report.markdown(record)


@pytest.mark.slow
@pytest.mark.full_data
def test_ways_to_recover_accuracy_are_compared(module, data_dir, weights, tmp_path):
    network = ("--model=networks_zoo:mlp", f"--weights={weights / 'mlp.safetensors'}")
    start("recovery", "--data-dir", data_dir, *network, f"--out={tmp_path}")
    (record,) = json.loads((tmp_path / "recovery.json").read_text())["networks"].values()
    same = record["same_class"]
    assert list(same) == list(module("recovery").WAYS)
    images = record["images"]["validation"]
    # Half of a quantization changes no more answers than the whole, but for some images.
    halves = min(same[half]["validation"] for half in ("FP32 weights", "FP32 activations"))
    assert same["minmax"]["validation"] - 0.02 * images <= halves <= images
