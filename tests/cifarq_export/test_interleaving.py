"""Sessions timed interleaved, in processes of their own: real children, real engines."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cifarq_export.check import interleaving, speed
from cifarq_export.check.conversation import Conversation
from cifarq_export.check.interleaving import Stretch, Stretches, Subject
from edge_runtime.bundle import manifest
from edge_runtime.errors import EngineError
from edge_runtime.measure import process
from edge_runtime.probes.state import State

SMALL_BUNDLE = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"
HERE = "tests_interleaving_loaders"
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
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return lambda name, **arguments: Subject(arguments, f"{HERE}:{name}")


@pytest.fixture
def batch():
    return np.zeros((1, 3, 32, 32), np.float32)


def test_a_ratio_is_that_of_what_the_calls_take(loaders, batch):
    subjects = {
        "slow": loaders("sleeper", seconds=0.004),
        "fast": loaders("sleeper", seconds=0.002),
    }
    stretches = interleaving.interleave(subjects, batch, rounds=5, stretch_s=0.05)
    speed = stretches.speed("fast", "slow")
    assert speed.low < speed.value < speed.high
    if stretches.lost_time("slow") or stretches.lost_time("fast"):
        pytest.skip("this machine is busy, which biases the ratio")
    assert 1.5 < speed.value < 2.2
    assert stretches.speed("slow", "slow").value == 1
    assert [len(stretches.of[name]) for name in subjects] == [5, 5]


def test_every_start_of_the_children_adds_its_rounds(loaders, batch):
    counted = []
    stretches = interleaving.interleave(
        {"a": loaders("sleeper", seconds=0)},
        batch,
        rounds=2,
        stretch_s=0,
        restarts=3,
        progress=lambda done, total: counted.append((done, total)),
    )
    assert len(stretches.of["a"]) == sum(done for done, _ in counted) == 6
    assert {total for _, total in counted} == {6}
    assert all(len(stretch.samples_ns) >= 5 for stretch in stretches.of["a"])


def test_a_stretch_lasts_as_long_as_asked(loaders, batch):
    started = time.perf_counter()
    stretches = interleaving.interleave(
        {"a": loaders("sleeper", seconds=0.001)}, batch, rounds=2, stretch_s=0.3
    )
    assert time.perf_counter() - started > 0.6
    assert all(sum(stretch.samples_ns) > 0.25e9 for stretch in stretches.of["a"])


def test_what_a_library_prints_does_not_spoil_the_answers(loaders, batch):
    stretches = interleaving.interleave({"a": loaders("chatters")}, batch, rounds=1, stretch_s=0)
    assert stretches.of["a"][0].samples_ns


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
        interleaving.interleave({"a": loaders(loader)}, batch, rounds=1, stretch_s=0)


def test_children_are_gone_when_it_fails(loaders, batch, monkeypatch):
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self.pid)

    monkeypatch.setattr(process.subprocess, "Popen", Recorded)
    subjects = {"a": loaders("sleeper", seconds=0), "b": loaders("refuses")}
    with pytest.raises(EngineError):
        interleaving.interleave(subjects, batch, rounds=1, stretch_s=0)
    assert len(started) == 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_artifact_is_a_subject(batch):
    (artifact,) = manifest.read(SMALL_BUNDLE).artifacts
    subject = interleaving.artifact(artifact.engine, SMALL_BUNDLE / artifact.file)
    stretches = interleaving.interleave({"a": subject}, batch, rounds=2, stretch_s=0)
    assert min(stretches.medians_ns("a")) > 0


def test_an_artifact_that_was_swapped_since_it_was_meant_is_not_loaded(tmp_path, batch):
    (artifact,) = manifest.read(SMALL_BUNDLE).artifacts
    path = tmp_path / artifact.file
    path.write_bytes((SMALL_BUNDLE / artifact.file).read_bytes())
    subject = interleaving.artifact(artifact.engine, path)
    path.write_bytes(b"another model")
    with pytest.raises(EngineError, match="corrupt, 13 bytes with SHA-256"):
        interleaving.interleave({"a": subject}, batch, rounds=1, stretch_s=0)


@pytest.mark.parametrize(
    "script, message",
    [
        ("print('hello'); print('{\"n\": 3}')", "answer.n is 3, not a string"),
        ("print('[3]')", "its process ended without an answer"),
        ("print('{\"n\": ', end='')", "its process ended without an answer"),
        ("import os; os.kill(os.getpid(), 4)", "SIGILL"),
        ("print('x' * 2**16 * 1100)", "wrote more than 64 MB where its answer belongs"),
    ],
)
def test_what_a_child_answers_is_not_believed_for_its_being_there(script, message):
    with (
        Conversation([sys.executable, "-c", f"input(); {script}"]) as talk,
        pytest.raises(EngineError, match=message),
    ):
        talk.ask({}, Threads)


def test_a_child_that_cannot_be_started_is_an_error_of_one_line():
    with pytest.raises(EngineError, match="cannot be started: No such file or directory"):
        Conversation(["/no/such/python"])


def test_noise_before_and_after_an_answer_is_none():
    noise = "import os; os.write(1, b'noise'); os.write(2, b'x' * 2**20)"
    script = f'input(); {noise}; print(\'\\n{{"n": "3"}}\'); {noise}; input()'
    with Conversation([sys.executable, "-c", script]) as talk:
        assert talk.ask({}, Threads) == Threads("3")


def test_speed_is_paired_by_round():
    # Both slow down alike from round to round: the ratio stays sharp.
    medians = {"a": [100, 200, 400], "b": [200, 400, 800]}
    stretches = Stretches({name: [Stretch((m,)) for m in of] for name, of in medians.items()})
    speed = stretches.speed("a", "b")
    assert (speed.low, speed.value, speed.high) == pytest.approx((2, 2, 2))


def stretches_of(**counters):
    """Two rounds of two subjects, ``a`` twice as fast; the counters rise so in each of ``b``'s."""
    calm = {"monotonic_ns": 10**8, "queue_wait_ns": 0, "steal_ticks": 0, "busy_ticks": 10}
    found = {}
    for name, median_ns, risen in (("a", 100, calm), ("b", 200, {**calm, **counters})):
        before, after = State(**dict.fromkeys(risen, 0)), State(**risen)
        found[name] = [Stretch((median_ns,), before, after)] * 2
    return Stretches(found)


