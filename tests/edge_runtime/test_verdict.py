"""Verdicts: every rule at its threshold and on both sides of it, and what a run's verdict says."""

import json
import os
import re
from dataclasses import replace

import pytest

from edge_runtime.probes.host import Host
from edge_runtime.probes.state import State
from edge_runtime.probes.throttle import Firmware
from edge_runtime.results import verdict
from edge_runtime.results.rows import Results, Row, Status
from edge_runtime.results.settings import Settings
from edge_runtime.results.turns import Memory, Turn
from edge_runtime.results.verdict import Grade

QUICK = ("--rounds", "2", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "10")
HOST = Host(cpus=4, ticks_per_s=100)
VALID, SUSPECT, INVALID = Grade

# A second in which nothing happened, by reading: its values before and after.
CALM = {
    "governor": ("performance", "performance"),
    "temperature_celsius": (60.0, 60.0),
    "firmware_flags": (0, 0),
    "cpu_throttle_events": (5, 5),
    "quota_throttle_events": (0, 0),
    "steal_ticks": (10, 10),
    "busy_ticks": (0, 100),
    "queue_wait_ns": (7, 7),
    "involuntary_switches": (3, 3),
    "major_faults": (20, 20),
    "swapped_bytes": (0, 0),
    "power_source": ("mains", "mains"),
    "virtualisation": ("none", "none"),
    "cpu_ns": (0, 10**9),
    "monotonic_ns": (0, 10**9),
    "fixed_work_ns": (10**6, 10**6),
}


def turn(number, *, samples=(10**6,) * 4, settled=True, **changes):
    """A turn on a calm machine but for what is named."""
    readings = {**CALM, **changes}
    before, after = (State(**{n: pair[i] for n, pair in readings.items()}) for i in (0, 1))
    return Turn(number, 1, 1, (1,), settled, 1, 0, samples, Memory(), before, after)


def row(turns=3, **changes):
    """A row of calm turns, or of these."""
    numbered = tuple(map(turn, range(1, turns + 1))) if isinstance(turns, int) else tuple(turns)
    values = {
        "bundle": "b",
        "model": "m",
        "file": "m.onnx",
        "format": "onnx",
        "engine": "onnxruntime",
        "precision": "fp32",
        "target": "any",
        "size_bytes": 1,
        "sha256": "0",
        "batch_size": 1,
        "threads": 1,
        "status": Status.OK,
        "turns": numbered,
    }
    return Row(**{**values, **changes})


def results(*rows, host=HOST, **settings):
    """Results of these rows, the like of which are told apart by their files."""
    seen, numbered = set(), []
    for i, one in enumerate(rows):
        numbered.append(replace(one, file=f"{i}-{one.file}") if one.key in seen else one)
        seen.add(one.key)
    return Results(Settings(**{"rounds": 3, "min_runs": 1, **settings}), host, tuple(numbered))


def of_run(run):
    return verdict.judge(run).run


def of_rows(run):
    judged = verdict.judge(run)
    return [judged.of(row) for row in run.rows]


def judged(judged_row, **options):
    """The grade of a row, and its only reason; '' where there is none."""
    (found,) = of_rows(results(judged_row, **options))
    (reason,) = found.reasons or ("",)
    return found.grade, reason


def in_round_2(**changes):
    """A row in which something happened in its second round."""
    return row([turn(1), turn(2, **changes), turn(3)])


def test_a_clean_run_is_valid_and_without_reasons():
    run = results(row(), row(file="n.onnx", precision="int8-dynamic"))
    assert of_run(run) == verdict.Verdict(VALID, ())
    assert of_rows(run) == [verdict.Verdict(VALID)] * 2


def test_a_verdict_as_json_is_a_status_and_reasons():
    assert of_run(results(row())).to_json() == {"status": "VALID", "reasons": []}
    (found,) = of_rows(results(in_round_2(settled=False)))
    assert found.to_json() == {"status": "SUSPECT", "reasons": list(found.reasons)}
    assert json.loads(json.dumps(found.to_json())) == found.to_json()


MS = 10**6  # ns; three turns of a second are 3,000 of them


