"""Running a plan: real engines in real child processes, broken ones too."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge_runtime import engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.documents import strict
from edge_runtime.documents.values import to_json
from edge_runtime.errors import BundleError, EngineError, UsageError
from edge_runtime.files import sha256_of
from edge_runtime.measure import child, plan, runner
from edge_runtime.measure.request import Check, Request, Timing
from edge_runtime.measure.timing import Enough
from edge_runtime.probes import Reading
from edge_runtime.results.rows import Status
from edge_runtime.results.settings import Settings

STAGES = ("start", "engine", "ready", "loaded")
QUICK = Settings(rounds=2, min_runs=6, min_time_s=0, accuracy_images=20, timeout_s=120)


def rows_of(planned, **options):
    """The rows as the last step has them."""
    *_, step = runner.run(planned, **options)
    return step.rows


def run_one(bundle, settings=QUICK):
    (row,) = rows_of(plan.make((bundle,), settings))
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
    assert row.status is Status.OK and not row.message and row.engine_version
    assert [turn.round for turn in row.turns] == [1, 2]
    assert row.accuracy.images == 50
    for turn in row.turns:
        assert len(turn.samples_ns) == 5 and min(turn.samples_ns) > 0
        assert turn.load_ns > 0 and turn.first_ns > 0 and len(turn.warm_up_ns) >= 10
        assert turn.calls_per_sample == 1 and 0 < turn.overhead_ns < turn.median_ns / 100
        assert 2**20 < turn.memory.engine_bytes < 2**30
        assert row.size_bytes < turn.memory.model_bytes < 2**30
        stages = [getattr(turn.memory, s).resident_bytes for s in STAGES]
        assert stages == sorted(stages)


def test_the_machines_state_is_read_around_the_samples(bundle):
    (turn, _) = run_one(bundle).turns
    assert turn.before.fixed_work_ns > 0 and turn.after.fixed_work_ns > 0
    passed = turn.after.monotonic_ns - turn.before.monotonic_ns
    assert sum(turn.samples_ns) < passed < sum(turn.samples_ns) + 2 * 10**9
    assert turn.after.cpu_ns > turn.before.cpu_ns


def test_rows_take_turns_in_an_order_that_differs_from_round_to_round(bundle):
    planned = plan.make((bundle,) * 4, dataclasses.replace(QUICK, rounds=5))
    orders = [planned.order(number) for number in range(1, 6)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders) and len(set(map(str, orders))) > 1
    again = plan.make((bundle,) * 4, dataclasses.replace(QUICK, rounds=5, seed=1))
    assert [again.order(number) for number in range(1, 6)] != orders


def test_every_turn_is_a_fresh_process_and_rests_before_it_if_asked(bundle):
    (bundle / "pids").mkdir()
    code = (
        "import os, sys; open(os.path.join(sys.argv[2], str(os.getpid())), 'w').close(); "
        "from edge_runtime.measure.worker import main; main()"
    )
    rests = []
    planned = plan.make((bundle, bundle), dataclasses.replace(QUICK, rounds=3, cooldown_s=7))
    steps = list(
        runner.run(
            planned,
            start=lambda job: [sys.executable, "-c", code, "x", str(bundle / "pids")],
            sleep=rests.append,
        )
    )
    # Two checks come before the turns: nothing rests before them, for nothing is timed.
    assert len(list((bundle / "pids").iterdir())) == 2 + 6 and rests == [7] * 6
    assert [bool(step.checked) for step in steps] == [True] * 2 + [False] * 6
    steps = steps[2:]
    assert [step.ended_round for step in steps] == [0, 1, 0, 2, 0, 3]
    assert [(step.turns, step.total) for step in steps] == [(n, 6) for n in range(1, 7)]


def test_the_parent_sleeps_while_a_child_measures(bundle):
    nap = [sys.executable, "-c", "import time; time.sleep(1.5); raise SystemExit('enough')"]
    before = time.process_time()
    started = time.monotonic()
    (row,) = rows_of(plan.make((bundle,), QUICK), start=lambda job: nap)
    assert row.status is Status.CRASHED and time.monotonic() - started > 1.5
    # It checks two hashes and reads two pipes; a parent that polled would use the whole 1.5 s.
    assert time.process_time() - before < 0.4


def test_a_child_is_pinned_to_the_cpus_asked_for(bundle):
    cpu = max(os.sched_getaffinity(0))
    code = (
        "import os, sys; from edge_runtime.measure import worker; worker.main(); "
        "sys.exit(f'on {sorted(os.sched_getaffinity(0))}')"
    )
    planned = plan.make((bundle,), dataclasses.replace(QUICK, cpus=(cpu,)))
    (row,) = rows_of(planned, start=lambda job: [sys.executable, "-c", code])
    assert row.message.endswith(f"on [{cpu}]")


def test_a_cpu_that_is_not_there_is_a_usage_error(bundle):
    with pytest.raises(UsageError, match="no CPU 9999 here; this process may use 0"):
        plan.make((bundle,), dataclasses.replace(QUICK, cpus=(9999,)))


def test_each_artifact_is_a_row_for_each_batch_size_and_thread_count(bundle):
    settings = dataclasses.replace(QUICK, batch_sizes=(1, 4), threads=(1, 2))
    rows = rows_of(plan.make((bundle,), settings))
    assert [(r.batch_size, r.threads) for r in rows] == [(1, 1), (1, 2), (4, 1), (4, 2)]
    assert all(row.status is Status.OK for row in rows)


def test_a_broken_bundle_beside_a_good_one_is_a_problem_and_not_the_end(bundle, tmp_path):
    (tmp_path / "broken").mkdir()
    planned = plan.make((bundle, tmp_path / "broken"), QUICK)
    assert len(planned.jobs) == 1 and "is no bundle" in planned.problems[0]


def test_a_bundle_that_is_given_twice_or_shares_its_name_is_told_apart(bundle, tmp_path):
    other = shutil.copytree(bundle, tmp_path / "other" / "bundle")
    names = [job.name for job in plan.make((bundle, other, bundle), QUICK).jobs]
    assert names == ["bundle", "bundle#2", "bundle#3"]
    settings = dataclasses.replace(QUICK, batch_sizes=(1, 2))
    swept = plan.make((bundle,), settings).jobs
    assert [job.name for job in swept] == ["bundle", "bundle"]


def test_int8_that_answers_as_where_it_was_exported_is_known_to(bundle):
    found = run_one(bundle).accuracy.exported
    assert found.images == 20 and found.agree >= 19
    batched = run_one(bundle, dataclasses.replace(QUICK, batch_sizes=(4,)))
    assert batched.accuracy.exported is None  # dynamic ranges come from the whole batch


def test_a_child_whose_parent_is_gone_before_it_starts_measures_nothing(bundle):
    command = runner.standard(None)
    done = subprocess.run([*command[:-1], "1"], capture_output=True, text=True, input="{}")
    assert done.returncode == 1 and "is gone" in done.stderr and done.stdout == ""


def test_a_run_whose_rows_all_end_early_says_that_nothing_is_left(bundle):
    *_, step = runner.run(
        plan.make((bundle,), dataclasses.replace(QUICK, rounds=4)),
        start=lambda job: [sys.executable, "-c", "raise SystemExit(7)"],
    )
    assert (step.turns, step.total) == (0, 0)


def test_a_turn_that_fails_later_ends_its_row_and_keeps_the_turns_before(bundle):
    def start(job):
        return runner.standard(job) if next(counter) < 4 else [sys.executable, "-c", "import x_y"]

    counter = iter(range(9))
    planned = plan.make((bundle, bundle), QUICK)
    rows = rows_of(planned, start=start)
    assert [row.status for row in rows] == [Status.CRASHED] * 2
    assert all(len(row.turns) == 1 and "in round 2: exit code 1" in row.message for row in rows)


def test_top1_on_the_device_is_that_of_the_golden_pack(bundle):
    pack = golden.read(bundle / "golden.npz")
    row = run_one(bundle, dataclasses.replace(QUICK, accuracy_images=500))
    content = manifest.read(bundle)
    session = engines.load("onnxruntime", (bundle / row.file).read_bytes(), row.file)
    from edge_runtime.measure.accuracy import logits_of

    how = content.preprocessing
    logits = logits_of(session.run, pack.images, how)
    assert row.accuracy.images == 500
    assert row.accuracy.right == int((logits.argmax(1) == pack.labels).sum())
    assert row.accuracy.agree >= 495  # the INT8 model answers as FP32 did, in 99 % of cases


@pytest.mark.parametrize("batch_size", [1, 7, pytest.param(600, marks=pytest.mark.slow)])
def test_any_batch_size_runs_even_one_above_the_pack(bundle, batch_size):
    row = run_one(bundle, dataclasses.replace(QUICK, batch_sizes=(batch_size,)))
    assert row.status is Status.OK


def test_a_flipped_byte_is_a_corrupt_row_and_is_never_loaded(bundle):
    name = manifest.read(bundle).artifacts[0].file
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    row = run_one(bundle)
    assert row.status is Status.CORRUPT and "SHA-256" in row.message and not row.ran


def test_what_is_loaded_is_what_was_hashed(bundle, fake_engine, monkeypatch, tmp_path):
    """The engine's import lies between the hash and the loading."""
    (artifact,) = manifest.read(bundle).artifacts
    swaps = f"""
import pathlib, sys
pathlib.Path({str(bundle / artifact.file)!r}).write_bytes(b"another model")
sys.path = [path for path in sys.path if path != {str(tmp_path / "fakes")!r}]
del sys.modules["onnxruntime"]
import onnxruntime
"""
    for name, value in fake_engine("onnxruntime", swaps).items():
        monkeypatch.setenv(name, value)
    planned = plan.make((bundle,), QUICK)
    (first,), (second,) = (list(runner.check(planned)) for _ in range(2))
    assert first.status is Status.OK and first.accuracy.images == 20
    assert second.status is Status.CORRUPT


