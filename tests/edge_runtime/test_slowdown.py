"""Why a load became slower: from bins made up, and from a CPU quota that the test plants."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime import report
from edge_runtime.documents import strict
from edge_runtime.report import sustained as drawn
from edge_runtime.results import sustained
from edge_runtime.results.settings import Settings
from edge_runtime.results.sustained import Bin, Sustained

HEAT_CURVE = (
    # SYNTHETIC TEST DATA: no device was measured. Made up with the shape of a board without a fan:
    # it warms up for some minutes at its full clock, and holds its temperature by a lower one.
    # minute, °C, GHz, images/s, throttle flags
    *((i / 2, 45 + 35 * (1 - 0.8**i), 2.4, 400, 0) for i in range(8)),
    *((4 + i / 2, 81 + i, 2.4 - 0.15 * i, 400 - 25 * i, 0b1000) for i in range(5)),
    *((6.5 + i / 2, 85, 1.8, 300, 0b1000) for i in range(47)),
)


def curve(points, **changes):
    made = [
        Bin(
            start_s=60 * minute,
            duration_s=30,
            calls=round(30 * rate),
            p50_ns=1e9 / rate,
            p95_ns=1.1e9 / rate,
            frequency_hz=round(ghz * 1e9),
            temperature_celsius=celsius,
            throttled=bool(flags),
            firmware_flags=flags,
            steal_share=0,
            wait_share=0,
        )
        for minute, celsius, ghz, rate, flags in points
    ]
    return Sustained(bins=tuple(replace(one, **changes) for one in made))


@pytest.fixture
def text(results):
    """The sentences on a load."""

    def of(load, **changes):
        row = replace(results.rows[2], sustained=load, **changes)
        (section,) = drawn.of(replace(results, rows=(row,)))
        return section.text

    return of


def test_a_heat_curve_is_told_with_its_plateau_and_its_cause(text):
    assert text(curve(HEAT_CURVE)) == (
        "sustained, onnx fp32: burst 400.0 images/s (30 s), plateau 300.0 from minute 6.0 on. "
        "It fell by 25 % from minute 5.0 on: the temperature reached 85 °C (from 45 °C), the "
        "firmware reports soft temperature limit and the clock fell from 2.40 to 1.80 GHz. "
        "Unknown here: power."
    )


def test_a_board_that_stays_cool_does_not_fall(text):
    cool = [(i / 2, 60 + i / 20, 2.4, 400 + i % 3, 0) for i in range(60)]
    assert "It did not fall below the burst in 30 min." in text(curve(cool))
    assert "clock fell" not in text(curve(cool))


def test_without_a_plateau_the_last_fifth_is_told_whether_it_lies_below_the_burst_or_not(text):
    falls = [(i / 2, 60, 2.4, 400 * 0.97**i, 0) for i in range(40)]
    said = text(curve(falls))
    assert "in its last 4 min, no plateau. It fell by" in said
    assert ", and was still falling at the end: unknown" in said
    late = [
        *((i / 2, 60, 2.4, 400, 0) for i in range(32)),
        *((i / 2, 60, 2.4, 900 - 60 * (i - 32), 0) for i in range(32, 40)),
    ]
    assert "no plateau. It did not fall below the burst in 20 min." in text(curve(late))


def step(before, after, fall=0.5, **base):
    """Twenty bins, the second ten slower, and what the probes tell of both."""
    return Sustained(
        bins=tuple(
            Bin(10.0 * i, 10.0, round(1000 * (1 - fall * (i >= 10))), **base, **told)
            for i in range(20)
            for told in [after if i >= 10 else before]
        )
    )


@pytest.mark.parametrize(
    "before, after, why",
    [
        (
            {"quota_throttle_events": 0, "wait_share": 0.0},
            {"quota_throttle_events": 90, "wait_share": 0.5},
            ": a CPU quota of its control group stopped it in 900 periods.",
        ),
        ({"steal_share": 0.01}, {"steal_share": 0.48}, "gave 48 % of its CPU time to other"),
        ({"wait_share": 0.0}, {"wait_share": 0.5}, ": it waited for a CPU 50 % of the time."),
        ({"fixed_work_ns": 1000}, {"fixed_work_ns": 2000}, "calculation took 100 % longer"),
        (
            {"cpu_throttle_events": 0},
            {"cpu_throttle_events": 5},
            ": the processor throttled itself",
        ),
        ({"firmware_flags": 0}, {"firmware_flags": 5}, "reports under voltage, throttled."),
        ({"frequency_hz": 2 * 10**9}, {"frequency_hz": 10**9}, "clock fell from 2.00 to 1.00 GHz."),
        # What was so before is no cause, nor what explains less than half of the fall.
        ({"firmware_flags": 4}, {"firmware_flags": 4}, "unknown, no probe tells."),
        ({"quota_throttle_events": 50}, {"quota_throttle_events": 50}, "unknown, no probe tells."),
        ({"steal_share": 0.0}, {"steal_share": 0.2}, "unknown, no probe tells."),
        ({"frequency_hz": 2 * 10**9}, {"frequency_hz": 18 * 10**8}, "unknown, no probe tells."),
        # Heat alone slows nothing down; it is told, and not as the cause.
        (
            {"temperature_celsius": 50.0},
            {"temperature_celsius": 70.0},
            "unknown, no probe tells; the temperature reached 70 °C (from 50 °C).",
        ),
        ({}, {}, "unknown, no probe tells."),
    ],
)
def test_a_cause_is_what_the_probes_tell_and_else_unknown(text, before, after, why):
    said = text(step(before, after))
    assert "fell by 50 % from second 100 on" in said and why in said


def paced(late_counts, fps=30.0, calls=300, **changes):
    made = tuple(
        Bin(10.0 * i, 10.0, calls, 8e6, 9e6, late, **changes) for i, late in enumerate(late_counts)
    )
    return Sustained(fps, made)


def test_a_rate_that_is_held_is_a_sentence(text):
    assert text(paced([0] * 179 + [12])) == (
        "sustained, onnx fp32: holds 30 fps for 30 min: 12 of 54,000 frames were late (up to 1 % "
        "may be). Latency from the moment a frame was due: p50 8.000 ms, p95 up to 9.000 ms in a "
        "bin. Unknown here: clock, temperature, power, throttling."
    )


def test_a_rate_that_is_not_held_says_from_when_on_and_why(text):
    load = paced([0] * 24 + [0] * 156)
    bad = [
        replace(one, calls=200, missed=200, frequency_hz=15 * 10**8, temperature_celsius=85.0)
        for one in load.bins[24:]
    ]
    good = [replace(b, frequency_hz=24 * 10**8, temperature_celsius=60.0) for b in load.bins[:24]]
    said = text(replace(load, bins=(*good, *bad), unserved=15_600))
    assert (
        "does not hold 30 fps: from minute 4.0 on 46,800 of 46,800 frames were late. It came to "
        "20.0 images/s there. Why: the temperature reached 85 °C (from 60 °C) and the clock fell "
        "from 2.40 to 1.50 GHz."
    ) in said


def test_frames_are_images_and_a_rate_never_held_was_so_from_the_start(text):
    said = text(paced([150] * 12, fps=240, calls=300), batch_size=8)
    assert "does not hold 240 fps: from the start 14,400 of 28,800 frames were late. Why:" in said


def test_energy_is_of_a_frame_where_every_bin_has_watts(text):
    load = paced([0] * 12, watts=3.0)
    assert "100 mJ a frame at 3 W, idle power included." in text(load)
    assert "50 mJ a frame" in text(replace(load, fps=60.0), batch_size=2)
    some = replace(load, bins=(*load.bins[:-1], replace(load.bins[-1], watts=None)))
    assert "mJ" not in text(some)


def test_what_was_not_measured_says_why(text):
    assert text(Sustained(reason="crashed: SIGKILL")) == (
        "sustained, onnx fp32: –, crashed: SIGKILL."
    )
    assert "3 bins, of 10 that a burst" in text(curve(HEAT_CURVE[:3]))


def test_the_section_is_as_it_was_read_and_approved_and_is_the_documentations(results):
    row = replace(results.rows[2], sustained=curve(HEAT_CURVE))
    text = report.render(replace(results, rows=(row,)), "table")
    section = text[text.index("sustained, ") : text.index("\n\nVerdict")]
    approved = (Path(__file__).parent / "golden" / "sustained.txt").read_text().rstrip()
    assert section == approved
    assert approved in (Path(report.__file__).parent / "README.md").read_text()


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_the_bins_stand_in_a_table_of_12_lines_at_most(results, output):
    row = replace(results.rows[2], sustained=curve(HEAT_CURVE))
    shown = replace(results, rows=(*results.rows[:2], row, *results.rows[3:]))
    lines = report.render(shown, output).splitlines()
    (first,) = [i for i, line in enumerate(lines) if line.strip(" |").startswith("minute")]
    table = [line.strip("|").replace("|", " ").split() for line in lines[first : first + 15]]
    assert table[0][0] == "minute" and table[0][-3:] == ["GHz", "°C", "throttled"]
    assert table[2] == ["0.0", "400.0", "2.500", "2.750", "2.40", "66", "no"]
    assert table[13][1:] == ["300.0", "3.333", "3.667", "1.80", "85", "yes"] and not table[14]
    none = [*report.render(results, output).splitlines()]
    assert not any("sustained" in line for line in none)


def test_a_row_that_fell_is_no_worse_for_it(results, make_row):
    row = make_row("m.onnx", "fp32", [(1000_000 + i, 1_010_000, 990_000) for i in range(3)])
    fallen = replace(row, sustained=curve(HEAT_CURVE))
    settings = Settings(rounds=3, min_runs=3)
    grades = [
        report.render(replace(results, settings=settings, rows=(one,)), "csv").splitlines()[1]
        for one in (row, fallen)
    ]
    assert grades[0] == grades[1] and "VALID" in grades[0]


LOAD = """
import json, pathlib, sys, time
from edge_runtime.documents.values import to_json
from edge_runtime.measure import sustained

