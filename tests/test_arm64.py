"""What `make arm64` is made of, as far as it can be seen without an emulator; and its record."""

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from edge_runtime import engines
from edge_runtime.bundle import golden, manifest
from edge_runtime.probes import cpuinfo
from edge_runtime.setup import platforms

pytest.importorskip("PIL")

REPOSITORY = Path(__file__).resolve().parent.parent
ARM64 = REPOSITORY / "benchmarks" / "arm64"
RECORDED = REPOSITORY / "benchmarks" / "results"
BUNDLE = REPOSITORY / "benchmarks" / "seed-cnn-int8-bundle"
ONNX = "seed-cnn-int8-dynamic.onnx"
CORES = {"cortex-a53": "pi3", "cortex-a72": "pi4", "cortex-a76": "pi5"}


@pytest.fixture
def arm64(monkeypatch):
    """Import one of the scripts' modules."""
    monkeypatch.syspath_prepend(str(ARM64))
    return importlib.import_module


@pytest.fixture
def recorded():
    if not (RECORDED / "arm64.json").exists():
        pytest.skip("benchmarks/results/arm64.json is not recorded yet")
    return json.loads((RECORDED / "arm64.json").read_text())


def against(agree=64, difference=1e-6, largest_logit=1.0, images=64):
    return {
        "images": images,
        "agree": agree,
        "largest_difference": difference,
        "largest_logit": largest_logit,
    }


def found(**changes):
    made_with = {"engine": "onnxruntime 1", "numpy": "2", "python": "3", "libc": "glibc 2"}
    return {"right": 50, "against_x86": against(**changes), "made_with": made_with}


def record_of(precision, on_a72):
    """A record in which all is well but, perhaps, on one core."""
    machines = {name: found() for name in ("x86", *CORES)}
    artifact = {"precision": precision, "machines": {**machines, "cortex-a72": on_a72}}
    return {
        "settings": {"images": 64, "batch_size": 1, "threads": 1},
        "host": {"cpu": "CPU", "target": "x86"},
        "emulator": "qemu",
        "cores": dict.fromkeys(CORES, "Board"),
        "artifacts": {"m.onnx": {**artifact, "same_bits": [["x86"], [*CORES]]}},
    }


@pytest.mark.parametrize(
    "precision, on_a72, problem",
    [
        ("int8-static", found(agree=62), None),
        ("int8-static", found(agree=61), "61 of 64 images are put in the same class, 62 of 64"),
        ("int8-dynamic", found(agree=485, images=500), None),
        ("int8-dynamic", found(agree=484, images=500), "484 of 500 images"),
        ("int8-static", found(difference=0.5), None),
        ("fp32", found(difference=1e-3), None),
        ("fp32", found(difference=1.1e-3), "logits differ by up to 0.0011, allowed 0.001"),
        ("fp32", found(difference=1.1e-3, largest_logit=10.0), "logits differ by up to 0.0011"),
        ("fp32", found(difference=None), "logits differ by up to not a number"),
        ("fp32", {"failed": "SIGILL"}, "SIGILL"),
        ("int8-static", {"right": 50}, "there is nothing to compare with"),
        ("fp16", found(agree=61), "61 of 64 images"),
        ("int8-static", {**found(agree=50), "against_exported": against(62)}, None),
        ("int8-static", {**found(), "against_exported": against(61)}, "61 of 64 images"),
        ("fp32", {**found(), "against_exported": against(50)}, None),
    ],
)
def test_limits_are_judged_from_the_records_numbers(arm64, precision, on_a72, problem):
    comparison = arm64("comparison")
    record = record_of(precision, on_a72)
    problems = comparison.problems(record)
    drawn = comparison.markdown(record)
    (row,) = (line for line in drawn.splitlines() if line.startswith("| `m.onnx` | cortex-a72"))
    if problem is None:
        assert problems == [] and row.endswith("| yes |")
        assert "Every artifact keeps its limit on every core." in drawn
    else:
        assert len(problems) == 1 and problems[0].startswith(f"m.onnx on cortex-a72: {problem}")
        assert row.endswith("| **no** |") and problems[0] in drawn


