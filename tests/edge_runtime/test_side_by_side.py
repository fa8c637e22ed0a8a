"""Bundles measured in one run, and held to how much slower the later ones may be."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.results import budgets, rules, side_by_side, verdict
from edge_runtime.results.budget import Budget
from edge_runtime.results.limits import CANNOT_TELL, Outcome, exit_code, slow_down_percent
from edge_runtime.results.rows import Status
from edge_runtime.results.statistics import Estimate

QUICK = ("--rounds", "6", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "1")


def checks(results, *rows, limit=5.0, **settings):
    """What comes of a run of these rows, each named by its bundle."""
    budget = Budget(slower_percent=limit)
    how = replace(results.settings, budget=budget, **settings)
    return [*side_by_side.check_bundles(replace(results, rows=rows, settings=how))]


def in_turns(results, seed, factor, noise=0.10, spread=0.01, rounds=10):
    """Two rows whose rounds share most of their noise, as neighbours in time do."""
    draw = random.Random(seed)
    row = results.rows[2]

    def turn(number, fastest):
        # What else ran adds to all calls but the fastest, in two of three turns.
        other = draw.choice((0, 10**6, 10**7))
        samples = (round(fastest), *(round(fastest) + other * n for n in range(1, 9)))
        return replace(row.turns[0], round=number + 1, samples_ns=samples)

    levels = [1e6 * draw.lognormvariate(0, noise) for _ in range(rounds)]
    return [
        replace(
            row,
            bundle=name,
            turns=tuple(turn(n, by * v * draw.lognormvariate(0, spread))
                        for n, v in enumerate(levels)),
        )
        for name, by in (("before", 1.0), ("after", factor))
    ]  # fmt: skip


def ends(results, factor):
    return [exit_code(checks(results, *in_turns(results, seed, factor))) for seed in range(30)]


def test_noise_that_both_share_hides_no_slow_down(results):
    """Levels of the rounds spread by 10 %: two runs one after the other could not be told apart."""
    assert ends(results, 1.10) == [1] * 30
    assert ends(results, 1.00) == [0] * 30
    assert ends(results, 1.05).count(CANNOT_TELL) >= 25


def test_each_row_of_each_later_bundle_is_held_to_the_first_ones(results):
    first = [replace(row, turns=in_turns(results, 1, 1.0)[0].turns) for row in results.rows[:4]]
    second, third = (
        [replace(row, bundle=name) for row in first if row.precision != missing]
        for name, missing in (("c", ""), ("d", "int8-dynamic"))
    )
    found = checks(results, *first, *second, *third)
    assert [(one.row, one.outcome.value) for one in found] == [
        ("c torchscript fp32", "kept"),
        ("d torchscript fp32", "kept"),
        ("c torchscript int8-dynamic", "kept"),
        ("d torchscript int8-dynamic", "cannot tell"),
        ("c onnx fp32", "kept"),
        ("d onnx fp32", "kept"),
        ("c onnx int8-dynamic", "kept"),
        ("d onnx int8-dynamic", "cannot tell"),
    ]
    assert found[3].text.endswith("at most 5 %: this bundle has no such row.")


def test_tuned_rows_are_held_to_tuned_ones(results):
    plain, other = in_turns(results, 1, 1.0)
    tuned = replace(in_turns(results, 2, 1.0)[0], knobs={"a": "1"})
    slow = replace(in_turns(results, 2, 2.0)[1], knobs={"a": "2"})
    found = checks(results, plain, tuned, other, slow)
    assert [(one.row, one.outcome) for one in found] == [
        ("after onnx fp32", Outcome.KEPT),
        ("after onnx fp32, tuned", Outcome.BROKEN),
    ]


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"turns": ()}, "crashed: it ended"),
        ({"status": Status.MISMATCHED}, "mismatched: it ended"),
    ],
)
def test_a_row_that_did_not_end_well_cannot_be_told(results, changes, told):
    before, after = in_turns(results, 1, 1.0)
    bad = replace(after, **{"status": Status.CRASHED, "message": "it ended.", **changes})
    (check,) = checks(results, before, bad)
    assert check.outcome is Outcome.CANNOT_TELL and check.text.endswith(f"5 %: {told}.")


def test_rows_that_lost_time_are_compared_and_an_emulated_cpus_are_not(results, monkeypatch):
    rows = in_turns(results, 1, 1.1)
    lost = rules.Reason(rules.Grade.INVALID, "clock", "it took longer", 1.0)
    monkeypatch.setattr(verdict, "RULES", (lambda row, run: [lost],))
    run = replace(results, rows=tuple(rows))
    judged = verdict.judge(run)
    assert judged.speed(rows[1], rows[0]) is None
    budget = Budget(slower_percent=5.0)
    run = replace(run, settings=replace(run.settings, budget=budget))
    (check,) = budgets.check_rows(run, judged)
    assert check.outcome is Outcome.BROKEN
    (check,) = checks(results, *rows, emulated=True)
    assert check.outcome is Outcome.CANNOT_TELL and "the CPU is emulated" in check.text


def test_few_rounds_give_no_interval(results):
    (check,) = checks(results, *in_turns(results, 1, 2.0, rounds=5))
    assert check.outcome is Outcome.CANNOT_TELL
    assert check.text.endswith("5 of the 6 rounds that give an interval; measure with --rounds 10.")


def test_where_no_row_of_the_first_bundle_ran_nothing_can_be_told(results):
    before, after = in_turns(results, 1, 1.0)
    gone = replace(before, status=Status.ENGINE_MISSING, turns=(), message="pip install it.")
    (check,) = checks(results, gone, after)
    assert check.outcome is Outcome.CANNOT_TELL
    assert (
        check.text == "after: cannot tell whether slow-down is at most 5 %: no row of before ran."
    )


def test_a_run_of_one_bundle_and_one_without_rows_are_held_to_nothing(results):
    assert checks(results, results.rows[2]) == checks(results) == []
    assert checks(results, *in_turns(results, 1, 2.0), limit=None) == []


@given(st.floats(0.1, 10), st.floats(0.5, 1), st.floats(1, 2))
def test_a_slow_down_is_the_speed_turned_round(value, below, above):
    found = slow_down_percent(Estimate(value, value * below, value * above))
    assert found.low <= found.value <= found.high
    assert (1 + found.value / 100) * value == pytest.approx(1)
    assert (1 + found.low / 100) * value * above == pytest.approx(1)


def test_two_bundles_of_a_run_are_held_to_the_limit(run, bundle, tmp_path):
    """With real engines: a bundle beside itself is not ten times as slow."""
    out = tmp_path / "both.json"
    both = (bundle, bundle, *QUICK, "--json", out)
    done = run("edge_runtime", *both, "--budget", "slower=900%", "--output", "github")
    assert done.returncode == 0, done.stderr
    assert f"passed: {bundle.name}#2 onnx int8-dynamic: slow-down\n" in done.stdout
    (check,) = json.loads(out.read_text())["budget"]
    assert check["outcome"] == "kept" and check["low"] < check["value"] < check["high"] < 900


@pytest.mark.parametrize(
    "limit, code", [("slower=30%", 0), ("slower=5%", 1), ("slower=20%,size=1GB", CANNOT_TELL)]
)
def test_report_ends_with_what_the_interval_decides(run, kept, results, limit, code):
    settings = replace(results.settings, rounds=10)
    path = kept("both.json", rows=in_turns(results, 1, 1.2), settings=settings)
    done = run("edge_runtime", "report", path, "--budget", limit)
    assert done.returncode == code
    assert done.stderr.count("after onnx fp32: ") == bool(code)
    assert "slow-down" in done.stdout


def test_a_limit_between_bundles_needs_two(run, bundle, kept):
    for command in ((bundle,), ("report", kept("r.json"))):
        done = run("edge_runtime", *command, "--budget", "slower=5%")
        assert done.returncode == 2
        assert "--budget slower=5% compares bundles, and only " in done.stderr
        assert "edge-bench BEFORE AFTER" in done.stderr and not done.stdout