@pytest.mark.parametrize(
    "waited_ns, grade, percent",
    [
        (60 * MS - 1, VALID, 0),
        (60 * MS, SUSPECT, 2),
        (60 * MS + 1, SUSPECT, 2),
        (600 * MS - 1, SUSPECT, 20),
        (600 * MS, INVALID, 20),
        (600 * MS + 1, INVALID, 20),
    ],
)
def test_waiting_for_a_cpu(waited_ns, grade, percent):
    text = (
        f"waited for a CPU {percent} % of the time, most in round 2: stop other programs, or "
        "lower --threads"
    )
    waited = in_round_2(queue_wait_ns=(0, waited_ns))
    assert judged(waited) == (grade, text if grade else "")
    twice = replace(in_round_2(queue_wait_ns=(0, 2 * waited_ns)), threads=2)
    assert judged(twice) == (grade, text if grade else "")  # a share of what both threads had


@pytest.mark.parametrize(
    "stolen, wanted, grade, percent",
    [
        (1_999, 100_000, VALID, 0),
        (2_000, 100_000, SUSPECT, 2),
        (2_001, 100_000, SUSPECT, 2),
        (19_999, 100_000, SUSPECT, 20),
        (20_000, 100_000, INVALID, 20),
        (20_001, 100_000, INVALID, 20),
    ],
)
def test_time_that_the_hypervisor_gave_to_others(stolen, wanted, grade, percent):
    ticks = {"steal_ticks": (9, 9 + stolen), "busy_ticks": (0, wanted - stolen)}
    text = (
        f"the hypervisor gave {percent} % of the CPU time to other virtual machines: measure at "
        "another time, or on a machine without them"
    )
    found = judged(row([turn(i, **ticks) for i in (1, 2, 3)]), host=Host())
    assert found == (grade, text if grade else "")


@pytest.mark.parametrize(
    "lost",
    [
        {"queue_wait_ns": (0, 200 * MS)},
        {"steal_ticks": (0, 25), "busy_ticks": (0, 75)},
        {"fixed_work_ns": (2 * 10**6, 2 * 10**6)},
        {"quota_throttle_events": (0, 1)},
    ],
    ids=["waiting", "steal", "clock", "quota"],
)
def test_time_that_was_lost_leaves_no_ratio(lost):
    busy = row([turn(i, **lost) for i in (1, 2, 3)])
    run = results(busy, row(file="n.onnx"), row(file="o.onnx"))
    found = verdict.judge(run)
    assert found.lost_time == {busy.key} and len(found.no_ratio) == 1
    assert found.speed(run.rows[1], busy) is found.speed(busy, run.rows[1]) is None
    assert found.speed(run.rows[1], run.rows[2]).value == 1


@pytest.mark.parametrize(
    "row_",
    [
        row(status=Status.MISMATCHED, message="other answers"),
        in_round_2(firmware_flags=(0, int(Firmware.THROTTLED))),
        in_round_2(queue_wait_ns=(0, 599 * MS)),
        in_round_2(fixed_work_ns=(2 * 10**6, 2 * 10**6)),
    ],
    ids=["mismatched", "throttled once", "waiting a little", "slow once"],
)
def test_what_is_not_lost_time_leaves_the_ratio(row_):
    found = verdict.judge(results(row_, row(file="n.onnx")))
    assert found.run.grade is not VALID and (found.lost_time, found.no_ratio) == (set(), ())


def test_steal_is_judged_over_all_rounds_for_its_counters_are_coarse():
    tick = {"steal_ticks": (0, 3), "busy_ticks": (0, 97)}
    assert judged(in_round_2(**tick)) == (VALID, "")  # 3 of 300 ticks, though 3 % of its own


@pytest.mark.parametrize("busy, grade", [(119, VALID), (120, SUSPECT), (121, SUSPECT)])
def test_other_processes(busy, grade):
    text = "other processes used 0.2 CPUs during the timing: stop them"
    found = judged(row([turn(i, busy_ticks=(50, 50 + busy)) for i in (1, 2, 3)]))
    assert found == (grade, text if grade else "")


