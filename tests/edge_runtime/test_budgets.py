"""Budgets and regressions: decided by whole intervals, said in a sentence, with an exit code."""

import json
import random
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_runtime import report
from edge_runtime.errors import UsageError
from edge_runtime.results import budgets, comparison, document, limits, regressions, verdict
from edge_runtime.results.budget import Budget
from edge_runtime.results.energy import Energy, Window
from edge_runtime.results.limits import Outcome, hold
from edge_runtime.results.rows import Status
from edge_runtime.results.statistics import Estimate, pooled_percentile, proportion

GOLDEN = Path(__file__).parent / "golden"
LIMITS = Budget(p50_ms=1.5, p99_ms=4.5, peak_bytes=64 * 2**20, top1_percent=85, size_bytes=10**6)
positive = st.floats(1e-3, 1e6)


@st.composite
def estimates(draw):
    low, value, high = sorted(draw(st.tuples(positive, positive, positive)))
    return Estimate(value, low, high)


@given(estimates(), positive)
def test_a_limit_is_broken_or_kept_only_by_the_whole_interval(figure, limit):
    outcome = hold(figure, limit)
    assert (outcome is Outcome.BROKEN) == (figure.low > limit)
    assert (outcome is Outcome.KEPT) == (figure.high <= limit)
    assert (outcome is Outcome.CANNOT_TELL) == (figure.low <= limit < figure.high)


@given(estimates(), positive)
def test_the_least_that_is_allowed_is_judged_the_other_way_round(figure, limit):
    assume(limit not in (figure.low, figure.high))
    most, least = hold(figure, limit), hold(figure, limit, least=True)
    turned = {Outcome.BROKEN: Outcome.KEPT, Outcome.KEPT: Outcome.BROKEN}
    assert least is turned.get(most, Outcome.CANNOT_TELL)


@given(positive)
def test_a_figure_that_equals_its_limit_keeps_it(limit):
    exact = Estimate(limit, limit, limit)
    assert hold(exact, limit) is hold(exact, limit, least=True) is Outcome.KEPT


@given(st.lists(st.sampled_from(Outcome)))
def test_the_worst_outcome_gives_the_exit_code(outcomes):
    checks = [limits.Check("r", "n", 1, "u", None, outcome, "") for outcome in outcomes]
    expected = 1 if Outcome.BROKEN in outcomes else 3 if Outcome.CANNOT_TELL in outcomes else 0
    assert limits.exit_code(checks) == expected


def held(results, budget=LIMITS):
    """What came of a budget, by row and name."""
    results = replace(results, settings=replace(results.settings, budget=budget))
    found = budgets.check_rows(results, verdict.judge(results))
    return {(check.row, check.name): check for check in found}


def outcomes(results, row, **budget):
    return [one.outcome.value for (name, _), one in held(results, Budget(**budget)).items()
            if name == row]  # fmt: skip


def test_every_row_is_held_to_every_limit(results):
    found = held(results)
    assert len(found) == 5 * 5
    assert found["onnx int8-dynamic", "p50"].outcome is Outcome.KEPT
    assert found["torchscript fp32", "p50"].text == (
        "torchscript fp32: p50 4 [3.886, 4.117] ms has to be at most 1.5 ms."
    )
    assert (
        found["onnx fp32", "size"].text == "onnx fp32: size 0.9766 MB has to be at most 0.9537 MB."
    )
    assert found["onnx fp32", "peak"].text.endswith("peak 72 MB has to be at most 64 MB.")
    top1 = found["onnx fp32", "top1"]
    assert top1.outcome is Outcome.KEPT and top1.figure == proportion(450, 500).scaled(100)


def test_an_unknown_figure_cannot_be_told_and_says_why(results):
    found = held(results)
    few = found["onnx int8-dynamic", "p99"]
    assert few.outcome is Outcome.CANNOT_TELL and "12 samples of the 662 it takes" in few.text
    for name in ("p50", "p99", "peak", "top1", "size"):
        corrupt = found["onnx int8-static", name]
        assert corrupt.outcome is Outcome.CANNOT_TELL
        assert "corrupt, 9 bytes where the manifest says 99" in corrupt.text
    energy = held(results, Budget(energy_mj=3))["onnx fp32", "energy"]
    assert energy.text.endswith("energy was not measured; measure with --energy.")


def test_one_round_gives_no_interval(results):
    one = replace(results, rows=tuple(replace(r, turns=r.turns[:1]) for r in results.rows))
    assert outcomes(one, "onnx fp32", p50_ms=1, peak_bytes=1, size_bytes=1) == [
        *("cannot tell", "cannot tell"),
        "broken",
    ]


