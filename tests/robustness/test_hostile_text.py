"""Text that somebody else wrote means nothing but itself, wherever it is shown."""

import csv
import fcntl
import html
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime import report
from edge_runtime.doctor import command as doctor
from edge_runtime.doctor.finding import fatal
from edge_runtime.printable import in_csv, in_markdown, one_line
from edge_runtime.report import compared
from edge_runtime.results import comparison, document
from edge_runtime.results.rows import Status

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLE = REPOSITORY / "benchmarks" / "seed-cnn-int8-bundle"
RESULTS = REPOSITORY / "tests" / "edge_runtime" / "golden" / "json.txt"
HOSTILE = "=x\n| forged | `1` |\r\x1b[31m<img src=x>\u202e\u2028](http://x)"


@pytest.fixture
def hostile():
    """Results in which everything that may be any text is hostile."""
    whole = document.read(RESULTS)
    names = dict.fromkeys(("bundle", "model", "format"), HOSTILE)
    rows = [
        replace(row, file=f"{HOSTILE}{i}", precision=f"{HOSTILE}{i}", **names)
        for i, row in enumerate(whole.rows)
    ]
    rows[0] = replace(rows[0], status=Status.ENGINE_MISSING, message=HOSTILE, turns=())
    rows[-1] = replace(rows[-1], status=Status.CRASHED, message=HOSTILE * 1_000)
    return replace(whole, rows=tuple(rows), host=replace(whole.host, cpu=HOSTILE))


def is_safe(text):
    """Whether no character of a text does anything but stand there, and none begins a line."""
    lines = text.split("\n")
    return all(one_line(line, len(line)) == line for line in lines) and not any(
        line.lstrip().startswith("| forged") for line in lines
    )


@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_hostile_results_are_drawn_as_safe_lines(hostile, output):
    text = report.render(hostile, output)
    assert "forged" in text and is_safe(text)
    assert max(map(len, text.splitlines())) < 100_000


@pytest.mark.parametrize("output", ["table", "markdown", "csv"])
def test_hostile_names_of_compared_files_are_drawn_as_safe_lines(hostile, output, tmp_path):
    files = [tmp_path / f"{HOSTILE.replace('/', '')}{i}" for i in range(2)]
    for file in files:
        document.write(hostile, file)
    text = compared.render(comparison.of(files), output)
    assert "forged" in text and is_safe(text)


def test_a_markdown_table_keeps_its_columns_and_holds_no_markup(hostile):
    text = report.render(hostile, "markdown")
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables[0]) == 2 + len(hostile.rows)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table}) == 1
    assert "<img" not in text and "](" not in text and not re.search(r"(?<!\\)`", text)


def test_a_spreadsheet_is_given_no_formula_and_the_figures_as_they_are(hostile):
    rows = list(csv.reader(io.StringIO(report.render(hostile, "csv"))))
    assert len(rows) == 1 + len(hostile.rows) and len({*map(len, rows)}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    whole = list(csv.reader(io.StringIO(report.render(document.read(RESULTS), "csv"))))
    assert [row[10] for row in rows[2:]] == [row[10] for row in whole[2:]]


@pytest.mark.parametrize("output", ["json", "jsonl"])
def test_json_keeps_every_character(hostile, output, tmp_path):
    lines = report.render(hostile, output)
    if output == "json":
        (tmp_path / "r.json").write_text(lines)
        assert document.read(tmp_path / "r.json") == hostile
    else:
        rows = [json.loads(line) for line in lines.splitlines()[1:]]
        assert [row["message"] for row in rows] == [row.message for row in hostile.rows]


@given(st.text(max_size=100))
def test_what_is_escaped_is_one_line_and_means_itself(text):
    shown = one_line(text)
    assert html.unescape(re.sub(r"\\([\\`|*(])", r"\1", in_markdown(text))) == html.unescape(shown)
    assert in_csv(text) in (shown, f"'{shown}")
    for escaped in (shown, in_markdown(text), in_csv(text)):
        assert len(escaped.splitlines()) <= 1 and "\x1b" not in escaped


@given(st.sampled_from("=+-@\t\r\n"), st.text())
def test_no_cell_begins_as_a_formula(first, rest):
    assert in_csv(first + rest)[0] in "'\\"


def test_a_finding_is_its_own_two_lines():
    text = doctor.line(fatal(HOSTILE, HOSTILE, HOSTILE))
    assert is_safe(text) and text.count("\n") == 1


def test_a_files_name_forges_no_answer(run, tmp_path):
    name = "a.npy\nb.npy: truck 99.9 %\x1b[1A.npy"
    np.save(tmp_path / name, np.zeros((32, 32, 3), np.uint8))
    done = run("edge_runtime", "classify", name, "absent\n.jpg", "--bundle", BUNDLE)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith(r"a.npy\nb.npy: truck 99.9 %\x1b[1A.npy: ")
    error, _ = done.stderr.splitlines()
    assert error.startswith(r"Error: absent\n.jpg does not exist")
    exact = run("edge_runtime", "classify", name, "--bundle", BUNDLE, "--json")
    assert json.loads(exact.stdout)["file"] == name


@pytest.mark.parametrize("name", ["x\n\x1b[2J", "y" * 100_000])
def test_an_error_is_one_line_of_a_length_that_can_be_read(run, name):
    for arguments in (["report", name], [name], ["classify", "x.npy", "--bundle", name]):
        done = run("edge_runtime", *arguments)
        assert done.returncode in (1, 2) and done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: ") and len(line) < 2_100 and "\x1b" not in line


def in_terminal(columns, *command):
    """What a command writes to a terminal of so many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(command, stdout=its, stderr=subprocess.PIPE, env=environment) as process:
        os.close(its)
        written = b""
        while piece := _read(ours):
            written += piece
    os.close(ours)
    assert process.returncode == 0
    return written.decode().replace("\r\n", "\n")


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # whoever wrote has ended
        return b""


def test_no_line_is_wider_than_the_terminal_and_no_figure_is_lost():
    command = [sys.executable, "-P", "-m", "edge_runtime", "report", str(RESULTS)]
    piped = subprocess.run(command, capture_output=True, text=True).stdout
    assert in_terminal(200, *command) == piped
    figures = set(re.findall(r"\d+\.\d+", piped))
    for columns in (80, 40):
        text = in_terminal(columns, *command)
        assert figures <= set(re.findall(r"\d+\.\d+", text))
        assert max(map(len, text.splitlines())) <= columns
    assert "\ntorchscript fp32\n  p50 ms: 4.000\n" in text  # a row is a list where none fits
