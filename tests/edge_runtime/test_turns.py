"""Sessions that take turns in processes of their own: real children, real engines."""

import os
import sys
import time

import numpy as np
import pytest

from cifarq_export.check import interleaving
from cifarq_export.check.conversation import Conversation
from cifarq_export.check.interleaving import Subject, Turns
from edge_runtime.bundle import integrity, manifest
from edge_runtime.errors import EngineError

HERE = "tests_turns_loaders"
LOADERS = """
import os, time

def sleeper(seconds):
    def predict(batch):
        time.sleep(seconds)
        return batch
    return predict

def refuses():
    from edge_runtime.errors import EngineError
    raise EngineError("this engine refuses the file")

def breaks():
    return lambda batch: 1 / 0

def dies():
    os.kill(os.getpid(), 11)

def chatters():
    print("hello from a library")
    return lambda batch: batch
"""


@pytest.fixture
def loaders(tmp_path, monkeypatch):
    """A module of loaders that the children can import; returns a function name -> Subject."""
    folder = tmp_path / "loaders"
    folder.mkdir()
    (folder / f"{HERE}.py").write_text(LOADERS)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return lambda name, **arguments: Subject(arguments, f"{HERE}:{name}")


@pytest.fixture
def batch():
    return np.zeros((1, 3, 32, 32), np.float32)


def test_a_ratio_is_that_of_what_the_calls_take(loaders, batch):
    subjects = {
        "slow": loaders("sleeper", seconds=0.004),
        "fast": loaders("sleeper", seconds=0.002),
    }
    found = interleaving.take(subjects, batch, rounds=5, turn_s=0.05)
    speed = found.speed("fast", "slow")
    assert speed.low < speed.value < speed.high
    assert 1.5 < speed.value < 2.2
    assert found.speed("slow", "slow").value == 1
    assert [len(found.samples_ns[name]) for name in subjects] == [5, 5]


def test_every_start_of_the_children_adds_its_rounds(loaders, batch):
    counted = []
    found = interleaving.take(
        {"a": loaders("sleeper", seconds=0)},
        batch,
        rounds=2,
        turn_s=0,
        restarts=3,
        progress=lambda done, total: counted.append((done, total)),
    )
    assert len(found.samples_ns["a"]) == sum(done for done, _ in counted) == 6
    assert {total for _, total in counted} == {6}
    assert all(len(turn) >= 5 for turn in found.samples_ns["a"])


def test_a_turn_lasts_as_long_as_asked(loaders, batch):
    started = time.perf_counter()
    found = interleaving.take({"a": loaders("sleeper", seconds=0.001)}, batch, rounds=2, turn_s=0.3)
    assert time.perf_counter() - started > 0.6
    assert all(sum(turn) > 0.25e9 for turn in found.samples_ns["a"])


def test_what_a_library_prints_does_not_spoil_the_answers(loaders, batch):
    found = interleaving.take({"a": loaders("chatters")}, batch, rounds=1, turn_s=0)
    assert found.samples_ns["a"][0]


@pytest.mark.parametrize(
    "loader, message",
    [
        ("refuses", "this engine refuses the file"),
        ("breaks", "ZeroDivisionError: division by zero"),
        ("dies", "SIGSEGV"),
        ("absent", "has no attribute 'absent'"),
    ],
)
def test_a_child_that_fails_says_why(loaders, batch, loader, message):
    with pytest.raises(EngineError, match=message):
        interleaving.take({"a": loaders(loader)}, batch, rounds=1, turn_s=0)


def test_children_are_gone_when_it_fails(loaders, batch):
    subjects = {"a": loaders("sleeper", seconds=0), "b": loaders("refuses")}
    with pytest.raises(EngineError):
        interleaving.take(subjects, batch, rounds=1, turn_s=0)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_artifact_is_a_subject(bundle, batch):
    (artifact,) = manifest.read(bundle).artifacts
    subject = interleaving.artifact(artifact.engine, integrity.verify(bundle, artifact))
    found = interleaving.take({"a": subject}, batch, rounds=2, turn_s=0)
    assert min(found.medians_ns("a")) > 0


def test_speed_is_paired_by_round():
    # Both slow down alike from round to round: the ratio stays sharp.
    found = Turns({"a": [[100], [200], [400]], "b": [[200], [400], [800]]})
    speed = found.speed("a", "b")
    assert (speed.low, speed.value, speed.high) == pytest.approx((2, 2, 2))


def test_a_child_does_not_import_a_module_that_lies_in_the_current_folder(
    tmp_path, monkeypatch, batch, loaders
):
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    interleaving.take({"a": loaders("sleeper", seconds=0)}, batch, rounds=1, turn_s=0)


def test_a_conversation_is_told_its_threads(tmp_path):
    script = "import os, json; input(); print(json.dumps({'n': os.environ['OMP_NUM_THREADS']}))"
    with Conversation([sys.executable, "-c", script], threads=3) as talk:
        assert talk.ask({}) == {"n": "3"}
        with pytest.raises(EngineError, match="a measuring process ended"):
            talk.ask({})
