"""A table of engines that break, each in its way: each is a row, and the others are measured.

A copy of edge_runtime has an engine for each fault, and a sound one; all of them read the one
artifact of a bundle, a linear classifier. One run and one doctor meet them all.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
from edge_runtime.bundle import golden
from edge_runtime.bundle.manifest import (
    AccuracyRecord,
    Artifact,
    FileRecord,
    ImagesRecord,
    Interval,
    Manifest,
    ParityRecord,
    Quantized,
    SplitRecord,
    TensorSpec,
)
from edge_runtime.bundle.preprocess import Preprocessing
from edge_runtime.files import sha256_of

ENGINE = '''
"""A linear classifier, run by numpy."""

import importlib

FORMATS = ("linear",)
REQUIRES = "{name}_library"
INSTALL = WHEEL = "nothing"
ASKED_FOR = ""
PROCESS_BYTES = 1


class Session:
    def __init__(self, content):
        import io, numpy

        self.weight = numpy.load(io.BytesIO(content))

    def run(self, batch):
        importlib.import_module(REQUIRES).break_in("call")
        return batch.reshape(len(batch), -1) @ self.weight


def load(content, name, threads):
    importlib.import_module(REQUIRES).break_in("load")
    return Session(content)


def version():
    return "7.7"
'''

LIBRARY = """
import contextlib, ctypes, os, resource, signal, subprocess, sys, time

def write(what, descriptors=(1, 2, *range(3, 32))):
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.write(descriptor, what)

def start_another():
    child = subprocess.Popen(["sleep", "600"])
    open(os.path.join(os.environ["PIDS"], str(child.pid)), "w").close()

def exhaust_memory():
    resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
    return [bytearray(2**28) for _ in range(99)]

def flood(*descriptors):
    for _ in range(70):
        write(b"x" * 2**20, descriptors)

def fail(error):
    raise error

def break_in(place):
    if place == {place!r}:
        {code}

break_in("import")
"""


@dataclass(frozen=True)
class Fault:
    """How an engine breaks.

    Attributes:
        place: in its ``import``, in ``load``, or in each ``call``.
        code: what it does there.
        status: of its row.
        message: a part of what its row says.
    """

    place: str
    code: str
    status: str = "ok"
    message: str = ""


IMPORTED = "library cannot be imported: "
FAULTS = {
    "sound": Fault("call", "pass"),
    "segfault": Fault("import", "ctypes.string_at(0)", "crashed", "SIGSEGV: a fault inside"),
    "abort": Fault("load", "os.abort()", "crashed", "SIGABRT: the engine aborted"),
    "illegal": Fault("call", "signal.raise_signal(4)", "crashed", "SIGILL: this engine's build"),
    "hang": Fault("load", "time.sleep(int(os.environ['HANG_S']))", "timed-out", "--timeout"),
    "quits": Fault("import", "os._exit(0)", "crashed", "its process ended without an answer"),
    "quits_late": Fault("load", "os._exit(0)", "crashed", "its process ended without an answer"),
    "half": Fault("load", "write(b'\\n{\"sta'); os._exit(0)", "crashed", "without an answer"),
    "forged": Fault("load", "write(b'\\n{\"status\": 3}\\n'); os._exit(0)", "crashed", "nonsense"),
    "greedy": Fault("load", "exhaust_memory()", "failed", "cannot load m.npy: MemoryError."),
    "floods_out": Fault("import", "flood(1)"),
    "floods_error": Fault("import", "flood(2)"),
    "floods_answer": Fault("load", "flood(*range(3, 32))", "crashed", "wrote more than 64 MB"),
    "noise": Fault("call", "write(b'noise \\xff {}\\n[1]')"),
    "grandchild": Fault("import", "start_another()"),
    "value": Fault("import", "fail(ValueError('a\\nb'))", "failed", f"{IMPORTED}a."),
    "exit": Fault("import", "sys.exit(0)", "failed", f"{IMPORTED}SystemExit."),
    "interrupt": Fault("import", "fail(KeyboardInterrupt)", "failed", f"{IMPORTED}KeyboardI"),
    "memory": Fault("import", "fail(MemoryError)", "failed", f"{IMPORTED}MemoryError."),
}
TIMEOUT_S = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fakes")


@pytest.fixture(scope="module")
def call(folder):
    """Run edge-bench with the engines."""
    package = folder / "library" / "edge_runtime"
    source = Path(edge_runtime.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pids").mkdir()
    for name, fault in FAULTS.items():
        (package / "engines" / f"{name}.py").write_text(ENGINE.format(name=name))
        library = LIBRARY.format(place=fault.place, code=fault.code)
        (package.parent / f"{name}_library.py").write_text(library)

    def run(*arguments, hang_s=0):
        more = {
            "PYTHONPATH": str(package.parent),
            "PIDS": str(folder / "pids"),
            "HANG_S": str(hang_s),
        }
        return subprocess.run(
            [sys.executable, "-P", "-m", "edge_runtime", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, **more},
            timeout=300,
        )

    return run


@pytest.fixture(scope="module")
def bundle(folder):
    """Sixteen images of four pixels, and a classifier of three classes that answers them."""
    return write_bundle(folder / "bundle", "sound")


def write_bundle(path, engine):
    """Write a bundle whose artifact was checked by an engine."""
    path.mkdir()
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (16, 1, 2, 2)).astype(np.uint8)
    weight = draw.normal(size=(4, 3)).astype(np.float32)
    how = Preprocessing((0.5,), (0.5,), color="GREY")
    logits = how.apply(images).reshape(16, 4) @ weight
    np.save(path / "m.npy", weight)
    golden.write(golden.Golden(images, logits.argmax(1), logits), path / "golden.npz")
    files = {name: (path / name).stat().st_size for name in ("m.npy", "golden.npz")}
    hashes = {name: sha256_of(path / name) for name in files}
    artifact = Artifact(
        file="m.npy",
        format="linear",
        engine=engine,
        precision="fp32",
        target="any",
        input=TensorSpec("input", ("N", 1, 2, 2), "float32"),
        output=TensorSpec("logits", ("N", 3), "float32"),
        size_bytes=files["m.npy"],
        sha256=hashes["m.npy"],
        quantized=Quantized(),
        parity=ParityRecord(16, 1.0, 0.0),
        accuracy=AccuracyRecord("validation", 16, 1.0, 1.0, Interval(0, 0, 0)),
    )
    content = Manifest(
        model="linear",
        classes=("a", "b", "c"),
        preprocessing=how,
        files=(FileRecord("golden.npz", files["golden.npz"], hashes["golden.npz"]),),
        artifacts=(artifact,),
        images=ImagesRecord("made up", SplitRecord("validation", 16), SplitRecord("test", 16)),
    )
    (path / "manifest.json").write_text(content.to_json())
    return path


def is_running(pid):
    """Whether a process is there and is no zombie that waits for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def measured(call, bundle, folder):
    """One run on every engine: its end, and its rows by engine."""
    out = folder / "results.json"
    quick = ("--rounds", 1, "--min-runs", 5, "--min-time", 0, "--timeout", TIMEOUT_S)
    done = call(bundle, *quick, "--json", out, hang_s=600)
    rows = json.loads(out.read_text())["rows"]
    return done, {row["engine"]: row for row in rows}