def test_a_core_that_was_not_run_and_a_record_of_nothing_are_problems(arm64):
    comparison = arm64("comparison")
    record = record_of("fp32", found())
    del record["artifacts"]["m.onnx"]["machines"]["cortex-a76"]
    assert comparison.problems(record) == ["m.onnx on cortex-a76: not run"]
    assert comparison.problems({**record, "artifacts": {}}) == ["nothing was compared"]


def test_answers_are_counted_and_the_same_bits_found(arm64):
    comparison = arm64("comparison")
    content = manifest.read(BUNDLE)
    pack = golden.of_bundle(BUNDLE, content).first(8)
    own = pack.exported[ONNX]
    other = own.copy()
    other[0] = -own[0]
    logits = {"x86": own, "cortex-a53": own.copy(), "cortex-a72": other}
    answers = {name: comparison.Answers(found, {"sha256": "0"}) for name, found in logits.items()}
    (artifact,) = content.artifacts
    counted = comparison.of(artifact, "onnxruntime", {**answers, "cortex-a76": "SIGILL"}, pack)
    assert counted["same_bits"] == [["x86", "cortex-a53"], ["cortex-a72"]]
    machines = counted["machines"]
    assert machines["cortex-a53"]["against_x86"]["agree"] == 8
    assert machines["cortex-a53"]["against_x86"]["largest_difference"] == 0
    assert machines["cortex-a72"]["against_x86"]["agree"] == 7
    assert machines["cortex-a72"]["against_exported"]["agree"] == 7
    assert machines["cortex-a76"] == {"failed": "SIGILL"}
    assert "against_x86" not in machines["x86"]
    assert machines["x86"]["right"] == int((own.argmax(1) == pack.labels).sum())
    json.dumps(counted, allow_nan=False)


def test_every_artifact_is_compared_on_every_machine(arm64, monkeypatch):
    outputs, comparison = arm64("outputs"), arm64("comparison")
    own = golden.of_bundle(BUNDLE, manifest.read(BUNDLE)).first(4).exported[ONNX]
    for name in ("require", "prepare"):
        monkeypatch.setattr(outputs, name, lambda *given: None)
    monkeypatch.setattr(outputs, "emulator", lambda: "none")
    monkeypatch.setattr(outputs, "kept", lambda *asked: comparison.Answers(own, {}))
    monkeypatch.setattr(
        outputs, "compute", lambda subject, machine, count: "SIGILL" * (machine == "cortex-a53")
    )
    record = outputs.measure(BUNDLE, 4, 1)
    assert ONNX in record["artifacts"]
    for compared in record["artifacts"].values():
        machines = compared["machines"]
        assert machines.pop("cortex-a53") == {"failed": "SIGILL"}
        assert set(machines) == {"x86", "cortex-a72", "cortex-a76"}
    assert comparison.problems(record)


def test_logits_that_are_no_numbers_can_be_written_and_are_a_problem(arm64):
    comparison = arm64("comparison")
    content = manifest.read(BUNDLE)
    pack = golden.of_bundle(BUNDLE, content).first(8)
    broken = np.full_like(pack.logits, np.nan)
    logits = {"x86": pack.logits, "cortex-a53": broken}
    answers = {name: comparison.Answers(found, {}) for name, found in logits.items()}
    counted = comparison.of(content.artifacts[0], "onnxruntime", answers, pack)
    json.dumps(counted, allow_nan=False)
    on_core = counted["machines"]["cortex-a53"]
    assert comparison.problem("fp32", on_core) and comparison.problem("int8-static", on_core)


@pytest.fixture
def logits(tmp_path):
    """Run the script that computes logits, here; return its logits and what it said."""
    pytest.importorskip("onnxruntime")
    out = tmp_path / "found.npz"

    def run(count):
        command = [
            sys.executable,
            str(ARM64 / "logits.py"),
            BUNDLE,
            ONNX,
            "onnxruntime",
            count,
            out,
        ]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        with np.load(out) as arrays:
            return arrays["logits"], done.stdout

    return run


