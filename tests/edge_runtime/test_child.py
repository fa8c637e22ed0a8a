"""Child processes that are asked: their answers, their noise, and what they leave behind."""

import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_runtime.measure import child
from edge_runtime.measure.child import End, Failure

CHILD = """
import json, os, subprocess, sys, time
from edge_runtime.measure.child import answer, answers

request = json.load(sys.stdin)
with answers() as out:
    {}
    answer({{"number": len(request["text"])}}, out)
"""


@dataclass(frozen=True)
class Number:
    """What the children below answer."""

    number: int


def ask(code, text="four", **options):
    return child.ask([sys.executable, "-c", CHILD.format(code)], {"text": text}, Number, **options)


def runs(pid):
    state = Path(f"/proc/{pid.read_text()}/stat")
    try:
        return state.read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_over(pid):
    """Whether a killed process ends: the system may take a moment to carry a signal out."""
    deadline = time.monotonic() + 10
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not runs(pid)


def test_a_request_that_no_pipe_holds_is_answered():
    assert ask("os.write(2, b'x' * 2**20)", "x" * 10**6) == Number(10**6)


def test_an_answer_of_another_type_is_none():
    found = ask("answer({'number': 'four'}, out); os._exit(0)")
    said = "its process answered nonsense: answer.number is 'four', not a whole number"
    assert str(found) == said


def test_what_a_child_says_last_is_kept_of_a_flood_and_little_memory_with_it():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = ask("[os.write(2, b'x' * 2**20) for _ in range(300)]; sys.exit('\\n\\x1b[2J the end')")
    assert found == Failure(End.EXIT, "exit code 1", "\\x1b[2J the end")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


@pytest.mark.parametrize("apart", [False, True])
def test_a_child_is_waited_for_and_not_what_it_started(tmp_path, apart):
    """One that left its group cannot be ended, and is not waited for either."""
    pid = tmp_path / "pid"
    starts = f"subprocess.Popen(['sleep', '30'], start_new_session={apart})"
    started = time.monotonic()
    found = ask(f"open({str(pid)!r}, 'w').write(str({starts}.pid))")
    assert found == Number(4) and time.monotonic() - started < 25
    if apart:
        assert runs(pid)
        os.kill(int(pid.read_text()), signal.SIGKILL)
    assert is_over(pid)


def test_a_child_that_takes_too_long_ends_with_what_it_started(tmp_path):
    pid = tmp_path / "pid"
    hangs = f"open({str(pid)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid))"
    found = ask(f"{hangs}; time.sleep(600)", timeout_s=10)
    assert found == Failure(End.TIMEOUT, "no answer after 10 s")
    assert is_over(pid)


@pytest.mark.parametrize(
    "command, why",
    [
        (["/no/such/program"], "No such file or directory"),
        ([sys.executable, "x" * 2**22], "Argument list too long"),
    ],
)
def test_a_child_that_cannot_be_started_is_a_failure(command, why):
    found = child.ask(command, {}, Number)
    assert found == Failure(End.NOT_STARTED, "its process cannot be started", why)