def test_a_disturbed_machine_says_nothing_of_time_and_memory_but_of_size_and_answers(results):
    emulated = replace(results, settings=replace(results.settings, emulated=True))
    budget = {"p50_ms": 1, "peak_bytes": 1, "top1_percent": 99, "size_bytes": 1}
    assert outcomes(emulated, "onnx fp32", **budget) == [
        *("cannot tell", "cannot tell"),
        *("broken", "broken"),
    ]
    told = held(emulated, Budget(p50_ms=1))["onnx fp32", "p50"].text
    assert "the verdict is INVALID: the CPU is emulated" in told


def test_a_row_without_its_engine_is_left_out_as_in_the_verdict(results):
    missing = {"status": Status.ENGINE_MISSING, "turns": (), "message": "pip install it"}
    first, *others = results.rows
    assert ("torchscript fp32", "size") not in held(
        replace(results, rows=(replace(first, **missing), *others))
    )
    alone = held(replace(results, rows=(replace(first, **missing),)))
    assert all(one.outcome is Outcome.CANNOT_TELL for one in alone.values()) and len(alone) == 5


def energy(*mj):
    """What was measured in windows of 1,000 calls that took so many mJ each."""
    windows = tuple(Window(1000, 10**10, one, 0.0, 0.0, 200, 1.0) for one in mj)
    return Energy("RAPL", "package", 20.0, windows, "" if mj else "no RAPL counter")


@pytest.mark.parametrize(
    "known, limit, outcome",
    [(True, 3, "kept"), (True, 2, "cannot tell"), (True, 1, "broken"), (False, 3, "cannot tell")],
)
def test_energy_is_what_the_row_says_of_it(results, known, limit, outcome):
    measured = energy(1.96, 2.0, 2.04) if known else energy()
    row = replace(results.rows[2], energy=measured)
    judged = verdict.judge(results)
    settings = replace(results.settings, budget=Budget(energy_mj=limit))
    checks = budgets.check_rows(replace(results, rows=(row,), settings=settings), judged)
    assert [check.outcome.value for check in checks] == [outcome]
    assert known or "no RAPL counter" in checks[0].text


def test_more_than_all_answers_cannot_be_asked_for():
    with pytest.raises(UsageError, match="Give at most 100%"):
        Budget(top1_percent=120)


@pytest.mark.parametrize("percent", [50, 95])
def test_the_interval_of_a_percentile_holds_the_true_one_as_often_as_it_says(percent):
    """Rounds that differ from each other, and in each a tail of slow calls."""
    draw = random.Random(1)

    def rounds(count, samples):
        return [
            [
                draw.lognormvariate(level, 0.05) * (1.5 if draw.random() < 0.03 else 1)
                for _ in range(samples)
            ]
            for level in (draw.gauss(0, 0.02) for _ in range(count))
        ]

    many = sorted(sample for one in rounds(3000, 20) for sample in one)
    truth = many[len(many) * percent // 100]
    found = [pooled_percentile(rounds(10, 70), percent) for _ in range(100)]
    assert sum(one.low <= truth <= one.high for one in found) >= 85
    assert sum(one.high / one.low < 1.3 for one in found) >= 85


@given(
    st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=9), min_size=2, max_size=5),
    st.integers(1, 100),
)
def test_the_interval_of_a_percentile_scales_and_holds_it(rounds, factor):
    one = pooled_percentile(rounds, 95)
    assert one.low <= one.value * (1 + 1e-9) and one.value <= one.high * (1 + 1e-9)
    many = pooled_percentile([[s * factor for s in samples] for samples in rounds], 95)
    assert many.value == pytest.approx(one.value * factor)
    assert many.low == pytest.approx(one.low * factor, rel=1e-6)


@pytest.mark.parametrize("output", ["junit", "github", "table", "markdown"])
def test_a_budget_is_drawn_as_it_was_read_and_approved(results, output):
    with_budget = replace(results, settings=replace(results.settings, budget=LIMITS))
    drawn = report.render(with_budget, output)
    approved = (GOLDEN / f"budget-{output}.txt").read_text()
    assert drawn + "\n" == approved


def test_junit_counts_what_it_holds(results):
    with_budget = replace(results, settings=replace(results.settings, budget=LIMITS))
    root = ElementTree.fromstring(report.render(with_budget, "junit"))
    (suite,) = root
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == 5 + 25
    for name, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(suite.get(plural)) == len(suite.findall(f"testcase/{name}"))
    assert int(suite.get("failures")) > 1 and int(suite.get("errors")) > 1