def test_logits_are_computed_one_image_a_call_and_go_on_where_they_were(logits):
    expected = golden.of_bundle(BUNDLE, manifest.read(BUNDLE)).exported[ONNX]
    few, said = logits(3)
    assert len(few) == 3 and said == f"{ONNX}: 3 of 3 images\n"
    more, said = logits(25)
    assert said == f"{ONNX}: 23 of 25 images\n{ONNX}: 25 of 25 images\n"
    assert (more.argmax(1) == expected[:25].argmax(1)).mean() > 0.9
    np.testing.assert_array_equal(more[:3], few)
    again, said = logits(4)
    assert said == "" and len(again) == 25


def test_logits_of_another_artifact_are_not_taken_for_these(logits, tmp_path):
    first, _ = logits(2)
    with np.load(tmp_path / "found.npz") as arrays:
        kept = dict(arrays)
    made = {**json.loads(str(kept["made"])), "sha256": "0" * 64}
    with (tmp_path / "found.npz").open("wb") as file:
        np.savez(file, **{**kept, "logits": first + 1, "made": json.dumps(made)})
    again, said = logits(2)
    assert said.endswith("2 of 2 images\n")
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("core, board", CORES.items())
def test_a_core_shows_the_cpuinfo_of_its_board(arm64, tmp_path, core, board):
    cores = arm64("board").CORES
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(arm64("lay_root").cpuinfo(cores[core]))
    known, flags = platforms.device(board).board, cpuinfo.flags(tmp_path).value
    assert known.flags <= flags
    assert ("asimddp" in known.flags) == ("asimddp" in flags)
    assert cpuinfo.model(tmp_path).value == f"{cores[core].board} (emulated)"
    assert cores[core].board.startswith(known.model.partition(" (")[0])
    assert set(cores) == set(CORES)


def test_laying_a_root_says_what_it_needs_before_it_does_anything(arm64, monkeypatch, tmp_path):
    lay_root = arm64("lay_root")
    monkeypatch.setattr(lay_root, "run", lambda *command: pytest.fail(f"ran {command}"))
    monkeypatch.setattr(lay_root, "DEBIAN", Path(__file__))
    monkeypatch.setattr(lay_root.os, "geteuid", lambda: 1000)
    done = CliRunner().invoke(lay_root.main, ["--root", str(tmp_path / "r")])
    assert (done.exit_code, done.output) == (
        1,
        "Error: laying a root and changing into it needs root: use sudo.\n",
    )
    monkeypatch.setattr(lay_root, "DEBIAN", tmp_path / "absent")
    done = CliRunner().invoke(lay_root.main, ["--root", str(tmp_path / "r")])
    assert done.exit_code == 1 and done.output.startswith("Error: this needs Debian")
    assert not (tmp_path / "r").exists()


def test_a_root_is_laid_again_only_where_it_is_not_what_it_should_be(arm64, tmp_path):
    lay_root = arm64("lay_root")
    assert not lay_root.is_laid(tmp_path) and not lay_root.is_site_laid(tmp_path, ["a==1"])
    for name, content in (("etc", lay_root.system()), ("opt/site", ["a==1"])):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "laid.json").write_text(json.dumps(content))
    assert lay_root.is_laid(tmp_path) and lay_root.is_site_laid(tmp_path, ["a==1"])
    assert not lay_root.is_site_laid(tmp_path, ["a==2"])
    (tmp_path / "etc" / "laid.json").write_text(json.dumps({"release": "buster"}))
    assert not lay_root.is_laid(tmp_path)


def test_a_command_runs_in_the_boards_home_with_its_own_packages(arm64, tmp_path):
    board = arm64("board").Board("cortex-a72", tmp_path / "home", tmp_path / "root")
    command = board.command("python3", "x.py", folder="repository", packages=("/a", "/b"))
    assert command[:2] == ["setpriv", "--pdeathsig=KILL"]
    script, *command = command[2:]
    assert script == str(ARM64 / "on_core.sh")
    assert command == [
        *(str(tmp_path / "root"), "cortex-a72", str(tmp_path / "home"), "env"),
        *("--chdir=repository", "PYTHONPATH=/a:/b", "python3", "x.py"),
    ]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_running_on_a_core_says_how_it_is_used():
    done = subprocess.run([ARM64 / "on_core.sh"], capture_output=True, text=True)
    assert done.returncode == 2 and "on_core.sh ROOT CORE WORK COMMAND" in done.stderr