group = pathlib.Path(sys.argv[1])
began = time.perf_counter()
planted = False

def call():
    global planted
    if not planted and time.perf_counter() - began > 5:
        (group / sys.argv[2]).write_text(sys.argv[3])
        planted = True
    pow(3**646, 2**256 - 1, 2**1024 - 105)

(group / "cgroup.procs").write_text("0")
print(json.dumps(to_json(sustained.measure(call, sustained.Load(12), call_ns=1e6))))
"""


@pytest.fixture
def quota_group():
    """A control group whose CPU quota may be set: the folder, the file and 5 % of a CPU."""
    name = f"cifarq-test-{os.getpid()}"
    for top, file, quota in (
        ("/sys/fs/cgroup", "cpu.max", "5000 100000"),
        ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "5000"),
    ):
        group = Path(top, name)
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if os.access(group / file, os.W_OK):
                yield group, file, quota
                return
        finally:
            with suppress(OSError):
                group.rmdir()
    pytest.skip("no control group with a CPU quota can be made here: it takes root and cgroups")


@pytest.mark.slow
def test_a_cpu_quota_that_is_set_under_load_is_found_and_named(quota_group, text):
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, quota_group)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    load = strict.build(Sustained, json.loads(done.stdout))
    assert not any(one.throttled for one in load.bins[:4])
    assert all(one.throttled for one in load.bins[7:])
    went = sustained.course(load.bins)
    assert went.steady and 3 <= went.fell_s <= 7 and went.lost_share > 0.3
    assert "on: a CPU quota of its control group stopped it in" in text(load)