HOSTILE = '\x1b[31m%\n::error::<&"]]>\ufffe\x00, a:b'


def test_hostile_text_is_neither_markup_nor_a_command(results):
    rows = (replace(results.rows[0], status=Status.CRASHED, message=HOSTILE, format=HOSTILE),)
    bad = replace(results, rows=rows)
    root = ElementTree.fromstring(report.render(bad, "junit"))
    assert "::error::<&" in root.find("*/testcase/failure").get("message")
    lines = report.render(bad, "github").splitlines()
    assert [line.split(" title=")[0] for line in lines] == ["::error", "::warning"]
    title, message = lines[0].removeprefix("::error title=").split("::", 1)
    assert ":" not in title and "," not in title and "%25" in message
    assert "%" not in message.replace("%25", "")
    passed = report.render(replace(bad, rows=(replace(rows[0], status=Status.OK),)), "github")
    assert passed.splitlines()[0].startswith("passed: ")


def test_report_ends_with_what_the_intervals_decide(run, kept, results):
    path = kept("r.json", rows=results.rows[:4])
    for budget, code in (
        ("p50=5ms,size=1MB,top1=80%", 0),
        ("p50=4ms", 3),
        ("p50=5ms,p95=1s", 3),  # of 12 samples there is no p95
        ("p50=2.5ms", 1),
        ("size=999KB,p95=1s", 1),
        ("peak=71MB", 1),
        ("peak=72MB", 0),
        ("energy=1mJ", 3),
    ):
        done = run("edge_runtime", "report", path, "--budget", budget)
        assert done.returncode == code, (budget, done.stderr)
        assert bool(done.stderr) == bool(code)
        assert ("has to be" in done.stderr) == (code == 1)
        assert ("cannot tell whether" in done.stderr) == ("p95" in budget or code == 3)


@pytest.mark.parametrize(
    "budget, told",
    [
        ("p59=5ms", "Did you mean 'p99'"),
        ("p95=5", "is not a number above 0 with a unit (us, µs, ms, s)"),
        ("top1=85", "with a unit (%)"),
        ("p95", "needs one limit"),
        ("p95=1ms,p95=2ms", "needs one limit"),
        ("", "has no limit here"),
        ("top1=101%", "Give at most 100%"),
    ],
)
def test_what_is_no_budget_is_refused(run, kept, budget, told):
    done = run("edge_runtime", "report", kept("r.json"), "--budget", budget)
    assert done.returncode == 2 and told in done.stderr


def test_a_run_keeps_its_budget_and_what_came_of_it(run, bundle, tmp_path):
    quick = ("--rounds", "2", "--min-runs", "6", "--min-time", "0")
    out = tmp_path / "r.json"
    budget = ("--budget", "size=1MB,top1=50%", "--commit", "abc123")
    done = run("edge_runtime", bundle, *quick, *budget, "--json", out, "--output", "github")
    assert done.returncode == 1
    assert "size 2.926 MB has to be at most 1 MB." in done.stderr
    assert "::error title=onnx int8-dynamic%3A size::onnx int8-dynamic: size" in done.stdout
    assert "passed: onnx int8-dynamic: top1" in done.stdout
    content = json.loads(out.read_text())
    assert content["settings"]["commit"] == "abc123"
    found = {check["limited"]: check for check in content["budget"]}
    assert found["size"]["outcome"] == "broken" and found["top1"]["outcome"] == "kept"
    assert found["size"]["limit"] == 1 and found["size"]["low"] == found["size"]["high"]
    again = run("edge_runtime", "report", out)
    assert again.returncode == 0 and "broken" in again.stdout  # its own command asks for nothing
    other = run("edge_runtime", "report", out, "--budget", "size=3MB")
    assert other.returncode == 0 and "broken" not in other.stdout


def test_a_run_goes_on_with_another_budget_and_not_with_another_commit(run, bundle, tmp_path):
    quick = ("--rounds", "1", "--min-runs", "1", "--min-time", "0", "--accuracy-images", "1")
    out = ("--json", tmp_path / "r.json", "--resume")
    assert run("edge_runtime", bundle, *quick, *out, "--budget", "size=1GB").returncode == 0
    assert run("edge_runtime", bundle, *quick, *out, "--budget", "size=1KB").returncode == 1
    done = run("edge_runtime", bundle, *quick, *out, "--commit", "other")
    assert done.returncode == 2 and "another commit (, now other)" in done.stderr


