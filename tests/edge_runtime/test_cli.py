"""``edge-bench`` as it is typed: from the package, as a module, and as the file in a bundle."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_runtime.results import document

QUICK = ("--rounds", "2", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "10")


def test_a_bundle_gives_a_table_and_exit_code_0(run, bundle):
    done = run("edge_runtime", bundle, *QUICK)
    assert done.returncode == 0
    assert done.stderr == (
        "Self-check on the golden images, before anything is timed:\n"
        "  onnx int8-dynamic: ok, 10 of 10 in FP32's class; answers as recorded at export\n"
    )
    assert "int8-dynamic" in done.stdout and "p50" in done.stdout


def test_without_a_path_the_current_folder_is_measured(run, bundle):
    assert run("edge_runtime", *QUICK, cwd=bundle).returncode == 0


def test_run_may_be_named(run, bundle):
    assert run("edge_runtime", "run", bundle, *QUICK).returncode == 0


def test_the_archive_measures_the_bundle_it_lies_in_from_anywhere(bundle, tmp_path):
    archive = bundle / "edge-bench.pyz"
    done = subprocess.run(
        [sys.executable, archive, *QUICK, "--output", "csv"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert ",ok," in done.stdout


def test_the_archive_uses_nothing_of_an_installed_cifarq(bundle, tmp_path):
    shadow = tmp_path / "shadow" / "edge_runtime"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise SystemExit('the installed one')")
    done = subprocess.run(
        [sys.executable, bundle / "edge-bench.pyz", *QUICK],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(shadow.parent), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr


def test_json_holds_the_raw_samples_and_draws_the_same_table_later(run, bundle, tmp_path):
    done = run("edge_runtime", bundle, *QUICK, "--json", tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text())
    (row,) = content["rows"]
    assert [len(turn["samples_ns"]) for turn in row["turns"]] == [3, 3]
    assert content["host"]["machine"] and content["settings"]["threads"] == [1]
    assert set(content["verdict"]) == set(row["verdict"]) == {"status", "reasons"}
    assert set(content["state"]) == {"before", "after"}
    again = run("edge_runtime", "report", tmp_path / "r.json")
    assert again.stdout == done.stdout and again.returncode == 0


@pytest.mark.parametrize("output", ["table", "markdown", "csv", "json", "jsonl"])
def test_every_output(run, bundle, output):
    done = run("edge_runtime", bundle, *QUICK, "--output", output)
    assert done.returncode == 0
    start = {"table": "seed-cnn on", "markdown": "**seed-cnn on", "csv": "bundle,"}
    assert done.stdout.startswith(start.get(output, "{"))


def test_a_corrupt_artifact_is_a_row_exit_code_1_and_the_others_go_on(run, bundle, edit):
    name = "seed-cnn-int8-dynamic.onnx"
    (bundle / "copy.onnx").write_bytes((bundle / name).read_bytes()[:-1])
    edit(lambda c: c["artifacts"].insert(0, {**c["artifacts"][0], "file": "copy.onnx"}))
    done = run("edge_runtime", bundle, *QUICK, "--output", "csv")
    assert done.returncode == 1
    assert [line.split(",")[8] for line in done.stdout.splitlines()] == ["status", "corrupt", "ok"]


def test_a_corrupt_runtime_is_said_and_exit_code_1(run, bundle):
    with (bundle / "edge-bench.pyz").open("ab") as file:
        file.write(b"x")
    done = run("edge_runtime", bundle, *QUICK)
    assert done.returncode == 1 and "int8-dynamic" in done.stdout
    before, _, after = done.stderr.partition("Self-check")
    assert "edge-bench.pyz: corrupt" in before and "edge-bench.pyz: corrupt" in after


@pytest.mark.parametrize("word, meant", [("docter", "doctor"), ("classfy", "classify")])
def test_a_misspelt_command_is_no_missing_folder(run, word, meant):
    done = run("edge_runtime", word, "x.json")
    assert done.returncode == 2
    assert f"no command and no path '{word}'. Did you mean '{meant}'?" in done.stderr


def test_a_disk_that_is_full_from_the_start_is_not_said_to_hold_anything(bundle, tmp_path):
    command = ["bash", "-c", 'ulimit -f 1; exec "$@"', "x", sys.executable, "-m", "edge_runtime"]
    done = subprocess.run(
        [*command, bundle, *QUICK, "--json", tmp_path / "r.json"], capture_output=True, text=True
    )
    assert done.returncode == 1 and not (tmp_path / "r.json").exists()
    assert "(File too large). Make room and run it again." in done.stderr


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["nowhere"], 1, "Error: nowhere does not exist"),
        (["."], 1, "is no bundle"),
        (["--engine", "tflite", "bundle"], 2, "no artifact here is read by an engine 'tflite'"),
        (["--output", "html", "bundle"], 2, "'html' is not one of"),
        (["--threads", "0", "bundle"], 2, "'0' is not a list of numbers from 1"),
        (["--batch-size", "1,x", "bundle"], 2, "'1,x' is not a list of numbers from 1"),
        (["--cpus", "3-1", "bundle"], 2, "'3-1' is not a list of CPUs"),
        (["--cpus", "9999", "bundle"], 2, "--cpus: no CPU 9999 here"),
        (["--max-time", "1", "bundle"], 2, "--max-time 1 is less than --min-time 3"),
        (["--timeout", "1e7", "bundle"], 2, "--timeout is 1e+07. Give 0 to 1,000,000 seconds."),
        (["--cooldown", "1e12", "bundle"], 2, "--cooldown is 1e+12. Give 0 to 1,000,000 seconds."),
        (["x" * 300], 1, "File name too long"),
        (["--json", "x" * 300, "bundle"], 2, "File name too long"),
        (
            ["--json", "loop.json", "bundle"],
            2,
            "--json loop.json: Too many levels of symbolic links",
        ),
        (["--accuracy-data", "x" * 300, "bundle"], 1, "File name too long"),
        (["--accuracy-data", "/proc/self/mem", "bundle"], 1, "cannot be read"),
        (["--resume", "bundle"], 2, "--resume goes on with a file. Give --json FILE"),
        (["--accuracy-data", "nowhere", "bundle"], 1, "--accuracy-data nowhere does not exist"),
        (["--accuracy-data", "bundle/manifest.json", "bundle"], 1, "are no records of 3073"),
        (["--json", "nowhere/r.json", "bundle"], 2, "cannot write to"),
        (["report", "nowhere.json"], 1, "cannot read nowhere.json"),
    ],
)
def test_bad_input_is_one_line_that_names_it(run, bundle, arguments, code, message):
    (bundle.parent / "loop.json").symlink_to("loop.json")
    done = run("edge_runtime", *arguments, cwd=bundle.parent)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_results_already_measured_survive_a_crash(bundle, edit, tmp_path, fake_engine):
    # The engine is imported for two checks and a turn, and hangs the fourth time.
    imported = tmp_path / "imported"
    hangs = f"""
