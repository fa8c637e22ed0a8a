"""A history: a line a run in their order, and the steps where a level changed."""

import csv
import io
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.report import history as drawing
from edge_runtime.results import document, history, steps
from edge_runtime.results.statistics import unpaired_ratio

GOLDEN = Path(__file__).parent / "golden"


def series(draw, levels, spread=0.02):
    return [level * draw.lognormvariate(0, spread) for level in levels]


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(5, 40), st.integers(5, 40), st.booleans())
def test_a_planted_step_of_a_fifth_is_found_at_its_place(seed, before, after, faster):
    factor = 1 / 1.2 if faster else 1.2
    values = series(random.Random(seed), [1.0] * before + [factor] * after)
    found = {step.at: step.ratio for step in steps.find(values)}
    assert before in found
    assert found[before].low < factor * 1.05 and found[before].high > factor / 1.05


def test_noise_has_no_step_in_most_draws():
    found = [steps.find(series(random.Random(seed), [1.0] * 40)) for seed in range(60)]
    assert sum(map(bool, found)) <= 4


def test_several_steps_are_found_in_their_order():
    levels = [1.0] * 15 + [1.3] * 15 + [0.9] * 15
    found = steps.find(series(random.Random(2), levels, 0.01))
    assert [step.at for step in found] == [15, 30]
    values = series(random.Random(2), levels, 0.01)
    assert found[1].ratio == unpaired_ratio(values[30:], values[15:30])


@given(st.lists(st.floats(1, 1e9), max_size=7))
def test_a_few_runs_are_too_few_for_a_step(values):
    assert steps.find(values) == []


@given(st.floats(1, 1e9), st.integers(0, 30))
def test_runs_that_are_all_alike_have_none(value, count):
    assert steps.find([value] * count) == []


def test_one_slow_run_is_no_step():
    values = series(random.Random(3), [1.0] * 20)
    values[10] *= 3
    assert steps.find(values) == []


@pytest.fixture
def folder(results, tmp_path):
    """Twelve runs; from the seventh on the ONNX FP32 row takes 1.2 times as long."""
    place = tmp_path / "runs"
    place.mkdir()

    def scaled(row, factor):
        turns = (
            replace(t, samples_ns=tuple(round(s * factor) for s in t.samples_ns)) for t in row.turns
        )
        return replace(row, turns=tuple(turns))

    for i in range(12):
        rows = list(results.rows[:3])
        noise = 1 + 0.002 * (i * 7 % 5)
        rows[2] = scaled(rows[2], noise * (1.2 if i >= 6 else 1))
        run = replace(
            results,
            rows=tuple(rows),
            started=f"2026-11-{i + 1:02d}T12:00:00+00:00",
            settings=replace(results.settings, commit=f"{i:02x}c0ffee" * 5),
        )
        document.write(run, place / f"{11 - i:02d}.json")  # names in no order
    return place


def test_a_history_is_drawn_as_it_was_read_and_approved(folder):
    text = drawing.render(history.read([folder]), "table")
    assert text + "\n" == (GOLDEN / "history.txt").read_text()


def test_runs_stand_in_their_order_with_their_commits(run, folder):
    done = run("edge_runtime", "history", folder, "--output", "csv")
    assert done.returncode == 0 and done.stderr == ""
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [line["file"] for line in lines] == [f"{i:02d}.json" for i in range(11, -1, -1)]
    assert lines[3]["commit"] == "03c0ffee" * 5 and lines[0]["verdict"] == "VALID"
    assert float(lines[0]["onnx fp32 p50_ns"]) == 2_000_000
    assert [bool(line["steps"]) for line in lines] == [i == 6 for i in range(12)]


def test_a_step_names_the_commits_it_lies_between(run, folder):
    content = json.loads(run("edge_runtime", "history", folder, "--output", "json").stdout)
    (step,) = content["steps"]
    assert step["row"] == "onnx fp32"
    assert step["before_commit"] == "05c0ffee" * 5 and step["first_commit"] == "06c0ffee" * 5
    assert step["ratio"]["low"] < 1.2 < step["ratio"]["high"]
    assert len(content["runs"]) == 12 and content["problems"] == []