# Rounds 2 and 3 by the fixed work's duration, beside a first round of 1,000,000 ns.
@pytest.mark.parametrize(
    "durations, grade, percent, count",
    [
        ((1_049_999, 1_000_000), VALID, 0, 0),
        ((1_050_000, 1_000_000), SUSPECT, 5, 1),
        ((1_050_001, 1_000_000), SUSPECT, 5, 1),
        ((1_050_001, 1_049_999), SUSPECT, 5, 1),
        ((1_199_999, 1_199_999), SUSPECT, 20, 2),
        ((1_200_000, 1_200_000), INVALID, 20, 2),
        ((1_200_001, 1_200_001), INVALID, 20, 2),
        ((1_900_000, 1_000_000), SUSPECT, 90, 1),  # one of three: the middle round was fast
    ],
)
def test_a_clock_that_was_lowered(durations, grade, percent, count):
    text = (
        f"a fixed calculation took up to {percent} % longer than at its fastest (round 2; "
        f"{count} of 3 rounds): stop other programs, or --cooldown 60"
    )
    second, third = durations
    slow = (turn(2, fixed_work_ns=(second, 10**6)), turn(3, fixed_work_ns=(10**6, third)))
    assert judged(row([turn(1), *slow])) == (grade, text if grade else "")


def test_the_clock_is_compared_with_its_best_in_the_whole_run():
    slow = row([turn(i, fixed_work_ns=(1_300_000, 1_300_000)) for i in (1, 2, 3)])
    assert judged(slow) == (VALID, "")
    first, second = of_rows(results(slow, row()))
    assert (first.grade, second.grade) == (INVALID, VALID)
    assert "up to 30 % longer than at its fastest (round 1; 3 of 3 rounds)" in first.reasons[0]


