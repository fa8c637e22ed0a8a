"""``edge-bench`` as it is typed: from the package, as a module, and as the file in a bundle."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

QUICK = ("--min-runs", "3", "--min-time", "0", "--accuracy-images", "10")


def test_a_bundle_gives_a_table_and_exit_code_0(run, bundle):
    done = run("edge_runtime", bundle, *QUICK)
    assert done.returncode == 0 and done.stderr == ""
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
    assert len(content["rows"][0]["samples_ns"]) == 3
    assert content["host"]["machine"] and content["settings"]["threads"] == 1
    again = run("edge_runtime", "report", tmp_path / "r.json")
    assert again.stdout == done.stdout


@pytest.mark.parametrize("output", ["table", "markdown", "csv", "json"])
def test_every_output(run, bundle, output):
    done = run("edge_runtime", bundle, *QUICK, "--output", output)
    assert done.returncode == 0
    start = {"table": "seed-cnn on", "markdown": "**seed-cnn on", "csv": "bundle,", "json": "{"}
    assert done.stdout.startswith(start[output])


def test_a_corrupt_artifact_is_a_row_exit_code_1_and_the_others_go_on(run, bundle, edit):
    name = "seed-cnn-int8-dynamic.onnx"
    (bundle / "copy.onnx").write_bytes((bundle / name).read_bytes()[:-1])
    edit(lambda c: c["artifacts"].insert(0, {**c["artifacts"][0], "file": "copy.onnx"}))
    done = run("edge_runtime", bundle, *QUICK, "--output", "csv")
    assert done.returncode == 1
    assert [line.split(",")[6] for line in done.stdout.splitlines()] == ["status", "corrupt", "ok"]


def test_a_corrupt_runtime_is_said_and_exit_code_1(run, bundle):
    with (bundle / "edge-bench.pyz").open("ab") as file:
        file.write(b"x")
    done = run("edge_runtime", bundle, *QUICK)
    assert done.returncode == 1 and "edge-bench.pyz: corrupt" in done.stderr
    assert "int8-dynamic" in done.stdout


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["nowhere"], 1, "Error: nowhere does not exist"),
        (["."], 1, "is no bundle"),
        (["--engine", "tflite", "bundle"], 2, "Error: no artifact here is for the engine 'tflite'"),
        (["--output", "html", "bundle"], 2, "'html' is not one of"),
        (["--threads", "0", "bundle"], 2, "--threads"),
        (["--json", "nowhere/r.json", "bundle"], 2, "cannot write to"),
        (["report", "nowhere.json"], 1, "cannot read nowhere.json"),
    ],
)
def test_bad_input_is_one_line_that_names_it(run, bundle, arguments, code, message):
    done = run("edge_runtime", *arguments, cwd=bundle.parent)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_results_already_measured_survive_a_crash(bundle, edit, tmp_path, fake_engine):
    environment = fake_engine("torch", "import time; time.sleep(60)")
    (bundle / "b.onnx").write_bytes((bundle / "seed-cnn-int8-dynamic.onnx").read_bytes())
    second = {"engine": "torch", "file": "b.onnx"}
    edit(lambda c: c["artifacts"].append({**c["artifacts"][0], **second}))
    path = tmp_path / "r.json"
    command = [sys.executable, "-m", "edge_runtime", bundle, *QUICK, "--json", path]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert [row["status"] for row in json.loads(path.read_text())["rows"]] == ["ok"]


def test_ctrl_c_ends_with_130_and_leaves_no_child(bundle, edit, tmp_path, fake_engine):
    marker = tmp_path / "pid"
    code = f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    environment = fake_engine("torch", code)
    edit(lambda c: c["artifacts"][0].update(engine="torch"))
    command = [sys.executable, "-m", "edge_runtime", bundle, *QUICK]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not (marker.exists() and marker.read_text()):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert "Interrupted" in process.communicate()[1]
    assert process.returncode == 130
    deadline = time.monotonic() + 10
    while _is_running(marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(marker.read_text())


def _is_running(pid: str) -> bool:
    """Whether a process is there and is no zombie that waits for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
