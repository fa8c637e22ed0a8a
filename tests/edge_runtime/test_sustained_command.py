"""``edge-bench --sustained`` as it is typed: measured, drawn, interrupted and gone on with."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from edge_runtime.errors import UsageError
from edge_runtime.measure import extras, plan, runner
from edge_runtime.measure.progress import Progress
from edge_runtime.measure.recording import new
from edge_runtime.measure.runner import Step
from edge_runtime.results import document
from edge_runtime.results.rows import Status
from edge_runtime.results.settings import Settings

QUICK = ("--rounds", "1", "--min-runs", "3", "--min-time", "0", "--accuracy-images", "10")


def test_a_row_is_kept_under_load_after_its_rounds(run, bundle, tmp_path):
    load = ("--sustained", "0.05", "--output", "markdown", "--json", tmp_path / "r.json")
    done = run("edge_runtime", bundle, *QUICK, *load)
    assert done.returncode == 0, done.stderr
    results = document.read(tmp_path / "r.json")
    (row,) = results.rows
    assert results.finished and results.settings.sustained_s == 3 and len(row.turns) == 1
    found = row.sustained
    assert found.fps is None and not found.reason and 1 <= len(found.bins) <= 3
    assert sum(one.duration_s for one in found.bins) == pytest.approx(3, abs=0.5)
    assert all(one.calls and one.p50_ns and one.fixed_work_ns for one in found.bins)
    assert re.search(r"\nsustained, onnx int8-dynamic: [0-9,.]+ images/s over", done.stdout)
    assert "| second | images/s |" in done.stdout
    assert re.search("\nsustained: onnx int8-dynamic, 3 s, until about [0-9:]{5}\n", done.stderr)
    assert json.loads((tmp_path / "r.json").read_text())["schema"] == 6


def test_a_paced_load_counts_the_frames_that_were_due(run, bundle, tmp_path):
    load = ("--sustained", "0.05", "--at-fps", "8", "--batch-size", "2", "--json", "r.json")
    done = run("edge_runtime", bundle, *QUICK, *load, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = document.read(tmp_path / "r.json").rows
    assert sum(one.calls for one in row.sustained.bins) + row.sustained.unserved == 12
    assert re.search(r"holds? 8 fps.* of 24 +frames", " ".join(done.stdout.split()))
    assert "late frames" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_rows_whose_load_is_over_are_kept_and_the_others_gone_on_with(
    run, bundle, tmp_path, number
):
    path = tmp_path / "r.json"
    typed = [bundle, *QUICK, "--threads", "1,2", "--sustained", "0.05", "--json", path]
    command = [sys.executable, "-m", "edge_runtime", *typed]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not (path.exists() and '"bins"' in path.read_text()):
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate()
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert "rounds, without sustained of 1 row. Continue with --json" in err
        assert out.count("sustained, onnx int8-dynamic") == 1
    first, second = document.read(path).rows
    assert first.sustained and second.sustained is None
    assert not document.read(path).finished
    done = run("edge_runtime", *typed, "--resume")
    assert done.returncode == 0 and done.stderr.count("sustained: ") == 1, done.stderr
    one, two = document.read(path).rows
    assert one == first and two.sustained.bins and two.turns == second.turns
    other = run("edge_runtime", *typed[:-2], "--at-fps", "5", "--json", path, "--resume")
    assert other.returncode == 2 and "another at_fps (0.0, now 5.0)" in other.stderr


def test_a_row_whose_process_dies_under_load_says_so_and_keeps_its_turns(bundle):
    settings = Settings(rounds=1, min_runs=2, min_time_s=0, accuracy_images=5, sustained_s=3)
    die = [sys.executable, "-c", "import os; os.abort()"]
    started = []

    def start(job):
        started.append(job)
        return die if len(started) > 2 else runner.standard(job)

    *_, step = runner.run(plan.make((bundle,), settings), start=start)
    (row,) = step.rows
    assert row.status is Status.OK and len(row.turns) == 1
    assert not row.sustained.bins and row.sustained.reason.startswith("crashed: SIGABRT")


def test_a_bar_ends_where_the_loads_begin_and_each_is_a_line(bundle, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    record = new(plan.make((bundle,), Settings(rounds=2, sustained_s=1800)), None)
    (row,) = record.results.rows
    (extra,) = [one for one in extras.EXTRAS if one.name == "sustained"]
    with Progress(record) as progress:
        for step in (
            Step((row,), 1, 3),
            Step((row,), 2, 3),
            Step((row,), 2, 3, begins=(extra, row)),
            Step((row,), 3, 3),
        ):
            progress(step)
    *bar, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch("sustained: onnx int8-dynamic, 30 min, until about [0-9:]{5}", last)
    assert not any("sustained" in line for line in bar)


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"at_fps": 30},
            "Give --sustained MINUTES too, as in --sustained 30 --at-fps 30",
        ),
        ({"sustained_s": 0.6}, r"--sustained is 0\.01\. Give 0\.05 to"),
        ({"sustained_s": 1e9}, "Give 0.05 to 16,666 minutes"),
        ({"sustained_s": 60, "at_fps": 20_000}, "--at-fps is 20000. Give up to 10,000 images"),
        ({"sustained_s": 60, "at_fps": -1}, "--at-fps is -1"),
        ({"sustained_s": 3, "at_fps": 2, "batch_sizes": (1, 8)}, "less than one call in 0.05"),
    ],
)
def test_loads_that_make_no_sense_say_what_to_give(changes, message):
    with pytest.raises(UsageError, match=message):
        Settings(**changes)


def test_a_rate_without_a_load_is_a_usage_error(run, bundle):
    done = run("edge_runtime", bundle, "--at-fps", "30")
    assert done.returncode == 2 and "Give --sustained MINUTES too" in done.stderr