@pytest.mark.parametrize(
    "counters, said",
    [
        ({}, ""),
        ({"queue_wait_ns": 19_999_999}, ""),
        ({"queue_wait_ns": 20_000_000}, "waited 20 % of the time"),
        ({"queue_wait_ns": 91_000_000}, "waited 91 % of the time"),
        ({"steal_ticks": 1}, ""),
        ({"steal_ticks": 30}, "the hypervisor took 75 % of the CPU time"),
        ({"queue_wait_ns": None, "steal_ticks": None}, ""),
    ],
)
def test_time_that_was_lost_is_told_from_where_a_row_is_invalid(counters, said):
    stretches = stretches_of(**counters)
    assert stretches.lost_time("b") == said and stretches.lost_time("a") == ""


@pytest.mark.parametrize("busy, taken", [(0, 1), (1, 2), (2, 3), (3, 3), (9, 3)])
def test_it_is_measured_again_where_the_machine_is_busy_and_not_for_ever(busy, taken):
    attempts = []

    def take():
        attempts.append(1)
        return stretches_of(queue_wait_ns=91_000_000 if len(attempts) <= busy else 0)

    # The artifact's time or the reference's, whichever was lost: there is no ratio.
    for pair in (("a", "b"), ("b", "a")):
        attempts.clear()
        found = speed.take_quiet(take, {"x": pair})["x"]
        assert len(attempts) == taken
        assert (found.ratio is None) is (busy >= 3)
        assert found.busy == ("waited 91 % of the time" if busy >= 3 else "")


def test_what_was_measured_on_a_quiet_machine_is_not_measured_again():
    results = [
        Stretches({"c": stretches_of().of["a"], **stretches_of(queue_wait_ns=10**8).of}),
        Stretches({"c": stretches_of().of["b"], **stretches_of().of}),
    ]
    found = speed.take_quiet(lambda: results.pop(0), {"x": ("c", "a"), "y": ("a", "b")})
    assert found["x"].ratio.value == pytest.approx(1)
    assert found["y"].ratio.value == pytest.approx(2)


def test_a_child_reads_the_state_of_the_machine_around_each_stretch(loaders, batch):
    subjects = {"a": loaders("sleeper", seconds=0.002)}
    stretches = interleaving.interleave(subjects, batch, rounds=2, stretch_s=0.05).of["a"]
    for stretch in stretches:
        wall_ns = stretch.after.monotonic_ns - stretch.before.monotonic_ns
        assert sum(stretch.samples_ns) <= wall_ns < sum(stretch.samples_ns) + 10**9
    assert stretches[0].after.monotonic_ns < stretches[1].before.monotonic_ns


def test_a_child_does_not_import_a_module_that_lies_in_the_current_folder(
    tmp_path, monkeypatch, batch, loaders
):
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    interleaving.interleave({"a": loaders("sleeper", seconds=0)}, batch, rounds=1, stretch_s=0)


@dataclass(frozen=True)
class Threads:
    """What the child below answers."""

    n: str


def test_a_conversation_is_told_its_threads(tmp_path):
    script = "import os, json; input(); print(json.dumps({'n': os.environ['OMP_NUM_THREADS']}))"
    with Conversation([sys.executable, "-c", script], threads=3) as talk:
        assert talk.ask({}, Threads) == Threads("3")
        with pytest.raises(EngineError, match="a measuring process failed: its process ended"):
            talk.ask({}, Threads)
