"""What a device answers to the golden images, looked at before anything is timed."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime import engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.measure import accuracy, plan, runner, self_check
from edge_runtime.results.accuracy import Accuracy
from edge_runtime.results.rows import Row, Status
from edge_runtime.results.settings import Settings

FILE = "seed-cnn-int8-dynamic.onnx"
SETTINGS = Settings(accuracy_images=16)


def lines(bundle, settings=SETTINGS):
    """A line for each check of a plan."""
    made = plan.make((bundle,), settings)
    names = self_check.names(made)
    return [self_check.line(row, names[row.key]).strip() for row in runner.check(made)]


@pytest.fixture
def golden_changed(bundle, edit):
    """Change the golden pack by a function of it, and its record with it."""

    def apply(change):
        path = bundle / manifest.GOLDEN_FILE
        golden.write(change(golden.read(path)), path)
        record = {"size_bytes": path.stat().st_size}
        record["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()

        def note(content):
            (one,) = (f for f in content["files"] if f["file"] == manifest.GOLDEN_FILE)
            one.update(record)

        edit(note)

    return apply


def test_an_artifact_that_answers_as_it_did_is_ok(bundle, golden_changed):
    """INT8 answers differ by CPU: those that travel are made to be this CPU's own."""
    session = engines.load("onnxruntime", (bundle / FILE).read_bytes(), FILE)
    how = manifest.read(bundle).preprocessing

    def answer_here(pack):
        logits = accuracy.logits_of(session.run, pack.images, how)
        return replace(pack, exported={FILE: logits})

    golden_changed(answer_here)
    assert lines(bundle) == [
        "onnx int8-dynamic: ok, 16 of 16 in FP32's class; answers as recorded at export"
    ]


def test_rows_that_differ_in_threads_alone_share_a_check(bundle):
    varied = Settings(accuracy_images=4, batch_sizes=(1, 8), threads=(1, 2))
    labels = [line.partition(":")[0] for line in lines(bundle, varied)]
    assert labels == ["onnx int8-dynamic batch 1", "onnx int8-dynamic batch 8"]
    *_, step = runner.run(plan.make((bundle,), replace(varied, rounds=1, min_runs=1, min_time_s=0)))
    first, second, *eights = step.rows
    assert first.accuracy == second.accuracy and first.accuracy.images == 4
    assert {row.accuracy for row in eights} == {eights[0].accuracy}


def test_answers_that_differ_from_the_exporting_machine_are_told(bundle, golden_changed):
    def move(pack):
        moved = pack.exported[FILE].copy()
        moved[3] = np.roll(moved[3], 1)
        return replace(pack, exported={FILE: moved})

    golden_changed(move)
    (line,) = lines(bundle)
    assert "ok, 16 of 16 in FP32's class; INT8 outputs are not those" in line
    assert "1 of 16 golden images are put in another class" in line


def test_a_model_that_computes_something_else_is_mismatched(bundle, golden_changed):
    golden_changed(lambda pack: replace(pack, logits=np.roll(pack.logits, 1, axis=1)))
    (line,) = lines(bundle)
    assert "mismatched: 16 of 16 images are put in another class" in line


def test_a_flipped_byte_is_named(bundle):
    path = bundle / FILE
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    (line,) = lines(bundle)
    assert line.startswith(f"onnx int8-dynamic: {FILE}: corrupt, ") and "Copy it again" in line


def test_a_crash_is_a_line_and_the_signal_is_named(bundle, fake_engine, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    for name, value in fake_engine("onnxruntime", code).items():
        monkeypatch.setenv(name, value)
    (line,) = lines(bundle)
    assert "crashed: SIGILL: this engine's build uses instructions this CPU lacks" in line


def test_fp32_says_how_near_its_logits_are():
    answers = Accuracy(64, 64, 2e-6, 9.0, right=60)
    row = Row("b", "m", "m.onnx", "onnx", "onnxruntime", "fp32", "any", 1, "0", 1, 1, Status.OK,
              accuracy=answers)  # fmt: skip
    told = self_check.describe(row)
    assert told == "logits within 2e-06 of those recorded at export, 64 of 64 in FP32's class"


def test_a_check_times_nothing(bundle):
    (row,) = runner.check(plan.make((bundle,), SETTINGS))
    assert row.turns == () and row.accuracy.images == 16


def test_a_row_that_does_not_answer_is_not_timed(bundle):
    (bundle / FILE).write_bytes(b"x")
    (step,) = runner.run(plan.make((bundle,), SETTINGS))
    assert (step.turns, step.total) == (0, 0) and step.rows == (step.checked,)
    assert step.checked.status is Status.CORRUPT
