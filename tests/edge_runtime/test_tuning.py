"""The search for an engine's fastest settings, with made-up durations and a clock of its own."""

import json
from dataclasses import replace

import pytest

from edge_runtime import engines
from edge_runtime.bundle import tuned
from edge_runtime.errors import BundleError
from edge_runtime.measure import plan, tuning
from edge_runtime.measure.request import Answer
from edge_runtime.results.rows import Status
from edge_runtime.results.settings import Settings

KNOBS = {"a": ("off", "on"), "b": ("1", "2", "3"), "c": ("off", "on")}


@pytest.fixture
def planned(bundle, monkeypatch):
    """A plan of one artifact on an engine with three settings."""
    monkeypatch.setattr(engines, "knobs", lambda name: KNOBS)
    return plan.make((bundle,), Settings(), ("onnxruntime",))


@pytest.fixture
def search(planned, monkeypatch, make_turn):
    """Tune with durations that a function gives, which may differ a little from turn to turn."""
    asked = []

    def find(duration, budget_s=0.0):
        def ask(its_plan, job, start, number):
            asked.append(dict(job.knobs))
            ns = duration(dict(job.knobs))
            if ns is None:
                return Answer(Status.CRASHED, "SIGILL")
            wobble = 1 + (len(asked) % 7) / 1000
            return Answer(Status.OK, turn=make_turn(number, (int(ns * wobble),) * 30))

        monkeypatch.setattr(tuning.runner, "ask", ask)
        ticks = iter(range(10**6))
        (found,) = tuning.tune(planned, budget_s, clock=lambda: float(next(ticks)))
        return found

    find.asked = asked
    return find


def cost(**factors):
    def duration(knobs):
        ns = 1_000_000
        for setting, value in knobs.items():
            ns *= factors.get(f"{setting}_{value}", 1)
        return ns

    return duration


def test_what_is_faster_is_kept_and_together_proven(search):
    found = search(cost(a_on=0.8, b_2=0.9, b_3=0.7, c_on=1.2))
    assert found.entry.knobs == {"a": "on", "b": "3"}
    ratio, low, high = found.entry.speed
    assert low < 1 / (0.8 * 0.7) < high and ratio == pytest.approx(1.786, rel=0.02)
    assert "1.79" in tuning.describe(found) and "a on, b 3" in tuning.describe(found)


def test_where_nothing_is_shown_to_be_faster_the_defaults_stay(search):
    found = search(cost(a_on=1.0, b_2=1.01))
    assert found.entry.knobs == {} and found.entry.speed == ()
    assert tuning.describe(found) == "no setting of 4 is shown to be faster than the defaults"


def test_settings_that_do_not_go_together_are_not_taken_together(search):
    def duration(knobs):
        return 2_000_000 if len(knobs) == 2 else cost(a_on=0.8, b_3=0.7)(knobs)

    assert search(duration).entry.knobs == {"b": "3"}


def test_a_setting_that_the_engine_dies_of_is_left(search):
    found = search(lambda knobs: None if "a" in knobs else cost(c_on=0.5)(knobs))
    assert found.entry.knobs == {"c": "on"}
    assert sum("a" in knobs for knobs in search.asked) == 1


def test_an_engine_that_does_not_run_is_not_tuned(search):
    assert search(lambda knobs: None).entry.knobs == {}


def test_a_budget_is_spent_on_more_rounds(search):
    search(cost(a_on=0.8), budget_s=0)
    few = len(search.asked)
    search.asked.clear()
    search(cost(a_on=0.8), budget_s=40)
    assert len(search.asked) > 2 * few


def entry_of(bundle, **changes):
    (job,) = plan.make((bundle,), Settings(), ("onnxruntime",)).jobs[:1]
    return replace(tuned.entry(job.artifact, "onnxruntime", 1, 1), **changes)


def test_what_was_found_is_a_row_of_its_own(bundle, run):
    tuned.write(bundle, [entry_of(bundle, knobs={"memory arena": "no"}, speed=(1.1, 1.0, 1.2))])
    quick = ("--rounds", "2", "--min-runs", "4", "--min-time", "0", "--accuracy-images", "20")
    done = run("edge_runtime", bundle, *quick, "--engine", "onnxruntime", "--output", "json")
    plain, other = json.loads(done.stdout)["rows"]
    assert (plain["knobs"], other["knobs"]) == ({}, {"memory arena": "no"})
    assert {plain["status"], other["status"]} == {"ok"}
    done = run("edge_runtime", bundle, *quick, "--engine", "onnxruntime")
    assert "onnx int8-dynamic, tuned" in done.stdout and "memory arena no" in done.stdout


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "0.1"},
        {"cpu": "another"},
        {"threads": 2},
        {"batch_size": 8},
        {"sha256": "0" * 64},
        {"knobs": {"memory arena": "sideways"}},
        {"knobs": {"no such setting": "yes"}},
    ],
)
def test_it_holds_for_what_it_was_found_with_alone(bundle, changes):
    wrong = entry_of(bundle, **{"knobs": {"memory arena": "no"}, **changes})
    tuned.write(bundle, [wrong])
    assert len(plan.make((bundle,), Settings(), ("onnxruntime",)).jobs) == 1


def test_an_entry_replaces_the_one_of_the_same_thing(bundle):
    tuned.write(bundle, [entry_of(bundle, knobs={"memory arena": "no"})])
    tuned.write(bundle, [entry_of(bundle, threads=2), entry_of(bundle)])
    first, second = tuned.read(bundle)
    assert (first.knobs, first.threads, second.threads) == ({}, 1, 2)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 9}', '{"schema": 1, "entries": [{}]}'])
def test_a_damaged_file_is_said(bundle, content):
    (bundle / tuned.FILE).write_text(content)
    with pytest.raises(BundleError, match=r"tuned\.json"):
        plan.make((bundle,), Settings(), ("onnxruntime",))


@pytest.mark.slow
def test_it_is_found_on_this_very_machine(bundle, run):
    """With real engines: whatever is fastest here, the command ends well and says so."""
    quick = ("--rounds", "2", "--min-runs", "4", "--min-time", "0", "--accuracy-images", "20")
    done = run("edge_runtime", bundle, *quick, "--engine", "onnxruntime", "--tune", "0.1")
    assert done.returncode == 0, done.stderr
    assert "onnx int8-dynamic: " in done.stderr
    assert "defaults" in done.stderr or "times as fast with" in done.stderr
    (entry,) = tuned.read(bundle)
    assert entry.engine == "onnxruntime"