@pytest.fixture(scope="module")
def doctored(call, bundle):
    """One doctor on every engine: its end, and what it found."""
    done = call("doctor", bundle, "--timeout", TIMEOUT_S, "--json", hang_s=600)
    return done, json.loads(done.stdout)["findings"]


@pytest.mark.parametrize("name", FAULTS)
def test_an_engine_that_breaks_is_a_row_of_a_run(measured, name):
    _, rows = measured
    row, fault = rows[name], FAULTS[name]
    assert (row["status"], len(row["turns"])) == (fault.status, fault.status == "ok"), row
    assert fault.message in row["message"] and "\n" not in row["message"]


def test_the_run_ends_with_1_and_no_traceback(measured, folder):
    done, rows = measured
    assert set(rows) == set(FAULTS)
    assert done.returncode == 1 and "Traceback" not in done.stderr + done.stdout
    assert rows["sound"]["turns"][0]["samples_ns"]


def test_what_engines_start_ends_with_their_processes(measured, doctored, folder):
    started = [path.name for path in (folder / "pids").iterdir()]
    assert len(started) == 4 and not any(map(is_running, started))


@pytest.mark.parametrize("name", FAULTS)
def test_an_engine_that_breaks_is_a_finding_of_the_doctor(doctored, name):
    _, findings = doctored
    fault = FAULTS[name]
    (tried,) = (f for f in findings if f["text"].startswith((f"{name} ", f"{name}: ")))
    if fault.place == "import" and fault.status != "ok":
        assert tried["level"] == "fatal" and fault.message in tried["text"]
    else:
        assert (tried["level"], tried["text"]) == ("ok", f"{name} 7.7 can be imported")
    (answered,) = (f for f in findings if f["text"].startswith(f"linear fp32 on {name}: "))
    assert answered["level"] == ("ok" if fault.status == "ok" else "fatal")
    assert fault.message in answered["text"] and "\n" not in answered["text"]


def test_the_doctor_ends_with_1_and_no_traceback(doctored):
    done, _ = doctored
    assert done.returncode == 1 and done.stderr == ""


@pytest.mark.parametrize("name", ["value", "exit", "interrupt", "memory", "greedy"])
def test_what_the_process_survives_is_one_line_of_classify(call, folder, tmp_path, name):
    np.save(tmp_path / "image.npy", np.zeros((2, 2, 1), np.uint8))
    made = write_bundle(tmp_path / "bundle", name)
    done = call("classify", tmp_path / "image.npy", "--bundle", made)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert FAULTS[name].message in done.stderr


def test_an_engine_that_dies_takes_classify_along_by_its_signal(call, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((2, 2, 1), np.uint8))
    made = write_bundle(tmp_path / "bundle", "segfault")
    assert call("classify", tmp_path / "image.npy", "--bundle", made).returncode == -11
