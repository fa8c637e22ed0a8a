"""What a device answers to the golden images, looked at before anything is timed."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.bundle import golden, manifest
from edge_runtime.measure import plan, runner, self_check
from edge_runtime.results.rows import Row, Status
from edge_runtime.results.settings import Settings

FILE = "seed-cnn-int8-dynamic.onnx"
SETTINGS = Settings(accuracy_images=16)


def lines(bundle, settings=SETTINGS):
    return list(self_check.lines(plan.make((bundle,), settings)))


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


def test_an_artifact_that_answers_as_it_did_is_ok(bundle):
    assert lines(bundle) == [
        "Self-check on 16 golden images, before anything is timed:",
        "  onnx int8-dynamic: ok, 16 of 16 in FP32's class; answers as on the exporting machine",
    ]


def test_64_images_are_enough_for_a_look(bundle):
    assert lines(bundle, Settings())[0].startswith("Self-check on 64 golden images")
    assert "64 of 64" in lines(bundle, Settings())[1]


def test_one_line_for_an_artifact_however_it_is_varied(bundle):
    varied = Settings(accuracy_images=4, batch_sizes=(1, 8), threads=(1, 2))
    assert len(lines(bundle, varied)) == 2


def test_answers_that_differ_from_the_exporting_machine_are_told(bundle, golden_changed):
    def move(pack):
        moved = pack.exported[FILE].copy()
        moved[3] = np.roll(moved[3], 1)
        return replace(pack, exported={FILE: moved})

    golden_changed(move)
    (line,) = lines(bundle)[1:]
    assert "ok, 16 of 16 in FP32's class; INT8 outputs are not those" in line
    assert "1 of 16 golden images are put in another class" in line


def test_a_model_that_computes_something_else_is_mismatched(bundle, golden_changed):
    golden_changed(lambda pack: replace(pack, logits=np.roll(pack.logits, 1, axis=1)))
    (line,) = lines(bundle)[1:]
    assert "mismatched, 16 of 16 images are put in another class" in line


def test_a_flipped_byte_is_named(bundle):
    path = bundle / FILE
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    (line,) = lines(bundle)[1:]
    assert line.startswith("  onnx int8-dynamic: corrupt, ") and "Copy it again" in line


def test_a_crash_is_a_line_and_the_signal_is_named(bundle, fake_engine, monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    for name, value in fake_engine("onnxruntime", code).items():
        monkeypatch.setenv(name, value)
    (line,) = lines(bundle)[1:]
    assert "crashed, SIGILL: this engine's build uses instructions this CPU lacks" in line


def test_fp32_says_how_near_its_logits_are():
    answers = {"images": 64, "agree": 64, "largest_difference": 2e-6, "largest_logit": 9.0}
    row = Row("b", "m", "m.onnx", "onnx", "onnxruntime", "fp32", "any", 1, "0", 1, 1, Status.OK,
              accuracy=answers)  # fmt: skip
    told = self_check.told(row)
    assert told == "ok, logits within 2e-06 of the exporting machine's, 64 of 64 in FP32's class"


def test_nothing_is_timed(bundle):
    made = plan.make((bundle,), SETTINGS)
    row = runner.look(made, made.jobs[0])
    assert row.turns == () and row.accuracy["images"] == 16