def test_the_tests_that_run_on_a_core_are_there(arm64):
    names = arm64("steps").TESTS
    folder = REPOSITORY / "tests" / "edge_runtime"
    assert [n for n in names if not (folder / f"test_{n}.py").exists()] == []
    assert len(names) == len(set(names))


def test_a_board_gets_images_that_every_precision_knows(arm64, tmp_path):
    steps = arm64("steps")
    pack, classes = steps._clear_images(BUNDLE)
    assert len(pack.images) == len(classes) == 4
    second, first = np.sort(pack.logits, axis=1)[:, -2:].T
    assert (first - second >= steps.MARGIN).all()
    steps._write_images(tmp_path / "images", pack)
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert names == ["image-0.png", "image-1.png", "image-2.png", "image-3.npy"]
    frame = np.load(tmp_path / "images" / "image-3.npy")
    np.testing.assert_array_equal(frame, pack.images[3].transpose(1, 2, 0))


def test_what_is_missing_is_said_before_anything_is_run(arm64, monkeypatch, tmp_path):
    board = arm64("board")
    monkeypatch.setattr(board.os, "geteuid", lambda: 0)
    with pytest.raises(click.ClickException, match="is no root: python benchmarks/arm64/lay_root"):
        board.require(BUNDLE, tmp_path)
    (tmp_path / "etc" / "cores").mkdir(parents=True)
    with pytest.raises(click.ClickException, match="is no bundle: cifarq-export --target arm64"):
        board.require(tmp_path, tmp_path)
    board.require(BUNDLE, tmp_path)
    monkeypatch.setattr(board.os, "geteuid", lambda: 1000)
    with pytest.raises(click.ClickException, match="needs root"):
        board.require(BUNDLE, tmp_path)


def test_a_step_is_a_line_and_what_failed_shows_what_it_said(arm64, monkeypatch, capsys):
    check, steps, boards = arm64("check"), arm64("steps"), arm64("board")
    board = boards.Board("cortex-a53", Path("home"))

    def fails(board):
        raise steps.StepError("exit code 3", "first\nlast\n")

    monkeypatch.setitem(check.STEPS, "doctor", fails)
    monkeypatch.setitem(check.STEPS, "classify", lambda board: "4 images")
    assert check.take(board, "classify") and not check.take(board, "doctor")
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"cortex-a53  classify +\d+ s  4 images", lines[0])
    assert re.fullmatch(r"cortex-a53  doctor +\d+ s  FAILED: exit code 3", lines[1])
    assert lines[2:] == ["    first", "    last"]


def test_what_is_recorded_is_every_step_of_every_core_and_no_time(arm64, monkeypatch, tmp_path):
    check, boards = arm64("check"), arm64("board")
    monkeypatch.setattr(check, "require", lambda bundle, root: None)
    monkeypatch.setattr(boards.Board, "clear", lambda board: None)
    monkeypatch.setattr(check.steps, "lay", lambda board, bundle: None)
    monkeypatch.setattr(check, "emulator", lambda: "qemu 1")
    said = dict.fromkeys(check.STEPS, "went well") | {"tests": "9 passed in 177.40s (0:02:57)"}
    for name in check.STEPS:
        monkeypatch.setitem(check.STEPS, name, lambda board, name=name: said[name])
    arguments = ["--bundle", str(BUNDLE), "--out", str(tmp_path)]
    runner = click.testing.CliRunner()
    assert runner.invoke(check.main, [*arguments, "--core", "cortex-a53"]).exit_code == 0
    assert not list(tmp_path.iterdir())  # a part of it
    assert runner.invoke(check.main, arguments).exit_code == 0
    record = json.loads((tmp_path / "arm64_check.json").read_text())
    assert set(record["cores"]) == set(CORES) and "177" not in json.dumps(record)
    assert (tmp_path / "arm64_check.md").read_text() == arm64("check_record").markdown(record)