def test_a_manifest_that_was_swapped_since_the_plan_was_made_helps_no_file(bundle, rehash):
    planned = plan.make((bundle,), QUICK)
    path = bundle / planned.jobs[0].artifact.file
    path.write_bytes(path.read_bytes() + b"\x00")
    rehash(path.name)
    assert [row.status for row in runner.check(planned)] == [Status.CORRUPT]


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
        ("import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV: a fault inside the engine"),
        ("import os; os._exit(7)", "crashed", "exit code 7"),
        ("raise RuntimeError('no license')", "failed", "no license"),
        ("raise SystemExit(3)", "failed", "onnxruntime cannot be imported: SystemExit."),
        ("raise KeyboardInterrupt", "failed", "onnxruntime cannot be imported: KeyboardInterrupt"),
        ("import os; os._exit(0)", "crashed", "ended without an answer"),
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
    first, second = rows_of(plan.make((bundle, bundle), settings))
    assert (first.status, second.status) == (status, status)
    assert message in first.message
    assert time.monotonic() - started < 50


@pytest.mark.parametrize(
    "kills, remedy",
    [
        ((5, 6), "killed by the kernel because memory ran out"),
        ((5, 5), "killed, most often for memory"),
        ((None, None), "killed, most often for memory"),
    ],
)
def test_a_process_that_the_kernel_killed_for_memory_is_told_from_others(
    bundle, monkeypatch, kills, remedy
):
    counted = iter(kills)
    monkeypatch.setattr(child.load, "oom_kills", lambda: Reading(next(counted), "made up"))
    killed = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    (row,) = rows_of(plan.make((bundle,), QUICK), start=lambda job: killed)
    assert row.status is Status.CRASHED and row.message.startswith(f"SIGKILL: {remedy}")