@pytest.mark.parametrize(
    "reading, remedy",
    [
        ({"governor": "powersave"}, "the governor is powersave: set performance, or --cooldown 60"),
        (
            {"virtualisation": "virtual machine (KVM)"},
            "another virtual machine may share the core: measure again, or on another host",
        ),
        ({"governor": None, "virtualisation": None}, "stop other programs, or --cooldown 60"),
    ],
)
def test_what_to_do_about_a_lowered_clock_depends_on_the_machine(reading, remedy):
    pairs = {name: (value, value) for name, value in reading.items()}
    turns = [turn(i, fixed_work_ns=(10**6, 10**6 * (10 + i) // 10), **pairs) for i in (1, 2, 3)]
    assert judged(row(turns))[1].endswith(f"(round 3; 3 of 3 rounds): {remedy}")


@pytest.mark.parametrize("switches, grade", [(29, VALID), (30, VALID), (33, SUSPECT)])
def test_being_preempted_is_judged_only_where_waiting_is_unknown(switches, grade):
    preempted = {"involuntary_switches": (0, switches)}
    text = "was preempted 11 times a second: stop other programs"
    unknown = in_round_2(**preempted, queue_wait_ns=(None, None))
    assert judged(unknown) == (grade, text if grade else "")
    assert judged(in_round_2(**preempted)) == (VALID, "")
    assert judged(replace(unknown, threads=2)) == (VALID, "")  # so many a thread


@pytest.mark.parametrize("lowest, grade", [(90_001, VALID), (90_000, SUSPECT), (89_999, SUSPECT)])
def test_rounds_that_spread(lowest, grade):
    medians = (lowest, 100_000, 200_000 - lowest)
    turns = [turn(i, samples=(median,) * 3) for i, median in enumerate(medians, 1)]
    text = "the rounds' medians spread by 10 %: stop other programs, or measure with more --rounds"
    assert judged(row(turns)) == (grade, text if grade else "")


@pytest.mark.parametrize("asked, grade", [(11, VALID), (12, VALID), (13, SUSPECT)])
def test_fewer_samples_than_asked_for(asked, grade):
    text = (
        f"--max-time 60 stopped the row after 12 of {asked} samples: raise it, or lower --min-runs"
    )
    assert judged(row(), min_runs=asked) == (grade, text if grade else "")


@pytest.mark.parametrize(
    "done, asked, reason",
    [
        (3, 3, ""),
        (2, 2, ""),
        (3, 4, "3 of 4 rounds were measured: go on with --resume, or measure again"),
        (0, 3, "0 of 3 rounds were measured: go on with --resume, or measure again"),
        (1, 3, "1 of 3 rounds were measured: go on with --resume, or measure again"),
        (1, 1, "one round gives no confidence interval: measure with --rounds 10"),
    ],
)
def test_rounds_that_are_missing(done, asked, reason):
    assert judged(row(done), rounds=asked) == (SUSPECT if reason else VALID, reason)


@pytest.mark.parametrize(
    "unsettled, rounds",
    [
        ([2], "round 2"),
        ([1, 3], "rounds 1, 3"),
        ([1, 2, 3, 4, 5], "rounds 1, 2, 3, 4, 5"),
        ([1, 2, 3, 4, 5, 7, 8], "rounds 1, 2, 3, 4, 5 and 2 more"),
    ],
)
def test_a_warm_up_that_did_not_settle(unsettled, rounds):
    turns = [turn(i, settled=i not in unsettled) for i in range(1, 9)]
    text = (
        f"latency was still changing after the warm-up in {rounds}: stop other programs, or "
        "let the device cool with --cooldown 60"
    )
    assert judged(row(turns), rounds=8) == (SUSPECT, text)


def test_a_pi_that_was_throttled_is_invalid_with_heat_round_and_remedy():
    flags = Firmware.THROTTLED | Firmware.THROTTLED_SINCE_BOOT
    hot = turn(3, firmware_flags=(0, int(flags)), temperature_celsius=(79.2, 81.4))
    found = judged(row([turn(1), turn(2), hot]))
    assert found == (INVALID, "throttled at 81 °C in round 3: add cooling, or --cooldown 60")
    assert of_run(results(row([turn(1), turn(2), hot]))).reasons == (
        "onnx fp32: throttled at 81 °C in round 3: add cooling, or --cooldown 60",
    )


@pytest.mark.parametrize(
    "flag, grade, name, remedy",
    [
        (Firmware.UNDER_VOLTAGE, INVALID, "under-voltage", "use a stronger power supply"),
        (Firmware.THROTTLED, INVALID, "throttled", "add cooling, or --cooldown 60"),
        (Firmware.FREQUENCY_CAPPED, SUSPECT, "frequency capped", "add cooling and power"),
        (
            Firmware.SOFT_TEMPERATURE_LIMIT,
            SUSPECT,
            "soft temperature limit",
            "add cooling, or --cooldown 60",
        ),
    ],
)
@pytest.mark.parametrize("celsius, heat", [(75.6, " at 76 °C"), (None, "")])
def test_what_the_firmware_says(flag, grade, name, remedy, celsius, heat):
    reading = {"firmware_flags": (int(flag), 0), "temperature_celsius": (celsius, celsius)}
    assert judged(in_round_2(**reading)) == (grade, f"{name}{heat} in round 2: {remedy}")
    fresh = {**reading, "firmware_flags": (0, int(flag) << 16)}
    assert judged(in_round_2(**fresh)) == (grade, f"{name}{heat} in round 2: {remedy}")
    long_ago = {**reading, "firmware_flags": (int(flag) << 16,) * 2}
    assert judged(in_round_2(**long_ago)) == (VALID, "")


@pytest.mark.parametrize(
    "counter, text",
    [
        (
            "cpu_throttle_events",
            "throttled by the processor at 60 °C in round 2: add cooling, or --cooldown 60",
        ),
        (
            "quota_throttle_events",
            "limited by a CPU quota at 60 °C in round 2: raise the container's CPU limit",
        ),
    ],
)
def test_events_of_the_processor_and_of_a_quota(counter, text):
    assert judged(in_round_2(**{counter: (4, 5)})) == (INVALID, text)
    assert judged(in_round_2(**{counter: (4, 4)})) == (VALID, "")


@pytest.mark.parametrize("threads, grade", [(1, VALID), (2, VALID), (3, SUSPECT)])
@pytest.mark.parametrize(
    "options", [{"host": replace(HOST, cpus=2)}, {"cpus": (0, 3)}], ids=["of the machine", "pinned"]
)
def test_more_threads_than_cpus(threads, grade, options):
    text = "3 threads share 2 CPUs: lower --threads"
    assert judged(row(threads=threads), **options) == (grade, text if grade else "")


def test_several_threads_on_one_cpu_and_on_a_machine_that_does_not_count_its_own():
    assert judged(row(threads=2), cpus=(3,))[1] == "2 threads share 1 CPU: lower --threads"
    assert judged(row(threads=99), host=Host()) == (VALID, "")


def test_memory_that_was_read_from_disk():
    text = "memory was read from disk during the timing in round 2: close other programs and "
    assert judged(in_round_2(major_faults=(20, 21))) == (SUSPECT, f"{text}measure again")


def test_memory_that_lay_in_swap():
    text = "3,584 KB of the process were in swap: close other programs, or lower --batch-size"
    assert judged(in_round_2(swapped_bytes=(0, 7 * 2**19))) == (SUSPECT, text)


@pytest.mark.parametrize("sources", [("battery", "mains"), ("mains", "battery")])
def test_a_battery_on_either_side(sources):
    found = judged(in_round_2(power_source=sources))
    assert found == (SUSPECT, "ran on battery: plug the device in")


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_every_row_that_did_not_end_well_is_invalid(status):
    grade, reason = judged(row(3, status=status, message="why: what to do"))
    assert grade is INVALID and reason.endswith("why: what to do")
    assert reason.startswith(f"{status}: ") or status is Status.CORRUPT  # whose message says it


def test_a_row_that_crashed_in_its_second_round_is_not_told_to_measure_the_rounds_it_was_to():
    found = judged(row(1, status=Status.CRASHED, message="in round 2: SIGSEGV: try another"))
    assert found == (INVALID, "crashed: in round 2: SIGSEGV: try another")


# What would be judged if the reading before were taken for 0.
RISEN = dict.fromkeys([name for name in CALM if "flags" not in name], (None, 10**9))


@pytest.mark.parametrize(
    "unknown",
    [
        {name: (None, None) for name in CALM if name != "fixed_work_ns"},
        {**RISEN, "fixed_work_ns": (10**6, 10**6), "swapped_bytes": (None, 0)},
        dict.fromkeys(CALM, (None, None)),
    ],
    ids=["all but the fixed work", "all before", "all"],
)
def test_what_is_unknown_judges_nothing(unknown):
    turns = [turn(i, **unknown) for i in (1, 2, 3)]
    assert of_run(results(row(turns), host=HOST)) == verdict.Verdict(VALID)


def test_what_was_never_read_judges_nothing():
    bare = row([replace(turn(i), before=State(), after=State()) for i in (1, 2, 3)])
    assert of_run(results(bare, host=Host())) == verdict.Verdict(VALID)


SWAP = {"swapped_bytes": (0, 2**20)}
HOT = {"firmware_flags": (0, int(Firmware.THROTTLED))}


@pytest.mark.parametrize(
    "changes, grade",
    [
        ([{}, {}], VALID),
        ([{}, SWAP], SUSPECT),
        ([SWAP, {}], SUSPECT),
        ([SWAP, HOT], INVALID),
        ([HOT, SWAP], INVALID),
        ([HOT, {}], INVALID),
    ],
)
def test_the_runs_verdict_is_the_worst_of_its_rows(changes, grade):
    run = results(*(in_round_2(**change) for change in changes))
    assert of_run(run).grade == max(v.grade for v in of_rows(run)) == grade


def test_the_worst_reasons_come_first():
    (found,) = of_rows(results(in_round_2(**SWAP, **HOT)))
    assert found.grade is INVALID and len(found.reasons) == 2
    assert found.reasons[0].startswith("throttled") and "swap" in found.reasons[1]
    lines = of_run(results(in_round_2(**SWAP), in_round_2(**HOT))).reasons
    assert "throttled" in lines[0] and "swap" in lines[1]


def named(count, **changes):
    """Rows of other precisions, so that each has another label."""
    return [row(**changes, file=f"p{i}.onnx", precision=f"p{i}") for i in range(count)]


def waiting(percent):
    return tuple(turn(i, queue_wait_ns=(0, percent * 10**7)) for i in (1, 2, 3))


@pytest.mark.parametrize(
    "slow, calm, whose",
    [
        (1, 0, "onnx p0"),
        (1, 1, "onnx p0"),
        (2, 1, "onnx p0, onnx p1"),
        (3, 1, "onnx p0, onnx p1, onnx p2"),
        (4, 1, "4 of 5 rows"),
        (2, 0, "all rows"),
        (5, 0, "all rows"),
    ],
)
def test_one_line_stands_for_all_rows_with_the_same_kind_of_reason(slow, calm, whose):
    rows = named(slow, turns=waiting(5)) + [row(file="c", precision="c")] * calm
    (line,) = of_run(results(*rows)).reasons
    assert line.startswith(f"{whose}: waited for a CPU 5 % of the time")


def test_the_line_shows_the_row_that_it_is_worst_for():
    rows = [replace(r, turns=waiting(p)) for r, p in zip(named(3), (5, 9, 7), strict=True)]
    (line,) = of_run(results(*rows)).reasons
    assert line.startswith("all rows, at worst onnx p1: waited for a CPU 9 % of the time")
    found = of_run(results(replace(rows[0], turns=waiting(25)), *rows[1:]))
    assert found.grade is INVALID and "25 %" in found.reasons[0] and "9 %" in found.reasons[1]


def test_files_that_did_not_end_well_have_a_line_each():
    broken = named(2, turns=0, status=Status.CRASHED, message="SIGSEGV: try another version")
    text = "crashed: SIGSEGV: try another version"
    found = of_run(results(*broken, row()))
    assert found.reasons == (f"onnx p0: {text}", f"onnx p1: {text}")


def test_rows_that_never_ran_are_not_all_rows_because_as_many_others_did():
    broken = {
        "status": Status.CORRUPT,
        "message": "b: corrupt, 9 bytes. Copy it again.",
        "turns": 0,
    }
    sizes = (1, 8)
    ran = [row(batch_size=size) for size in sizes]
    corrupt = [row(batch_size=size, file="b", precision="b", **broken) for size in sizes]
    (line,) = of_run(results(*ran, *corrupt)).reasons
    assert line == "onnx b batch 1, onnx b batch 8: b: corrupt, 9 bytes. Copy it again."


MISSING = {
    "turns": 0,
    "file": "m.pt",
    "format": "torchscript",
    "status": Status.ENGINE_MISSING,
    "message": "torch is not installed: pip install torch",
}


def test_rows_that_only_lack_their_engine_do_not_judge_a_run_in_which_others_ran():
    run = results(row(), row(**MISSING))
    assert of_run(run) == verdict.Verdict(VALID)
    assert [found.grade for found in of_rows(run)] == [VALID, INVALID]
    assert of_run(results(in_round_2(**SWAP), row(**MISSING))).grade is SUSPECT


def test_a_run_in_which_every_engine_is_missing_is_invalid_and_says_what_to_install():
    found = of_run(results(row(**MISSING)))
    assert found.grade is INVALID
    text = "engine-missing: torch is not installed: pip install torch"
    assert found.reasons == (f"torchscript fp32: {text}",)


@pytest.fixture
def vcgencmd(tmp_path):
    """Put a vcgencmd on the PATH that gives this answer; returns the environment that does."""

    def make(answer):
        command = tmp_path / "bin" / "vcgencmd"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\n[ "$1" = get_throttled ] && echo {answer}\n')
        command.chmod(0o755)
        return {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}

    return make


THROTTLED = re.compile(r": throttled( at \d+ °C)? in rounds 1, 2: add cooling, or --cooldown 60$")


def test_a_throttled_pi_is_found_out_by_the_command(run, bundle, vcgencmd):
    asked = ("--require", "valid", "--output", "json")
    done = run("edge_runtime", bundle, *QUICK, *asked, env=vcgencmd("throttled=0x4"))
    assert done.returncode == 1
    assert done.stderr.endswith("\nError: the verdict is INVALID, --require valid.\n")
    content = json.loads(done.stdout)
    assert content["verdict"]["status"] == content["rows"][0]["verdict"]["status"] == "INVALID"
    assert any(map(THROTTLED.search, content["verdict"]["reasons"]))
    assert content["rows"][0]["status"] == "ok"  # it ran: its figures are shown, and not believed


@pytest.mark.parametrize("answer", ["throttled=0x0", "throttled=0x40000"])
def test_a_pi_that_is_not_throttled_now_is_not_said_to_be(run, bundle, vcgencmd, answer):
    done = run("edge_runtime", bundle, *QUICK, "--output", "json", env=vcgencmd(answer))
    assert done.returncode == 0 and "Error" not in done.stderr
    content = json.loads(done.stdout)
    flags = content["rows"][0]["turns"][0]["before"]["firmware_flags"]
    assert flags == int(answer.partition("=")[2], 16)
    assert not any(map(THROTTLED.search, content["verdict"]["reasons"]))


def test_a_run_without_rows_is_not_valid(results):
    found = of_run(replace(results, rows=()))
    assert found.to_json() == {"status": "INVALID", "reasons": ["nothing was measured"]}


def test_turns_shorter_than_the_kernels_ticks_are_not_judged_by_them():
    for wall_ns, reasons in ((10**7, 0), (10**8, 1)):
        passed = {"busy_ticks": 1000 + wall_ns // 10**7 * 2, "monotonic_ns": wall_ns, "cpu_ns": 0}
        turns = tuple(
            replace(one, after=replace(one.after, **passed, steal_ticks=0)) for one in row().turns
        )
        assert len(of_run(results(row(turns=turns))).reasons) == reasons
