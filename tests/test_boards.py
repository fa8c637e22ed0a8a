"""Results from boards: what may be kept, what is refused and why, and the table that is drawn."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from edge_runtime.results import document
from edge_runtime.results.rows import Results, Status
from edge_runtime.results.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPT = REPOSITORY / "benchmarks" / "boards.py"
KEPT = REPOSITORY / "benchmarks" / "results" / "boards"
PI = "Raspberry Pi 5 Model B Rev 1.0"


@pytest.fixture
def boards(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import boards

    return boards


@pytest.fixture(scope="module")
def made_up():
    """What the device's tests make rows of results with."""
    path = REPOSITORY / "tests" / "edge_runtime" / "conftest.py"
    spec = importlib.util.spec_from_file_location("made_up", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def good(made_up):
    """Results as a quiet Raspberry Pi 5 writes them."""

    def calls(microseconds):
        return [(10 * microseconds * (100 + i % 3 - 1),) * 70 for i in range(10)]

    rows = (
        made_up.row("m-fp32.onnx", "fp32", calls(4000)),
        made_up.row("m-int8-static.onnx", "int8-static", calls(1000)),
    )
    before = {"virtualisation": {"value": "none", "source": "model", "reason": ""}}
    host = {"cpu": PI, "machine": "aarch64", "cpus": 4, "ticks_per_s": 100}
    return Results(Settings(), host, rows, {"before": before}, "2026-11-24T12:00:00+00:00")


def boards_command(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def with_state(results, name, value):
    probe = {"value": value, "source": "", "reason": ""}
    return replace(results, state={"before": {**results.state["before"], name: probe}})


def on(results, cpu):
    return replace(results, host={**results.host, "cpu": cpu})


def cut_off(results):
    return replace(results, rows=tuple(replace(r, turns=r.turns[:4]) for r in results.rows))


def short(results):
    """Few rounds, all of them there."""
    return replace(cut_off(results), settings=Settings(rounds=4))


def crashed(results):
    first, *others = results.rows
    failed = replace(first, status=Status.CRASHED, message="SIGILL: install another", turns=())
    return replace(results, rows=(failed, *others))


def leaky(results):
    first, *others = results.rows
    return replace(results, rows=(replace(first, message="see /home/ada/x.json"), *others))


def emulated(results):
    if "emulated" not in {field.name for field in fields(Settings)}:
        pytest.skip("settings do not say yet whether the CPU was emulated")
    return replace(results, settings=replace(results.settings, emulated=True))


def test_a_good_file_may_be_kept(good, tmp_path):
    file = tmp_path / "pi5-8gb.json"
    document.write(good, file)
    done = boards_command("check", file)
    assert (done.returncode, done.stderr) == (0, "")
    first, *notes = done.stdout.splitlines()
    assert first == "pi5-8gb.json: may be kept"
    assert notes == [
        f"pi5-8gb.json: note: {name} is of no bundle of ours that is known here"
        for name in ("m-fp32.onnx", "m-int8-static.onnx")
    ]


def test_what_was_shipped_is_known(boards, good, tmp_path):
    rows = tuple(replace(row, sha256=min(boards.released())) for row in good.rows)
    document.write(replace(good, rows=rows), tmp_path / "pi5-8gb.json")
    assert boards.checked(tmp_path / "pi5-8gb.json").notes == ()


@pytest.mark.parametrize(
    "change, line",
    [
        (emulated, "it was measured on an emulated CPU, which says nothing of a board's speed"),
        (lambda r: on(r, f"{PI} (emulated)"), "it was measured on an emulated CPU"),
        (
            lambda r: with_state(r, "virtualisation", "virtual machine (KVM)"),
            "it was measured in a virtual machine (KVM): measure on the board itself",
        ),
        (
            lambda r: with_state(r, "virtualisation", "in a container (docker)"),
            "it was measured in a container (docker): measure on the board itself",
        ),
        (lambda r: on(r, None), "no board that is known: its processor is called 'nothing'"),
        (lambda r: on(r, "AMD EPYC"), "no board that is known: its processor is called 'AMD EPYC'"),
        (cut_off, "4 of 10 rounds: go on with --resume"),
        (short, "4 rounds; give --rounds 10 or more"),
        (crashed, "its verdict is INVALID: onnx fp32: crashed: SIGILL: install another"),
        (leaky, "it names a path of your machine (/home/ada/x.json)"),
    ],
)
def test_what_says_nothing_of_a_board_is_refused_with_a_line(good, tmp_path, change, line):
    file = tmp_path / "pi5-8gb.json"
    document.write(change(good), file)
    done = boards_command("check", file)
    assert done.returncode == 1
    refused = [one for one in done.stdout.splitlines() if ": refused: " in one]
    assert len(refused) == 1 and refused[0].startswith(f"pi5-8gb.json: refused: {line}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "name, cpu, line",
    [
        ("Pi5-8GB.json", PI, "its name is not BOARD-DETAIL.json in lower case, as in pi5-8gb.json"),
        ("pi5.json", PI, "its name is not BOARD-DETAIL.json"),
        ("pi5-8gb.txt", PI, "its name is not BOARD-DETAIL.json"),
        ("pi4-8gb.json", PI, "it was measured on a Raspberry Pi 5: call it pi5-DETAIL.json"),
        ("pi5-a.json", "Raspberry Pi Compute Module 4 Rev 1.1", "it was measured on a Raspberry Pi "
         "Compute Module 4: call it picm4-DETAIL.json"),
    ],
)  # fmt: skip
def test_a_name_says_which_board_it_was(good, tmp_path, name, cpu, line):
    document.write(on(good, cpu), tmp_path / name)
    done = boards_command("check", tmp_path / name)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"{name}: refused: {line}")


@pytest.mark.parametrize(
    "name, cpu",
    [
        ("pizero2-512mb.json", "Raspberry Pi Zero 2 W Rev 1.0"),
        ("picm4-4gb.json", "Raspberry Pi Compute Module 4 Rev 1.1"),
        ("pi3-bplus-fan.json", "Raspberry Pi 3 Model B Plus Rev 1.3"),
    ],
)
def test_other_boards_have_names_too(boards, good, tmp_path, name, cpu):
    document.write(on(good, cpu), tmp_path / name)
    assert boards.checked(tmp_path / name).refused == ()


def test_what_is_no_results_file_is_refused_with_a_line(good, tmp_path):
    whole = document.text(good)
    content = json.loads(whole)
    del content["rows"][0]["sha256"]
    files = {
        "pi5-a.json": ("not json", "the file is not a results file of `edge-bench --json`"),
        "pi5-b.json": ("{}", "the file is not a results file"),
        "pi5-c.json": (json.dumps(content), "the file is damaged: rows[0].sha256 is missing"),
        "pi5-d.json": (whole + " " * 20_100_000, "20.1 MB; at most 20 MB are kept"),
        "pi5-e.json": (whole[:1000], "the file is not a results file"),
    }
    for name, (text, _) in files.items():
        (tmp_path / name).write_text(text)
    done = boards_command("check", *(tmp_path / name for name in files), tmp_path / "pi5-f.json")
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == len(files) + 1
    for line, (name, (_, why)) in zip(lines, files.items(), strict=False):
        assert line.startswith(f"{name}: refused: {why}") and str(tmp_path) not in line
    assert lines[-1].startswith("pi5-f.json: refused: cannot be read: No such file")


def test_one_bad_file_among_good_ones_is_exit_code_1(good, tmp_path):
    document.write(good, tmp_path / "pi5-8gb.json")
    document.write(cut_off(good), tmp_path / "pi5-4gb.json")
    done = boards_command("check", tmp_path / "pi5-8gb.json", tmp_path / "pi5-4gb.json")
    assert done.returncode == 1
    assert "pi5-8gb.json: may be kept" in done.stdout and "pi5-4gb.json: refused" in done.stdout


def test_what_makes_a_run_suspect_is_noted(boards, good, tmp_path):
    hot = replace(good, settings=replace(good.settings, min_runs=10_000))
    document.write(hot, tmp_path / "pi5-8gb.json")
    found = boards.checked(tmp_path / "pi5-8gb.json")
    assert found.refused == ()
    assert found.notes[0].startswith("SUSPECT: all rows: --max-time 60 ended it after 700 of")


def test_all_files_are_drawn_in_one_table(good, tmp_path):
    document.write(good, tmp_path / "pi5-8gb.json")
    document.write(on(good, "Raspberry Pi 4 Model B Rev 1.4"), tmp_path / "pi4-4gb.json")
    done = boards_command("draw", "--folder", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line for line in (tmp_path / "boards.md").read_text().splitlines() if "| " in line][2:]
    assert rows == [
        "| Raspberry Pi 4 Model B Rev 1.4 (pi4-4gb) | onnx fp32 | 4.000 | 1 | 90.0 | VALID |",
        "| Raspberry Pi 4 Model B Rev 1.4 (pi4-4gb) | onnx int8-static | 1.000 | 4.00 [4.00, 4.00]"
        " | 90.0 | VALID |",
        "| Raspberry Pi 5 Model B Rev 1.0 (pi5-8gb) | onnx fp32 | 4.000 | 1 | 90.0 | VALID |",
        "| Raspberry Pi 5 Model B Rev 1.0 (pi5-8gb) | onnx int8-static | 1.000 | 4.00 [4.00, 4.00]"
        " | 90.0 | VALID |",
    ]


def test_a_refused_file_is_not_drawn(good, tmp_path):
    document.write(cut_off(good), tmp_path / "pi5-8gb.json")
    done = boards_command("draw", "--folder", tmp_path)
    assert done.returncode == 1 and "pi5-8gb.json: 4 of 10 rounds" in done.stderr
    assert not (tmp_path / "boards.md").exists()


def test_no_text_that_was_sent_is_markup(boards, good):
    rows = tuple(replace(row, format="a|b<img>`x`\n") for row in good.rows)
    sent = replace(on(good, f"{PI} | [x](y)"), rows=rows)
    drawn = boards.markdown({"pi5-8gb.json": sent})
    rows = [line for line in drawn.splitlines() if line.startswith("| Rasp")]
    assert len(rows) == 2 and all(line.count("|") == 7 for line in rows)
    assert not re.search(r"[<>`]|\]\(y", "".join(rows))


def test_nothing_is_drawn_that_was_not_sent(boards):
    assert "None yet." in boards.markdown({}) and "|" not in boards.markdown({})


def test_every_kept_file_may_be_kept(boards):
    refused = {file.name: boards.checked(file).refused for file in boards.kept()}
    assert not any(refused.values()), refused


def test_the_kept_table_is_drawn_from_the_kept_files(boards):
    found = {file.name: boards.checked(file).results for file in boards.kept()}
    assert (KEPT / "boards.md").read_text() == boards.markdown(found)