def test_an_engine_that_is_not_installed_is_a_row_that_says_what_to_install(
    bundle, fake_engine, monkeypatch
):
    missing = "raise ModuleNotFoundError('no', name='onnxruntime')"
    for name, value in fake_engine("onnxruntime", missing).items():
        monkeypatch.setenv(name, value)
    row = run_one(bundle)
    assert row.status is Status.ENGINE_MISSING and "pip install onnxruntime" in row.message


def test_an_unknown_engine_is_a_row_and_others_that_read_the_format_run_beside_it(bundle, edit):
    edit(lambda content: content["artifacts"][0].update(engine="tflite"))
    unknown, known = rows_of(plan.make((bundle,), QUICK))
    assert unknown.status is Status.FAILED and "no engine 'tflite'" in unknown.message
    assert known.engine == "onnxruntime" and known.status is Status.OK


def test_an_engine_may_be_asked_for(bundle, edit):
    edit(lambda content: content["artifacts"][0].update(engine="tflite"))
    (job,) = plan.make((bundle,), QUICK, ("onnxruntime",)).jobs
    assert job.engine == "onnxruntime"


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


def test_the_child_is_told_its_thread_count(bundle):
    tells = "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] + ' threads')"
    planned = plan.make((bundle,), dataclasses.replace(QUICK, threads=(3,)))
    (row,) = rows_of(planned, start=lambda job: [sys.executable, "-c", tells])
    assert row.message == "exit code 1: 3 threads"


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
        plan.make((bundle,), QUICK, ("onnxruntme",))


def test_engines_are_found_by_file_name_and_an_unknown_one_is_named():
    folder = Path(engines.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert set(engines.names()) == files >= {"onnxruntime", "torch"}
    with pytest.raises(EngineError, match="no engine 'x'"):
        engines.get("x")


def test_a_worker_is_told_its_turns_share_as_json(bundle):
    settings = dataclasses.replace(QUICK, rounds=4, min_runs=10, min_time_s=2, max_time_s=8)
    planned = plan.make((bundle,), settings)
    asked = runner.request(planned, planned.jobs[0], 2)
    assert asked.timing == Timing(2, Enough(3, 0.5, 2)) and asked.check is None
    assert asked.threads == asked.batch_size == 1
    assert strict.build(Request, json.loads(json.dumps(to_json(asked)))) == asked
    checked = runner.request(planned, planned.jobs[0])
    assert checked.check == Check(settings.accuracy_images) and checked.timing is None