def test_what_cannot_be_read_is_named_and_left_out(run, folder):
    (folder / "notes.json").write_text("{}")
    whole = (folder / "03.json").read_text()
    (folder / "03.json").write_text(whole[: len(whole) // 2])
    done = run("edge_runtime", "history", folder)
    assert done.returncode == 1
    assert "notes.json is not a results file" in done.stderr and "03.json" in done.stderr
    assert "04.json" in done.stdout and "03.json" not in done.stdout


@pytest.mark.parametrize("what, code", [("nowhere", 2), ("empty", 2), ("bad.json", 1)])
def test_where_nothing_can_be_read_it_says_so(run, tmp_path, what, code):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.json").write_text("[]")
    done = run("edge_runtime", "history", tmp_path / what)
    assert done.returncode == code and done.stdout == "" and what in done.stderr


def test_files_are_read_once_and_folders_and_files_may_be_mixed(run, folder):
    done = run("edge_runtime", "history", folder / "00.json", folder, "--output", "json")
    assert len(json.loads(done.stdout)["runs"]) == 12


def test_a_row_that_lost_its_time_is_shown_and_counts_for_no_step(results, folder):
    path = folder / "05.json"  # the seventh run
    run = document.read(path)

    def busy(turn):
        return replace(turn, after=replace(turn.after, queue_wait_ns=turn.after.monotonic_ns))

    row = replace(run.rows[2], turns=tuple(map(busy, run.rows[2].turns)))
    document.write(replace(run, rows=(*run.rows[:2], row)), path)
    found = history.read([folder])
    (change,) = found.changes
    assert change.first.file == "04.json"
    text = drawing.render(found, "table")
    assert "*" in next(line for line in text.splitlines() if "05.json" in line)
    assert "counts for no step" in text


def test_rows_of_another_machine_are_another_series(results, folder):
    path = folder / "00.json"
    run = document.read(path)
    document.write(replace(run, host=replace(run.host, cpu="Cortex-A72")), path)
    labels = list(history.read([folder]).labels.values())
    assert "onnx fp32 on Cortex-A76, 4 CPUs" in labels
    assert "onnx fp32 on Cortex-A72, 4 CPUs" in labels


def test_rows_of_two_bundles_are_told_apart_and_a_renamed_one_goes_on(results, folder):
    for i, path in enumerate(sorted(folder.iterdir())):
        run = document.read(path)
        rows = tuple(replace(row, bundle=f"bundle-{i}") for row in run.rows)
        document.write(replace(run, rows=rows), path)
    assert len(history.read([folder]).labels) == 3
    both = (*run.rows, *(replace(row, bundle="other") for row in run.rows))
    document.write(replace(run, rows=both), path)
    assert len(history.read([path]).labels) == 6


@pytest.mark.slow
def test_many_long_runs_take_seconds_and_little_memory(results, tmp_path):
    """Two hundred files of 100,000 samples: under 10 s on a machine that does nothing else."""
    draw, rounds = random.Random(0), 10
    each = 100_000 // (rounds * 4)

    def long(row):
        samples = [[draw.randrange(900_000, 1_100_000) for _ in range(each)] for _ in range(rounds)]
        turns = [
            replace(row.turns[0], round=n, samples_ns=tuple(one))
            for n, one in enumerate(samples, 1)
        ]
        return replace(row, turns=tuple(turns))

    how = replace(results.settings, rounds=rounds)
    text = document.text(
        replace(results, rows=tuple(map(long, results.rows[:4])), settings=how, started="STARTED")
    )
    for i in range(200):
        started = f"2026-{i // 28 + 1:02d}-{i % 28 + 1:02d}T12:00:00+00:00"
        (tmp_path / f"{i:03d}.json").write_text(text.replace("STARTED", started, 1))
    command = [sys.executable, "-m", "edge_runtime", "history", str(tmp_path), "--output", "csv"]
    # A process is said to be as large as the one that started it was: here a small one starts it.
    program = """if True:
        import resource, subprocess, sys

        table = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(len(table.splitlines()), used.ru_utime, used.ru_maxrss)
    """
    done = subprocess.run([sys.executable, "-c", program, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines, cpu_s, largest_kb = map(float, done.stdout.split())
    assert lines == 201
    # CPU time, which other programs on the machine stretch less than they stretch the clock's.
    assert cpu_s < 20
    # The largest of its processes: it is two that read, and itself.
    assert largest_kb < 500 * 1024 / 3
