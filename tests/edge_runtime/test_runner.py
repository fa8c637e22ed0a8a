"""Running a plan: real engines in real child processes, broken ones too."""

import dataclasses
import json
import subprocess
import time

import numpy as np
import pytest

from edge_runtime import engines, golden, manifest, plan, runner
from edge_runtime.errors import BundleError, EngineError, UsageError
from edge_runtime.files import sha256_of
from edge_runtime.results import Status

QUICK = plan.Settings(min_runs=3, min_time_s=0, accuracy_images=20, timeout_s=120)


def run_one(bundle, settings=QUICK):
    (row,) = runner.run(plan.make((bundle,), settings))
    return row


@pytest.fixture
def rehash(edit, bundle):
    """Make the manifest mean the file as it is now."""

    def apply(name):
        def change(content):
            for record in content["artifacts"] + content["files"]:
                if record["file"] == name:
                    record["sha256"] = sha256_of(bundle / name)

        edit(change)

    return apply


def test_a_row_holds_what_was_measured(bundle):
    row = run_one(bundle, dataclasses.replace(QUICK, min_runs=10, accuracy_images=50))
    assert row.status is Status.OK and not row.message
    assert len(row.samples_ns) == 10 and min(row.samples_ns) > 0
    assert row.load_ns > 0 and row.first_ns > 0 and row.engine_version
    assert row.memory["import_only_bytes"] > 2**20
    assert 0 < row.peak_bytes < 2**30
    assert row.accuracy["images"] == 50


def test_top1_on_the_device_is_that_of_the_golden_pack(bundle):
    pack = golden.read(bundle / "golden.npz")
    row = run_one(bundle, dataclasses.replace(QUICK, accuracy_images=500))
    content = manifest.read(bundle)
    session = engines.require("onnxruntime").load(bundle / row.file, 1)
    from edge_runtime.accuracy import logits_of

    how = content.preprocessing
    logits = logits_of(session.run, pack.images, how)
    assert row.accuracy["images"] == 500
    assert row.accuracy["right"] == int((logits.argmax(1) == pack.labels).sum())
    assert row.accuracy["agree"] >= 495  # the INT8 model answers as FP32 did, in 99 % of cases


@pytest.mark.parametrize("batch_size", [1, 7, 600])
def test_any_batch_size_runs_even_one_above_the_pack(bundle, batch_size):
    row = run_one(bundle, dataclasses.replace(QUICK, batch_size=batch_size))
    assert row.status is Status.OK


def test_a_flipped_byte_is_a_corrupt_row_and_is_never_loaded(bundle):
    name = manifest.read(bundle).artifacts[0].file
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    row = run_one(bundle)
    assert row.status is Status.CORRUPT and "SHA-256" in row.message and not row.ran


def test_a_file_that_is_no_model_is_a_row_with_the_engines_reason(bundle, rehash):
    name = manifest.read(bundle).artifacts[0].file
    (bundle / name).write_bytes(b"this is not a model")
    rehash(name)
    row = run_one(bundle)
    assert row.status is Status.FAILED and "refuses" in row.message


def test_a_corrupt_golden_pack_is_a_corrupt_row(bundle):
    (bundle / "golden.npz").write_bytes(b"x")
    assert run_one(bundle).status is Status.CORRUPT


def test_a_model_that_answers_otherwise_than_its_golden_logits_is_mismatched(bundle, rehash):
    pack = golden.read(bundle / "golden.npz")
    wrong = golden.Golden(pack.images, pack.labels, np.roll(pack.logits, 1, axis=1))
    golden.write(wrong, bundle / "golden.npz")
    rehash("golden.npz")
    row = run_one(bundle)
    assert row.status is Status.MISMATCHED and "another class" in row.message
    assert row.ran  # what was measured is still shown


def test_a_golden_pack_for_another_model_is_said(bundle, rehash):
    pack = golden.read(bundle / "golden.npz")
    golden.write(
        golden.Golden(pack.images, pack.labels * 0, pack.logits[:, :9]), bundle / "golden.npz"
    )
    rehash("golden.npz")
    assert "9 logits" in run_one(bundle).message