import pathlib, sys, time
with open({str(imported)!r}, "a") as file:
    file.write(".")
if len(pathlib.Path({str(imported)!r}).read_text()) > 3:
    time.sleep(60)
sys.path = [path for path in sys.path if path != {str(tmp_path / "fakes")!r}]
del sys.modules["onnxruntime"]
import onnxruntime
"""
    environment = {**os.environ, **fake_engine("onnxruntime", hangs)}
    (bundle / "b.onnx").write_bytes((bundle / "seed-cnn-int8-dynamic.onnx").read_bytes())
    edit(lambda c: c["artifacts"].append({**c["artifacts"][0], "file": "b.onnx"}))
    path = tmp_path / "r.json"
    command = [sys.executable, "-m", "edge_runtime", bundle, *QUICK, "--json", path]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    rows = json.loads(path.read_text())["rows"]
    assert sorted(len(row["turns"]) for row in rows) == [0, 1]
    assert all(row["accuracy"]["images"] == 10 for row in rows)


def kill_after_the_first_round(bundle, path, *options):
    """Start a run of many rounds and kill it, without warning, once a round is in its file."""
    command = [sys.executable, "-m", "edge_runtime", bundle, *options, "--json", path]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert 1 <= document.read(path).rounds_done < 8


def test_a_run_that_was_killed_is_resumed_and_keeps_what_it_had(run, bundle, tmp_path):
    path, rounds = tmp_path / "r.json", (*QUICK, "--rounds", "8")
    kill_after_the_first_round(bundle, path, *rounds)
    (before,) = document.read(path).rows
    left = path.with_name(f".{path.name}.0123abcd.part")
    left.touch()  # as a kill between writing and renaming leaves it
    refused = run("edge_runtime", bundle, *rounds, "--json", path)
    assert refused.returncode == 2 and "holds an unfinished run" in refused.stderr
    assert "unfinished" in refused.stderr and "--resume" in refused.stderr
    other = run("edge_runtime", bundle, *rounds, "--seed", "5", "--json", path, "--resume")
    assert other.returncode == 2 and "another seed (0, now 5)" in other.stderr
    unfinished = run("edge_runtime", "report", path, "--require", "valid")
    assert unfinished.returncode == 1 and "of 8 rounds were measured: go on with" in (
        " ".join(unfinished.stdout.split())
    )
    done = run("edge_runtime", bundle, *rounds, "--json", path, "--resume")
    assert done.returncode == 0, done.stderr
    (after,) = document.read(path).rows
    assert not left.exists()
    assert len(after.turns) == 8 and after.turns[: len(before.turns)] == before.turns
    again = run("edge_runtime", bundle, *rounds, "--json", path, "--resume")
    assert again.returncode == 0 and again.stdout == done.stdout  # nothing is left to measure
    assert run("edge_runtime", bundle, *QUICK, "--json", path).returncode == 0  # a finished one


def test_ctrl_c_shows_what_was_measured_and_says_how_to_go_on(bundle, tmp_path):
    path = tmp_path / "r.json"
    command = [sys.executable, "-m", "edge_runtime", bundle, *QUICK, "--rounds", "50"]
    with subprocess.Popen(
        [*command, "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate()
    assert process.returncode == 130
    assert "int8-dynamic" in out and "of 50 rounds were measured" in out
    assert re.search(
        r"Interrupted after \d+ of 50 rounds\. Continue with --json .* --resume", error
    )


def test_a_disk_that_is_full_ends_the_run_and_loses_nothing_that_was_measured(bundle, tmp_path):
    # A limit on the size of files stands in for the disk: the document outgrows it by some round.
    command = ["bash", "-c", 'ulimit -f 24; exec "$@"', "x", sys.executable, "-m", "edge_runtime"]
    done = subprocess.run(
        [*command, bundle, *QUICK, "--rounds", "20", "--json", tmp_path / "r.json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cannot be written (File too large), and holds what was measured" in done.stderr
    assert "int8-dynamic" in done.stdout
    assert document.read(tmp_path / "r.json").rounds_done >= 1
    assert not list(tmp_path.glob(".*.part"))


def test_a_broken_bundle_beside_a_good_one_is_said_and_the_good_one_measured(run, bundle, tmp_path):
    (tmp_path / "broken").mkdir()
    done = run("edge_runtime", bundle, tmp_path / "broken", *QUICK)
    assert done.returncode == 1 and "is no bundle" in done.stderr
    assert "int8-dynamic" in done.stdout


def test_a_sweep_shows_how_it_scales(run, bundle):
    done = run("edge_runtime", bundle, *QUICK, "--batch-size", "1,2", "--output", "markdown")
    assert done.returncode == 0, done.stderr
    assert "gain over 1 thread, batch 1" in done.stdout


def test_two_results_are_compared_and_what_differs_is_named(run, bundle, tmp_path):
    for name, threads in (("a.json", "1"), ("b.json", "1"), ("c.json", "2")):
        extra = ("--threads", threads, "--json", tmp_path / name)
        assert run("edge_runtime", bundle, *QUICK, *extra).returncode == 0
    done = run("edge_runtime", "compare", "a.json", "b.json", cwd=tmp_path)
    assert done.returncode == 0 and "speed vs" in done.stdout and "Welch" in done.stdout
    refused = run("edge_runtime", "compare", "a.json", "b.json", "c.json", cwd=tmp_path)
    assert refused.returncode == 2
    assert "a.json and c.json differ in threads: 1 and 2. Give --allow threads" in refused.stderr
    allowed = ("--allow", "threads", "--output", "json")
    told = run("edge_runtime", "compare", "a.json", "c.json", *allowed, cwd=tmp_path)
    (pair,) = json.loads(told.stdout)["pairs"]
    assert told.returncode == 0 and (pair["before"], pair["after"]) == ("a.json", "c.json")


def test_ctrl_c_ends_with_130_and_leaves_no_child(bundle, tmp_path, fake_engine):
    marker = tmp_path / "pid"
    code = f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    environment = {**os.environ, **fake_engine("onnxruntime", code)}
    command = [sys.executable, "-m", "edge_runtime", bundle, *QUICK]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not (marker.exists() and marker.read_text()) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert "Interrupted" in process.communicate()[1]
    assert process.returncode == 130
    deadline = time.monotonic() + 10
    while _is_running(marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(marker.read_text())


def test_a_second_run_on_one_json_is_refused_and_a_killed_one_leaves_it_free(
    run, bundle, tmp_path, fake_engine
):
    code = f"import pathlib, time; pathlib.Path({str(tmp_path / 'on')!r}).touch(); time.sleep(60)"
    fakes = fake_engine("onnxruntime", code)["PYTHONPATH"]
    environment = {**os.environ, "PYTHONPATH": f"{fakes}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "edge_runtime", bundle, *QUICK, "--json", "r.json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    ) as first:
        while not (tmp_path / "on").exists() and first.poll() is None:
            time.sleep(0.01)
        for second in ((), ("--resume",)):
            refused = run("edge_runtime", bundle, *QUICK, "--json", "r.json", *second)
            assert refused.returncode == 2 and refused.stderr == (
                "Error: --json r.json is written by another edge-bench. Wait for its end, or give "
                "another file.\n"
            )
        first.kill()
    assert run("edge_runtime", bundle, *QUICK, "--json", "r.json").returncode == 0
    assert sorted(path.name for path in tmp_path.glob("*r.json*")) == ["r.json"]


def _is_running(pid: str) -> bool:
    """Whether a process is there and is no zombie that waits for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_waiting_parent_stays_small(bundle, tmp_path):
    code = (
        "import sys; from edge_runtime.cli import cli; sys.argv[0] = 'edge-bench'\n"
        "try: cli()\n"
        "finally: print(open('/proc/self/status').read(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bundle, *QUICK], capture_output=True, text=True, check=True
    )
    peak_kb = int(re.search(r"VmHWM:\s+(\d+) kB", done.stderr)[1])
    assert peak_kb < 40 * 1024
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, edge_runtime.measure.recording, edge_runtime.report; "
         "print('numpy' in sys.modules)"],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert loaded.stdout == "False\n"
