"""The experiments on edge-bench: each runs, and its claims are computed from what it records."""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_runtime.results import rules

pytest.importorskip("onnxruntime")
pytest.importorskip("scipy")
pytest.importorskip("tqdm")

REPOSITORY = Path(__file__).resolve().parent.parent
TRUST = REPOSITORY / "benchmarks" / "trust"
RECORDED = REPOSITORY / "benchmarks" / "results" / "trust"
TINY = {
    "harness": ["--pairs=2", "--calls=30", "--warm-up=10"],
    "false_alarms": ["--comparisons=2", "--rounds=2", "--planted=2", "--planted-rounds=3"],
    "regressions": ["--trials=1", "--rounds=2", "--min-runs=20", "--min-time=0"],
    "side_by_side": ["--trials=1", "--rounds=6", "--min-runs=20", "--min-time=0"],
    "kill_nine": ["--kills=2", "--rounds=2"],
    "footprint": ["--repeats=2", "--rounds=1", "--min-runs=20", "--min-time=0"],
}
TRIALS = {
    "harness": 2,
    "false_alarms": 4,
    "regressions": 2,
    "side_by_side": 2,
    "kill_nine": 2,
    "footprint": 3,
}
HEADER = {
    "tool": "edge-bench test",
    "started": "2026-01-01T00:00:00+00:00",
    "host": {"cpu": "CPU", "machine": "m", "cpus": 2, "system": "S", "kernel": "1", "python": "3"},
    "versions": {"onnxruntime": "1"},
    "artifacts": {"m.onnx": "0"},
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")


@pytest.fixture
def trust(monkeypatch):
    """Import one of the experiments' modules."""
    monkeypatch.syspath_prepend(str(TRUST))
    return importlib.import_module


def start(name, out, *arguments):
    command = [sys.executable, str(TRUST / f"{name}.py"), "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def record_of(name, out):
    return json.loads((out / f"{name}.json").read_text())


@pytest.mark.parametrize(
    "name",
    [
        "harness",
        "false_alarms",
        "regressions",
        "side_by_side",
        pytest.param("kill_nine", marks=linux),
        "footprint",
    ],
)
@pytest.mark.slow
def test_an_experiment_runs_and_its_record_can_be_drawn(name, trust, tmp_path):
    done = start(name, tmp_path, *TINY[name])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    record = record_of(name, tmp_path)
    assert len(record["trials"]) == TRIALS[name]
    assert record["settings"] and record["host"]["machine"] and record["artifacts"]
    assert "/" not in "".join(record["artifacts"])
    found = trust(name).claims(record)
    assert all(claim.text in done.stdout and claim.measured in done.stdout for claim in found)
    assert None not in [claim.holds for claim in found]
    assert trust(name).details(record)
    assert [trial.get("problems", []) for trial in record["trials"]] == [[]] * TRIALS[name]

    again = start(name, tmp_path, *TINY[name])
    assert again.stdout == done.stdout and record_of(name, tmp_path) == record


def test_an_experiment_goes_on_where_it_was_cut_off_and_never_with_other_settings(tmp_path):
    assert start("harness", tmp_path, *TINY["harness"]).returncode == 0
    whole = record_of("harness", tmp_path)
    cut = {**whole, "trials": whole["trials"][:1]}
    (tmp_path / "harness.json").write_text(json.dumps(cut))
    assert start("harness", tmp_path, *TINY["harness"]).returncode == 0
    found = record_of("harness", tmp_path)
    assert len(found["trials"]) == 2 and found["trials"][0] == whole["trials"][0]
    assert found["started"] == whole["started"]

    other = ["--pairs=1", "--calls=9"]
    refused = start("harness", tmp_path, *other)
    assert refused.returncode == 1 and "other settings" in refused.stderr
    assert record_of("harness", tmp_path) == found
    assert start("harness", tmp_path, *other, "--anew").returncode == 0
    assert len(record_of("harness", tmp_path)["trials"]) == 1


def simulated(settings, trials):
    return {**HEADER, "settings": settings, "trials": trials}


def pairs(own, overhead_ns=100, count=5):
    trial = {
        "edge_bench": {"samples_ns": [own], "calls_per_sample": 1, "overhead_ns": overhead_ns},
        "plain_loop": {"samples_ns": [1000]},
    }
    return simulated({"pairs": count, "calls": 1, "warm_up": 1}, [trial] * count)


@pytest.mark.parametrize(
    "own, overhead_ns, holds",
    [(1010, 100, [True, True]), (1050, 100, [False, True]), (1000, 1000, [True, False])],
)
def test_the_harness_is_judged_by_ratio_and_overhead(trust, own, overhead_ns, holds):
    found = trust("harness").claims(pairs(own, overhead_ns))
    assert [claim.holds for claim in found] == holds
    assert found[0].measured.startswith(f"{own / 1000:.3f} [")


def comparisons(speeds, planted=(), rounds=3):
    """A record of noiseless comparisons: the second row is so many times as fast."""
    trials = [
        {"slowed": slowed, "turn_median_ns": [[1000.0] * rounds, [1000.0 / s] * rounds]}
        for slowed, found in ((False, speeds), (True, planted))
        for s in found
    ]
    settings = {"comparisons": len(speeds), "planted": len(planted), "rounds": rounds}
    how = {"planted_rounds": rounds, "planted_factor": 1.05}
    return simulated({**settings, **how, "calls_a_turn": 1, "seconds_a_turn": 0}, trials)


@pytest.mark.parametrize("wrong, holds", [(0, True), (10, True), (40, False)])
def test_false_alarms_are_those_whose_interval_does_not_hold_1(trust, wrong, holds):
    module = trust("false_alarms")
    record = comparisons([1.0] * (200 - wrong) + [1.1, 0.9] * (wrong // 2), [0.95])
    assert module.alarms(record) == wrong
    claim = module.claims(record)[0]
    assert claim.holds is holds and f"{wrong} alarms in 200" in claim.measured


def test_a_planted_slow_down_counts_as_found_where_it_is_found_and_nothing_else_is(trust):
    module = trust("false_alarms")
    record = comparisons([1.0], [0.95, 0.95, 1.05, 1.0])
    assert module.found_after(record) == {2: 2, 3: 2}
    assert module.rounds_needed(record) is None
    assert module.claims(record)[1].holds is False
    fine = comparisons([1.0], [0.95] * 4 + [1.0])
    assert module.rounds_needed(fine) == 2 and module.claims(fine)[1].holds is True
    assert "0.950 in the middle run" in module.details(fine)[0]


def test_only_the_first_rounds_are_looked_at(trust):
    trial = {"turn_median_ns": [[1000.0, 1000, 1000, 10], [1050.0, 1050, 1050, 10000]]}
    assert trust("false_alarms").speed(trial, 3).high < 1
    assert trust("false_alarms").speed(trial).high > 1


def test_the_rounds_needed_are_those_from_which_on_it_is_always_found(trust, monkeypatch):
    module = trust("false_alarms")
    record = comparisons([], [0.95] * 30)
    found = {2: 0, 3: 24, 4: 10, 5: 24, 6: 30}
    monkeypatch.setattr(module, "found_after", lambda record: found)
    assert module.rounds_needed(record) == 5
    found[6] = 23
    assert module.rounds_needed(record) is None


def test_a_planted_slow_down_takes_as_long_as_it_says(trust):
    class Session:
        def run(self, batch):
            time.sleep(0.005)
            return batch

    slowed = trust("slowed_worker").SlowedSession(Session(), 3.0)
    started = time.perf_counter()
    assert slowed.run("batch") == "batch"
    assert time.perf_counter() - started >= 0.015


def comparisons_of_files(planted, same, asked=30):
    """A record of trials that ended with these exit codes."""
    trials = [
        {
            "slowed": slowed,
            "exit_code": code,
            **{
                f"turn_{figure}_ns": [[100.0, 101] * 3, [100.0 * f, 101 * f] * 3]
                for figure in ("median", "fastest")
            },
        }
        for slowed, f, codes in ((True, 1.1, planted), (False, 1.0, same))
        for code in codes
    ]
    settings = {"trials": asked, "rounds": 10, "min_runs": 700, "min_time_s": 3}
    return simulated(settings, trials)


@pytest.mark.parametrize(
    "planted, same, holds",
    [
        ([1] * 30, [0] * 30, [True, True]),
        ([1] * 28 + [0, 3], [0] * 29 + [1], [True, True]),
        ([1] * 27 + [3] * 3, [0] * 27 + [3] * 3, [False, True]),
        ([1] * 30, [0] * 28 + [1] * 2, [True, False]),
        ([1] * 29, [0] * 30, [None, True]),
    ],
)
@pytest.mark.parametrize("name", ["regressions", "side_by_side"])
def test_regressions_are_judged_by_what_the_command_ended_with(trust, name, planted, same, holds):
    module, record = trust(name), comparisons_of_files(planted, same)
    assert [claim.holds for claim in module.claims(record)] == holds
    assert "| 10.0 | 10.0 | 10.0 |" in module.details(record)[-1]


def trial(phase, ratio, status, reasons, lost=(), models=("m",)):
    """A run in which INT8 is so many times as fast as FP32; rows of ``lost`` lost their time."""
    rows = [
        {
            "model": model,
            "precision": name,
            "turn_median_ns": [n, n * 1.01],
            "verdict": {"status": status},
            "lost_time": name in lost,
        }
        for model in models
        for name, n in (("fp32", 1000.0), ("int8-static", 1000.0 / ratio))
    ]
    verdict = {"status": status, "reasons": list(reasons)}
    return {"phase": phase, "rows": rows, "verdict": verdict}


OTHERS = "others: other processes used 2.0 CPUs"


def runs(busy_ratio, status="SUSPECT", reason=OTHERS, quiet=(), lost=()):
    settings = {"busy_processes": 3, "rounds": 2, "min_runs": 1, "min_time_s": 0}
    before = trial("quiet", 3.0, "VALID", quiet)
    loaded = trial("busy", busy_ratio, status, [reason], lost)
    return simulated(settings, [before, loaded, {**before, "phase": "quiet again"}])


@pytest.mark.parametrize(
    "changes, holds",
    [
        ({"busy_ratio": 3.0}, [True, True]),
        ({"busy_ratio": 2.0}, [True, False]),
        ({"busy_ratio": 2.0, "lost": ["fp32"]}, [True, True]),
        ({"busy_ratio": 2.0, "lost": ["int8-static"]}, [True, True]),
        ({"busy_ratio": 3.0, "status": "VALID", "reason": ""}, [False, True]),
        ({"busy_ratio": 3.0, "reason": "still changing after the warm-up"}, [False, True]),
        ({"busy_ratio": 3.0, "quiet": ["other processes used 1.0 CPUs"]}, [None, None]),
    ],
)
def test_a_busy_machine_is_judged_by_verdict_and_ratio(trust, changes, holds):
    record = runs(**changes)
    assert [claim.holds for claim in trust("busy_machine").claims(record)] == holds
    assert "int8-static" in "\n".join(trust("busy_machine").details(record))


def test_a_record_of_before_lost_time_was_told_shows_every_ratio(trust):
    record = runs(2.0, lost=["fp32"])
    for one in record["trials"]:
        for row in one["rows"]:
            row.pop("lost_time", None)
    assert [claim.holds for claim in trust("busy_machine").claims(record)] == [True, False]


def ratios(wrong=0, hidden=0, count=20, quiet=(), taken=None, lost_when_quiet=()):
    """A record of busy runs: in so many the ratio is wrong, in so many it is not shown."""
    models = ("fast", "middle", "slow")
    loaded = [trial("busy", 6.0, "SUSPECT", [], (), models)] * wrong
    loaded += [trial("busy", 6.0, "INVALID", [], ["fp32"], models)] * hidden
    loaded += [trial("busy", 3.0, "SUSPECT", [], (), models)] * (count - wrong - hidden)
    first = trial("quiet", 3.0, "VALID", quiet, lost_when_quiet, models)
    numbers = {"rounds": 3, "quiet_rounds": 10, "min_runs": 10, "min_time_s": 0.3}
    settings = {"runs": count, "busy_processes": 3, **numbers}
    return simulated(settings, [first, *loaded[:taken]])


@pytest.mark.parametrize(
    "changes, holds, said",
    [
        ({}, True, "0.2 ms: 20 of 20, 0 not shown"),
        ({"hidden": 20}, True, "10 ms: 20 of 20, 20 not shown"),
        ({"wrong": 2, "hidden": 10}, True, "2 ms: 18 of 20, 10 not shown"),
        ({"wrong": 3, "hidden": 17}, False, "2 ms: 17 of 20"),
        ({"taken": 19}, None, "19 of 20 runs taken"),
        ({"quiet": ["other processes used 1.0 CPUs"]}, None, "was not quiet"),
        ({"lost_when_quiet": ["fp32"]}, None, "fast has no ratio on the quiet machine"),
        ({"hidden": 20, "lost_when_quiet": ["fp32"]}, True, "20 not shown (quiet not shown)"),
        ({"hidden": 20, "quiet": ["other processes used 1.0 CPUs"]}, True, "20 of 20"),
    ],
)
def test_ratios_on_a_busy_machine_are_judged_by_how_many_are_wrong(trust, changes, holds, said):
    module, record = trust("busy_ratios"), ratios(**changes)
    (claim,) = module.claims(record)
    assert claim.holds is holds and said in claim.measured
    assert all(name in "\n".join(module.details(record)) for name in module.NETWORKS)


def test_a_ratio_that_is_shown_is_drawn(trust):
    module = trust("busy_ratios")
    drawn = module.details(ratios(wrong=1, hidden=19))
    assert "| slow | 1 | 3.00 [3.00, 3.00] | 1 of 20 | 6.00 [6.00, 6.00] |" in drawn


@pytest.mark.slow
@linux
def test_the_ratios_are_measured_on_a_quiet_and_on_a_busy_machine(trust, tmp_path):
    pytest.importorskip("torch")
    tiny = ["--runs=1", "--rounds=2", "--quiet-rounds=2", "--min-runs=2", "--min-time=0"]
    done = start("busy_ratios", tmp_path, *tiny)
    assert done.returncode == 0, done.stderr
    record = record_of("busy_ratios", tmp_path)
    assert [trial["phase"] for trial in record["trials"]] == ["quiet", "busy"]
    assert len(record["trials"][0]["rows"]) == len(record["artifacts"]) == 6
    (claim,) = trust("busy_ratios").claims(record)
    assert claim.measured in done.stdout


def test_causes_are_looked_for_as_the_rules_word_them(trust):
    source = Path(rules.__file__).read_text()
    assert all(cause in source for cause in trust("busy_machine").CAUSES)


def test_busy_processes_are_there_within_the_block_alone(trust):
    with trust("busy_machine").busy(2) as pids:
        assert len(pids) == 2 and not any(os.waitpid(pid, os.WNOHANG)[0] for pid in pids)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


EXITS = "held = b'x' * 500_000_000\nprint(flush=True)\nimport os\nos._exit(0)"


@linux
def test_a_process_that_is_exiting_already_is_not_one_to_kill(trust):
    processes = trust("processes")
    with subprocess.Popen([sys.executable, "-c", EXITS], stdout=subprocess.PIPE) as process:
        assert processes.running(process.pid) == process.pid
        process.stdout.readline()
        while processes.running(process.pid):
            pass
        still_there = any(one.pid == process.pid for one in processes.alive())
        process.kill()
        code = process.wait()
    assert code == 0 and still_there


def kills(**changes):
    fine = {"after_s": 1.0, "turns": 2, "leftovers": 0, "problems": []}
    parent = {**fine, "killed": "parent", "child_gone_s": 0.01, **changes}
    trials = [parent, {**fine, "killed": "child"}]
    return simulated({"kills": 2, "rounds": 4}, trials)


@pytest.mark.parametrize(
    "changes, holds",
    [
        ({}, [True, True]),
        ({"problems": ["unreadable: it is damaged"]}, [False, True]),
        ({"child_gone_s": 0.5}, [True, False]),
        ({"child_gone_s": None}, [True, False]),
    ],
)
def test_kills_are_judged_by_what_they_left(trust, changes, holds):
    found = trust("kill_nine").claims(kills(**changes))
    assert [claim.holds for claim in found] == holds
    assert all(text in found[0].measured for text in changes.get("problems", []))
    assert trust("kill_nine").details(kills(**changes))


def footprints(help_s=0.1, peak_mb=20.0):
    starts = [{"help": round(help_s * 1e9), "interpreter": 10**7}] * 3
    settings = {"repeats": 3, "rounds": 10, "min_runs": 700, "min_time_s": 3}
    return simulated(settings, [*starts, {"parent_peak_bytes": round(peak_mb * 2**20)}])


@pytest.mark.parametrize(
    "changes, holds",
    [({}, [True, True]), ({"help_s": 0.21}, [False, True]), ({"peak_mb": 40.5}, [True, False])],
)
def test_footprints_are_judged_by_their_limits(trust, changes, holds):
    found = trust("footprint").claims(footprints(**changes))
    assert [claim.holds for claim in found] == holds


def test_the_exact_interval_is_clopper_and_pearsons(trust):
    found = trust("experiment").clopper_pearson(0, 200)
    assert found.low == found.value == 0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 200))


def test_what_does_not_hold_is_drawn_as_such_and_what_is_missing_as_missing(trust, tmp_path):
    (tmp_path / "harness.json").write_text(json.dumps(pairs(1100)))
    unfinished = {**footprints(), "trials": footprints()["trials"][:2]}
    (tmp_path / "footprint.json").write_text(json.dumps(unfinished))
    done = start("report", tmp_path)
    assert done.returncode == 0, done.stderr
    report = trust("report")
    rows = report.table(report.read(tmp_path))
    assert (tmp_path / "trust.md").read_text().strip() == done.stdout.strip()
    assert "\n".join(rows) in done.stdout
    ends = [row.rsplit("| ", 1)[1] for row in rows[2:]]
    assert ends == ["**no** |", "yes |", *["– |"] * 13, "yes |"]
    assert sum("not measured yet" in row for row in rows) == 11
    assert "64 for p90, 662 for p99" in rows[-1]


def test_the_kept_report_and_readme_are_drawn_from_the_kept_records(trust):
    if not (RECORDED / "trust.md").exists():
        pytest.skip("benchmarks/results/trust is not recorded yet")
    report = trust("report")
    records = report.read(RECORDED)
    assert (RECORDED / "trust.md").read_text() == report.markdown(records)
    assert report.readme_block(records) in (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize(
    "name, promised",
    [
        ("harness", {"pairs": 20}),
        ("false_alarms", {"comparisons": 200, "planted": 30}),
        ("regressions", {"trials": 30}),
        ("side_by_side", {"trials": 30}),
        ("kill_nine", {"kills": 100}),
        ("footprint", {"rounds": 10, "repeats": 20}),
        ("busy_machine", {"rounds": 10}),
        ("busy_ratios", {"runs": 20}),
    ],
)
def test_the_kept_records_are_as_large_as_was_promised(name, promised):
    if not (RECORDED / f"{name}.json").exists():
        pytest.skip(f"benchmarks/results/trust/{name}.json is not recorded yet")
    settings = record_of(name, RECORDED)["settings"]
    assert all(settings[key] >= count for key, count in promised.items())
