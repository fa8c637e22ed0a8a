"""A board as it was sold: Python and the copied folder, and nothing that was installed."""

import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime import engines
from edge_runtime.bundle import installing, manifest
from edge_runtime.bundle.manifest import FileRecord, Wheelhouse

ARCHIVE = "edge-bench.pyz"
SAID = "pip install numpy onnxruntime, in a virtual environment"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python that has no package at all."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder)
    return folder / "bin" / "python"


def ran(python, bundle, *arguments):
    return subprocess.run(
        [python, bundle / ARCHIVE, *arguments],
        capture_output=True,
        text=True,
        cwd=bundle,
        env={"PATH": "/usr/bin:/bin"},
        timeout=120,
    )


def brings(bundle, content, *files):
    """The manifest of a bundle with wheels, of which nothing but their names is looked at."""
    wheels = tuple(FileRecord(file, 1, "0" * 64) for file in files)
    content = replace(content, wheelhouse=Wheelhouse("pi-bookworm", wheels))
    (bundle / manifest.FILE).write_text(content.to_json())
    return content


@pytest.mark.parametrize("arguments", [(), ("classify", "golden.npz")])
def test_without_numpy_one_line_says_what_installs_it(bare, bundle, arguments):
    done = ran(bare, bundle, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: numpy is not installed for {bare}: {SAID}\n"


@pytest.mark.parametrize("arguments", [(), ("classify", "golden.npz")])
def test_without_numpy_the_bundles_own_script_is_named_if_it_brings_it(bare, bundle, arguments):
    brings(bundle, manifest.read(bundle), "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.whl")
    done = ran(bare, bundle, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: numpy is not installed for {bare}: {bundle}/setup-device.sh\n"


def test_the_doctor_says_that_the_engine_is_missing_and_what_installs_it(bare, bundle):
    done = ran(bare, bundle, "doctor")
    assert done.returncode == 1 and done.stderr == ""
    (at,) = (i for i, line in enumerate(done.stdout.splitlines()) if line.startswith("fatal"))
    line, remedy = done.stdout.splitlines()[at : at + 2]
    assert line.endswith("onnxruntime is not installed")
    assert remedy.strip() == f"→ {engines.get('onnxruntime').INSTALL}, in a virtual environment"


def test_numpy_alone_may_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(engines.EngineMissingError, match=r"^numpy is not installed: pip inst"):
        engines.require("onnxruntime")
    with pytest.raises(engines.EngineMissingError, match=r"^numpy is not installed: \./set"):
        engines.require("onnxruntime", "./setup-device.sh")


def test_a_script_is_named_as_it_can_be_typed_and_for_what_it_brings(bundle):
    content = brings(bundle, manifest.read(bundle), "onnxruntime-1.32.0-cp311.whl")
    assert installing.script_for("onnxruntime", Path(), content) == "./setup-device.sh"
    assert installing.script_for("onnxruntime", Path("my b"), content) == "'my b/setup-device.sh'"
    assert installing.script_for("torch", Path(), content) == ""


def test_an_engine_that_is_missing_is_installed_by_the_script_that_brings_it(
    run, bundle, fake_engine
):
    brings(bundle, manifest.read(bundle), "onnxruntime-1.32.0-cp311.whl")
    fake = fake_engine("onnxruntime", "raise ModuleNotFoundError('no', name='onnxruntime')")
    done = run("edge_runtime", bundle, "--rounds", "1", env=fake)
    said = " ".join(done.stdout.split())
    assert f"onnxruntime is not installed: {bundle}/setup-device.sh" in said


@pytest.mark.parametrize("place", [60_000, 150_000, "a name in the archive's index"])
def test_a_damaged_runtime_is_one_line_wherever_the_damage_is(bundle, place):
    content = bytearray((bundle / ARCHIVE).read_bytes())
    content[place if isinstance(place, int) else content.rindex(b"edge_runtime/")] ^= 0xFF
    (bundle / ARCHIVE).write_bytes(content)
    done = ran(sys.executable, bundle, "doctor")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: {bundle / ARCHIVE} is damaged: it is not the one that manifest.json names. Copy "
        "the bundle again.\n"
    )