def test_a_commit_comes_from_githubs_environment(run, bundle, tmp_path):
    quick = ("--rounds", "1", "--min-runs", "1", "--min-time", "0", "--accuracy-images", "1")
    out = tmp_path / "r.json"
    run("edge_runtime", bundle, *quick, "--json", out, env={"GITHUB_SHA": "f00"})
    assert document.read(out).settings.commit == "f00"


def noisy(results, seed, factor, drift=0.01, spread=0.01, rounds=10):
    """Rows of one file's run: the run drifts as a whole, and its rounds spread."""
    draw = random.Random(seed)
    level = factor * draw.lognormvariate(0, drift)
    turn = results.rows[2].turns[0]

    def samples():
        median = round(1e6 * level * draw.lognormvariate(0, spread))
        return (median - 500, median, median + 500)

    turns = tuple(replace(turn, round=n + 1, samples_ns=samples()) for n in range(rounds))
    return (replace(results.rows[2], turns=turns),)


def tripped(results, kept, factor):
    codes = []
    for seed in range(30):
        settings = replace(results.settings, rounds=10)
        files = [
            kept(f"{name}.json", rows=noisy(results, f"{name}{seed}", by), settings=settings)
            for name, by in (("before", 1.0), ("after", factor))
        ]
        found = regressions.check_pairs(comparison.of(files), 5.0)
        codes.append(limits.exit_code(found))
    return codes


def test_ten_percent_slower_trips_a_limit_of_five_and_the_same_does_not(results, kept):
    assert tripped(results, kept, 1.10).count(1) >= 28
    assert tripped(results, kept, 1.0).count(1) <= 1
    assert tripped(results, kept, 1.05).count(3) >= 10  # at the limit it often cannot be told


def test_the_slow_down_is_the_interval_of_the_ratio_turned_round(results, kept):
    rows = noisy(results, 1, 1.0), noisy(results, 2, 1.2)
    settings = replace(results.settings, rounds=10)
    files = [kept(f"{n}.json", rows=r, settings=settings) for n, r in enumerate(rows)]
    found = comparison.of(files)
    (check,) = regressions.check_pairs(found, 5.0)
    speed = found.pairs[0].speed
    expected = [100 * (1 / side - 1) for side in (speed.value, speed.high, speed.low)]
    assert [check.figure.value, check.figure.low, check.figure.high] == pytest.approx(expected)
    assert check.outcome is Outcome.BROKEN and "has to be at most 5 %" in check.text


def slower(results, factor):
    return tuple(
        replace(
            row,
            turns=tuple(
                replace(t, samples_ns=tuple(s * factor for s in t.samples_ns)) for t in row.turns
            ),
        )
        for row in results.rows
    )


def test_compare_says_what_became_slower_in_every_output(run, kept, results):
    files = [kept("before.json"), kept("after.json", rows=slower(results, 2))]
    fail_if = ("--fail-if", "slower=5%")
    assert run("edge_runtime", "compare", *files).returncode == 0
    for output in ("table", "markdown", "csv", "json", "junit", "github"):
        done = run("edge_runtime", "compare", *files, *fail_if, "--output", output)
        assert done.returncode == 1
        assert done.stderr.count("has to be at most 5 %") == 4
        if output == "json":
            checks = json.loads(done.stdout)["checks"]
            assert [check["outcome"] for check in checks] == ["broken"] * 4
        elif output == "junit":
            assert ElementTree.fromstring(done.stdout).get("failures") == "4"
        elif output == "github":
            assert done.stdout.count("::error title=") == 4
        elif output != "csv":
            assert done.stdout.count("broken") == 4
    assert run("edge_runtime", "compare", *files[::-1], *fail_if).returncode == 0


def test_compare_says_what_cannot_be_told(run, kept, results):
    first = kept("before.json")
    one_round = tuple(replace(row, turns=row.turns[:1]) for row in results.rows)
    gone = results.rows[:3]
    for rows, count in ((one_round, 4), (gone, 1)):
        done = run("edge_runtime", "compare", first, kept("b.json", rows=rows),
                   "--fail-if", "slower=50%")  # fmt: skip
        assert done.returncode == 3
        assert done.stderr.count("cannot tell whether slow-down is at most 50 %") == count
    assert "b.json has no such row that ran" in done.stderr


def test_the_outputs_for_ci_need_a_limit(run, kept):
    files = [kept("before.json"), kept("after.json")]
    done = run("edge_runtime", "compare", *files, "--output", "junit")
    assert done.returncode == 2 and "Give --fail-if slower=5%" in done.stderr
