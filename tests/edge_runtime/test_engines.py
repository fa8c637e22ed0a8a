"""Which engines there are, what each says of itself, and what is chosen by it."""

import json
import platform
import sys
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime import engines
from edge_runtime.bundle import manifest
from edge_runtime.classify.classifier import Classifier
from edge_runtime.errors import UsageError
from edge_runtime.probes import host
from edge_runtime.results import document


def test_the_list_names_each_with_what_it_runs_and_how_to_install_it(run):
    done = run("edge_runtime", "engines", "--json")
    listed = {row["engine"]: row for row in json.loads(done.stdout)}
    assert sorted(listed) == engines.names()
    for name, row in listed.items():
        assert row["installed"] == engines.is_installed(name)
        assert bool(row["version"]) == row["installed"]
        assert row["install"].startswith("pip install ")
        assert row["formats"] and "fp32" in row["precisions"]
    table = run("edge_runtime", "engines").stdout
    assert all(name in table for name in listed)


@pytest.mark.parametrize(
    ("machine", "largest", "said"),
    [
        ("x86_64", 2**63 - 1, ""),
        ("aarch64", 2**63 - 1, ""),
        ("riscv64", 2**63 - 1, "this is riscv64"),
        ("armv7l", 2**31 - 1, "this Python is 32-bit"),
    ],
)
def test_a_machine_that_no_wheel_is_for_is_told(monkeypatch, machine, largest, said):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "maxsize", largest)
    assert said in engines.lack() and bool(said) == bool(engines.lack())


@pytest.mark.parametrize("name", engines.names())
def test_settings_start_with_the_default_and_are_told_apart(name):
    for setting, values in engines.knobs(name).items():
        assert setting and len(set(values)) == len(values) >= 2


@pytest.fixture
def measured(bundle, results, make_row, tmp_path):
    """A results file of the bundle and of this machine, on which nothing else ran meanwhile."""
    (artifact,) = manifest.read(bundle).artifacts
    settings = {"memory arena": "no"}
    same = {"sha256": artifact.sha256, "file": artifact.file, "precision": artifact.precision}
    slow = [(10**6 * (100 + i),) * 40 for i in (-1, 0, 1)]
    rows = (
        make_row(rounds=slow, **same),
        make_row(rounds=[(9 * 10**7,) * 40] * 3, knobs=settings, **same),
    )
    file = tmp_path / "results.json"
    document.write(replace(results, host=host.describe(), rows=rows), file)
    return file


def test_a_program_takes_what_was_fastest_here(bundle, measured, monkeypatch):
    taken = []
    load = engines.load
    monkeypatch.setattr(engines, "load", lambda *given: taken.append(given[-1]) or load(*given))
    classify = Classifier(bundle, results=measured)
    assert classify.artifact.file == json.loads(measured.read_text())["rows"][0]["file"]
    assert classify.engine == "onnxruntime"
    (options,) = taken
    assert options.knobs == {"memory arena": "no"}
    image = np.zeros((32, 32, 3), np.uint8)
    assert len(classify.predict(image)) == 1


def test_the_command_takes_it_too(bundle, measured, run, tmp_path):
    image = tmp_path / "image.npy"
    np.save(image, np.zeros((32, 32, 3), np.uint8))
    done = run("edge_runtime", "classify", image, "--bundle", bundle, "--results", measured)
    assert done.returncode == 0, done.stderr


def test_results_of_another_device_are_refused(bundle, measured):
    content = json.loads(measured.read_text())
    content["host"]["cpu"] = "Cortex-A76"
    measured.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"another device \(.*Cortex-A76"):
        Classifier(bundle, results=measured)


def test_results_of_another_bundle_tell_nothing(bundle, measured):
    content = json.loads(measured.read_text())
    for row in content["rows"]:
        row["sha256"] = "0" * 64
    measured.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="fewer than two rows of this bundle"):
        Classifier(bundle, results=measured)