def test_a_step_that_fails_is_an_exit_code_and_no_record(arm64, monkeypatch, tmp_path):
    check, steps, boards = arm64("check"), arm64("steps"), arm64("board")
    monkeypatch.setattr(check, "require", lambda bundle, root: None)
    monkeypatch.setattr(boards.Board, "clear", lambda board: None)
    monkeypatch.setattr(check.steps, "lay", lambda board, bundle: None)

    def fails(board):
        raise steps.StepError("exit code 3", "")

    for name in check.STEPS:
        monkeypatch.setitem(check.STEPS, name, fails)
    arguments = ["--bundle", str(BUNDLE), "--out", str(tmp_path)]
    done = click.testing.CliRunner().invoke(check.main, arguments)
    assert done.exit_code == 1 and "18 of 18 steps failed" in done.output
    assert not list(tmp_path.iterdir())


def test_the_kept_check_is_of_every_step_on_every_core(arm64):
    record = json.loads((RECORDED / "arm64_check.json").read_text())
    assert (RECORDED / "arm64_check.md").read_text() == arm64("check_record").markdown(record)
    assert set(record["cores"]) == set(CORES)
    for found in record["cores"].values():
        assert list(found["steps"]) == list(arm64("check").STEPS)
        assert "torch 2.9.1+cpu can be imported" in found["steps"]["setup-device.sh"]
        assert found["steps"]["measure"].startswith("5 artifacts")


def test_the_kept_report_is_drawn_from_the_kept_record(arm64, recorded):
    drawn = (RECORDED / "arm64.md").read_text()
    assert drawn == arm64("comparison").markdown(recorded)
    assert "it never shows how fast a board is" in drawn


def test_the_kept_record_is_of_every_engine_on_all_cores_and_within_the_limits(arm64, recorded):
    comparison = arm64("comparison")
    assert comparison.problems(recorded) == []
    assert set(recorded["cores"]) == set(CORES)
    ran = {one["engine"] for one in recorded["artifacts"].values()}
    # ExecuTorch cannot be imported there beside the PyTorch that travels.
    assert ran == set(engines.names()) - {"executorch"}
    kinds = {(one["format"], one["precision"]) for one in recorded["artifacts"].values()}
    assert len(kinds) >= 5 and ("onnx", "int8-static") in kinds
    assert recorded["settings"] == {"images": 32, "batch_size": 1, "threads": 1}
    for _, _, _, answers in comparison.rows(recorded):
        assert answers["against_x86"]["images"] == 32


def test_no_time_is_in_the_record(recorded):
    def keys(value):
        if isinstance(value, dict):
            return {*value, *(key for item in value.values() for key in keys(item))}
        items = value if isinstance(value, list) else ()
        return {key for item in items for key in keys(item)}

    timed = re.compile(r"_(ns|s|ms|us)$|latency|seconds|time|started|speed|^p[0-9]{2}")
    named = keys(recorded) - set(recorded["artifacts"]) - set(recorded["exported_with"])
    assert [key for key in named if timed.search(key)] == []


def test_an_artifact_is_run_on_every_engine_here_that_reads_it(arm64, monkeypatch):
    outputs = arm64("outputs")
    (artifact,) = manifest.read(BUNDLE).artifacts
    monkeypatch.setattr(outputs.engines, "is_installed", lambda name: True)
    assert outputs.runners(artifact) == ["onnxruntime", "openvino"]
    labels = [outputs.Subject(artifact, name).label for name in outputs.runners(artifact)]
    assert labels == [ONNX, f"{ONNX} on openvino"]
    monkeypatch.setattr(outputs.engines, "is_installed", lambda name: name == "onnxruntime")
    assert outputs.runners(artifact) == ["onnxruntime"]


@pytest.mark.parametrize(
    "code, said",
    [(1, "exit code 1"), (132, "ended by SIGILL"), (-4, "ended by SIGILL"), (200, "exit code 200")],
)
def test_an_illegal_instruction_is_named(arm64, code, said):
    assert arm64("outputs").ending(code) == said


def test_every_engine_with_a_wheel_for_arm_is_laid(arm64):
    wanted = {name.partition("==")[0] for name in arm64("lay_root").requirements()}
    assert {"onnxruntime", "ai-edge-litert", "ncnn", "MNN", "openvino", "torch"} <= wanted