@pytest.mark.parametrize(
    "code, status, message",
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "crashed", "SIGILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crashed", "memory"),
        ("import os; os._exit(7)", "crashed", "exit code 7"),
        ("raise RuntimeError('no license')", "crashed", "no license"),
        ("import does_not_exist", "failed", "does_not_exist"),
        ("raise ImportError('libgomp.so.1: cannot open')", "failed", "libgomp"),
        ("import time; time.sleep(60)", "timed-out", "--timeout"),
    ],
)
def test_an_engine_that_breaks_is_a_row_and_the_run_goes_on(
    bundle, fake_engine, monkeypatch, code, status, message
):
    for name, value in fake_engine("onnxruntime", code).items():
        monkeypatch.setenv(name, value)
    settings = dataclasses.replace(QUICK, timeout_s=2 if status == "timed-out" else 60)
    started = time.monotonic()
    first, second = runner.run(plan.make((bundle, bundle), settings))
    assert (first.status, second.status) == (status, status)
    assert message in first.message
    assert time.monotonic() - started < 50


def test_an_engine_that_is_not_installed_is_a_row_that_says_what_to_install(bundle, edit):
    edit(lambda content: content["artifacts"][0].update(engine="torch"))
    import importlib.util

    if importlib.util.find_spec("torch"):
        pytest.skip("PyTorch is installed here")
    row = run_one(bundle)
    assert row.status is Status.ENGINE_MISSING and "pip install torch" in row.message


def test_an_unknown_engine_is_a_row(bundle, edit):
    edit(lambda content: content["artifacts"][0].update(engine="tflite"))
    row = run_one(bundle)
    assert row.status is Status.FAILED and "no engine 'tflite'" in row.message


def test_what_an_engine_prints_does_not_spoil_the_result(bundle, fake_engine, monkeypatch):
    code = "import os; print('hello'); os.write(1, b'from C\\n'); import missing_module"
    for name, value in fake_engine("onnxruntime", code).items():
        monkeypatch.setenv(name, value)
    assert run_one(bundle).status is Status.FAILED


def test_a_module_in_the_current_folder_is_not_imported_for_the_real_one(bundle, monkeypatch):
    (bundle / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    (bundle / "onnxruntime.py").write_text("raise SystemExit('the wrong onnxruntime')")
    monkeypatch.chdir(bundle)
    assert run_one(bundle).status is Status.OK


def test_the_child_is_told_its_thread_count(bundle, monkeypatch):
    seen = {}

    def spy(command, **options):
        seen.update(options["env"])
        return subprocess.CompletedProcess(command, 1, "", "stop")

    monkeypatch.setattr(subprocess, "run", spy)
    run_one(bundle, dataclasses.replace(QUICK, threads=3))
    assert seen["OMP_NUM_THREADS"] == "3"


def test_a_path_may_be_an_artifact_inside_a_bundle(bundle):
    (job,) = plan.make((bundle / "seed-cnn-int8-dynamic.onnx",), QUICK).jobs
    assert job.artifact.precision == "int8-dynamic"


@pytest.mark.parametrize(
    "name, message",
    [
        ("nowhere", "does not exist"),
        ("bundle/golden.npz", "not an artifact"),
        (".", "no bundle"),
    ],
)
def test_a_path_that_is_neither_is_refused(bundle, tmp_path, name, message):
    with pytest.raises(BundleError, match=message):
        plan.make((tmp_path / name,), QUICK)


def test_an_engine_that_no_artifact_is_for_is_a_usage_error(bundle):
    with pytest.raises(UsageError, match="Did you mean 'onnxruntime'"):
        plan.make((bundle,), QUICK, engines=("onnxruntme",))


def test_engines_are_found_by_file_name_and_an_unknown_one_is_named():
    assert engines.names() == ["onnxruntime", "torch"]
    with pytest.raises(EngineError, match="no engine 'x'"):
        engines.get("x")


def test_settings_travel_to_the_worker_as_json(bundle):
    (job,) = plan.make((bundle,), QUICK).jobs
    order = runner.job_for_worker(job, QUICK, bundle / "f", bundle / "g")
    assert json.loads(json.dumps(order))["min_runs"] == 3
