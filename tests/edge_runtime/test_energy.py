"""The energy of an inference: windows, what is subtracted, and what a run makes of it."""

import dataclasses
import json
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime import report
from edge_runtime.measure import energy as measuring
from edge_runtime.measure import extras, plan, runner
from edge_runtime.measure.energy import Windows
from edge_runtime.probes import Reading, energy
from edge_runtime.probes.energy import Sample
from edge_runtime.results import document
from edge_runtime.results.energy import Energy, Window
from edge_runtime.results.rows import States
from edge_runtime.results.settings import Settings
from edge_runtime.results.statistics import Estimate

SECOND = 10**9
SHORT = Windows(count=3, window_s=0.4, settling_s=0.05)
QUICK = ("--rounds", "1", "--min-runs", "3", "--min-time", "0", "--accuracy-images", "8")


def window(joules, idle=(1.0, 1.0), calls=100, seconds=10, coverage=1.0):
    return Window(calls, seconds * SECOND, joules, *idle, 200, coverage)


def of(*joules, **changes):
    windows = tuple(window(j, **changes) for j in joules)
    return Energy("RAPL package-0", "the package", 20.0, windows)


# From windows to millijoules.


@given(
    call_mj=st.floats(0.01, 1e4),
    idle=st.tuples(st.floats(0, 50), st.floats(0, 50)),
    calls=st.integers(1, 10**5),
    batch_size=st.integers(1, 64),
    seconds=st.integers(10, 60),
)
def test_what_idle_takes_is_subtracted_and_the_rest_is_each_images(
    call_mj, idle, calls, batch_size, seconds
):
    joules = calls * call_mj / 1e3 + sum(idle) / 2 * seconds
    energy = of(joules, joules, joules, idle=idle, calls=calls, seconds=seconds)
    found = energy.mj_per_inference(batch_size)
    noise = 1e-12 * 1e3 * joules / calls / batch_size
    assert found.value == pytest.approx(call_mj / batch_size, rel=1e-6, abs=noise)


def test_the_interval_is_over_the_windows():
    found = of(11.0, 12.0, 13.0).mj_per_inference(1)  # 10, 20 and 30 mJ a call
    assert found.value == pytest.approx(20)
    assert found.high - found.value == pytest.approx(4.302653 * 10 / 3**0.5, rel=1e-4)
    assert found.low == pytest.approx(40 - found.high)


@pytest.mark.parametrize(
    "spoilt",
    [
        window(None),
        window(11.0, idle=(None, 1.0)),
        window(11.0, idle=(1.0, None)),
        window(11.0, coverage=0.94),
        window(11.0, calls=0),
    ],
)
def test_a_window_that_is_not_known_well_is_no_part_of_it(spoilt):
    good = of(12.0, 12.0)
    with_it = dataclasses.replace(good, windows=(*good.windows, spoilt))
    assert with_it.mj_per_inference(1).value == pytest.approx(20)
    alone = dataclasses.replace(good, windows=(good.windows[0], spoilt))
    assert alone.mj_per_inference(1) is None


# Measuring.


class Meter:
    """A source that counts, or shows, what a made-up load takes beside 2 W of idling."""

    name, covers, hz = "meter", "all", 50.0

    def __init__(self, *, counts):
        self.counts, self.called, self.busy_until = counts, 0, 0.0

    def call(self):
        """5 mJ; 3 W while it lasts."""
        self.called += 1
        self.busy_until = time.monotonic() + 0.5
        time.sleep(0.002)

    def read(self):
        now = time.monotonic_ns()
        if self.counts:
            return Sample(now, joules=2 * now / SECOND + 0.005 * self.called)
        return Sample(now, watts=5.0 if now / SECOND < self.busy_until else 2.0)


def test_a_counters_calls_cost_what_they_do():
    meter = Meter(counts=True)
    found = measuring.measure(meter.call, meter, SHORT)
    assert not found.reason and (found.source, found.covers) == ("meter", "all")
    assert len(found.windows) == 3 and all(w.coverage == 1 for w in found.windows)
    assert all(w.duration_ns >= 0.4 * SECOND for w in found.windows)
    assert found.mj_per_inference(1).value == pytest.approx(5, rel=0.01)
    settling = meter.called - sum(w.calls for w in found.windows)
    assert 0 < settling < sum(w.calls for w in found.windows)  # no part of the windows


def test_a_sensors_calls_cost_their_power_times_their_time():
    meter = Meter(counts=False)
    meter.hz = 10.0  # so seldom that a busy machine keeps up
    found = measuring.measure(meter.call, meter, Windows(2, 1.0, 0.6))
    for one in found.windows:
        truth = 3.0 * one.duration_ns / SECOND / one.calls
        assert one.call_j == pytest.approx(truth, rel=0.05)
        assert one.idle_before_w == pytest.approx(2.0, rel=0.05)
    assert 5 <= found.hz <= 12


def test_the_windows_are_of_10_s_and_share_the_idle_ones():
    assert Windows() == Windows(count=3, window_s=10.0, settling_s=0.5)
    assert Windows().takes_s == pytest.approx(7 * 10.5)


@pytest.mark.parametrize(
    ("read", "part"),
    [
        (lambda: 1 / 0, "failed while it was read: division by zero"),
        (lambda: Sample(time.monotonic_ns()), "could not be read during the windows"),
        (
            lambda: time.sleep(0.2) or Sample(time.monotonic_ns(), watts=1.0),
            "samples cover 0 % of a window",
        ),
    ],
)
def test_a_source_that_says_too_little_leaves_a_reason(read, part):
    meter = Meter(counts=True)
    meter.read = read
    found = measuring.measure(meter.call, meter, SHORT)
    assert part in found.reason and found.mj_per_inference(1) is None


# A run.

METER = """
import time
from edge_runtime.probes.energy.source import Sample

class Meter:
    name, covers, hz = "CPU meter", "4 J for each second of CPU time, and 1 W", 20.0

    def read(self):
        return Sample(time.monotonic_ns(), joules=time.monotonic() + 4 * time.process_time())

find = Meter
"""
RAILS = "VDD_CORE_A current(7)=2.5A\nVDD_CORE_V volt(15)=0.8V"


@pytest.fixture
def meter(tmp_path):
    """Install a meter that counts its process's CPU time; returns its folder."""
    folder = tmp_path / "meter"
    info = folder / "cpu_meter-1.dist-info"
    info.mkdir(parents=True)
    (folder / "cpu_meter.py").write_text(METER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cpu-meter\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[edge_runtime.energy]\ncpu = cpu_meter:find\n")
    return folder


@pytest.fixture
def power_chip(tmp_path):
    """Put a vcgencmd on the PATH that shows 2 W on one rail; returns the environment that does."""
    command = tmp_path / "bin" / "vcgencmd"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\n[ "$1" = pmic_read_adc ] && echo "{RAILS}"\n')
    command.chmod(0o755)
    return {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def short(monkeypatch):
    """Make the windows short."""
    (asked,) = (extra for extra in extras.EXTRAS if extra.name == "energy")
    quick = dataclasses.replace(asked, asked=lambda settings: SHORT)
    monkeypatch.setattr(extras, "EXTRAS", (quick,))


def measured(bundle, **changes):
    settings = Settings(rounds=1, min_runs=3, min_time_s=0, accuracy_images=8, energy=True)
    planned = plan.make((bundle,), dataclasses.replace(settings, **changes))
    steps = list(runner.run(planned))
    assert steps[-1].turns == steps[-1].total
    return steps[-1].rows


def test_each_row_is_measured_in_a_process_of_its_own(bundle, meter, monkeypatch, short):
    monkeypatch.setenv("PYTHONPATH", f"{meter}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.syspath_prepend(str(meter))
    for row in measured(bundle, batch_sizes=(1, 4)):
        assert row.energy.source == "CPU meter" and not row.energy.reason
        assert len(row.energy.windows) == 3 and len(row.turns) == 1
        assert all(w.idle_before_w >= 1 for w in row.energy.windows)
        taken = row.energy.mj_per_inference(row.batch_size).value
        # 4 W of CPU time, which a call's own time bounds; the sampler's is in idle too.
        longest = max(w.duration_ns / w.calls for w in row.energy.windows) / row.batch_size
        assert 0 < taken <= 1.1 * 4e3 * longest / SECOND


def test_a_scripted_power_chip_that_shows_no_load_is_not_told_from_idle(
    bundle, power_chip, monkeypatch, short
):
    monkeypatch.setenv("PATH", power_chip["PATH"])
    (row,) = measured(bundle)
    assert row.energy.source == "power chip (vcgencmd pmic_read_adc)"
    for one in row.energy.windows:
        assert one.joules == pytest.approx(2 * one.duration_ns / SECOND, rel=0.01)
    taken = row.energy.mj_per_inference(1)
    assert abs(taken.value) < 1e-6 if taken else "too seldom" in row.energy.reason


def test_a_process_that_dies_leaves_the_reason(bundle, meter, monkeypatch, short):
    monkeypatch.syspath_prepend(str(meter))
    monkeypatch.setattr(runner.child, "environment", lambda threads: {**os.environ, "DIE": "1"})
    (meter / "cpu_meter.py").write_text(f"import os\n{METER}\nif 'DIE' in os.environ: os._exit(9)")
    monkeypatch.setenv("PYTHONPATH", f"{meter}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (row,) = measured(bundle)
    assert row.status == "ok" and row.energy.reason.startswith("crashed: exit code 9")


def test_without_a_source_no_process_is_started(bundle, monkeypatch, short):
    gone = Reading(None, "nowhere", "no counter: buy one")
    monkeypatch.setattr(extras, "find", lambda: gone)
    asked = []
    start = runner.ask
    monkeypatch.setattr(
        runner, "ask", lambda *args, **more: asked.append(more) or start(*args, **more)
    )
    (row,) = measured(bundle, cooldown_s=0.0)
    assert row.energy == Energy(reason="no counter: buy one")
    assert not any(more.get("extra") for more in asked) and len(asked) == 2


def test_here_it_is_unknown_with_the_reason(run, bundle):
    here = energy.find()
    if here.value is not None:
        pytest.skip(f"{here.value.name} can be read here")
    done = run("edge_runtime", bundle, *QUICK, "--energy", "--output", "json")
    assert done.returncode == 0
    content = json.loads(done.stdout)
    assert content["rows"][0]["energy"]["reason"] == here.reason
    assert content["settings"]["energy"] is True
    doctor = run("edge_runtime", "doctor", bundle, "--json")
    findings = {f["name"]: f for f in json.loads(doctor.stdout)["findings"]}
    assert (findings["energy"]["level"], findings["energy"]["text"]) == ("unknown", here.reason)


def test_a_source_that_was_not_asked_for_is_pointed_out(run, bundle, power_chip):
    done = run("edge_runtime", bundle, *QUICK, env=power_chip)
    text = " ".join(done.stdout.split())
    assert "energy: not measured. power chip (vcgencmd pmic_read_adc) can be read here" in text
    assert "mJ/inf" not in text
    doctor = run("edge_runtime", "doctor", bundle, env=power_chip)
    assert "power chip (vcgencmd pmic_read_adc): edge-bench --energy" in doctor.stdout


@pytest.mark.slow
def test_the_whole_command_measures_it_in_windows_of_10_s(run, bundle, meter, tmp_path):
    """Some 80 s: that is what a row takes."""
    path = f"{meter}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    file = tmp_path / "r.json"
    begun = time.monotonic()
    done = run("edge_runtime", bundle, *QUICK, "--energy", "--json", file, env={"PYTHONPATH": path})
    assert done.returncode == 0 and time.monotonic() - begun > 70
    assert "mJ/inf" in done.stdout and "Source: CPU meter" in " ".join(done.stdout.split())
    (row,) = document.read(file).rows
    assert all(w.duration_ns >= 10 * SECOND and w.coverage == 1 for w in row.energy.windows)
    assert row.energy.hz >= 10 and row.energy.mj_per_inference(1).low > 0


# What a table shows.


def drawn(results, *energies, output="table"):
    rows = [dataclasses.replace(r, energy=e) for r, e in zip(results.rows, energies, strict=False)]
    text = report.render(dataclasses.replace(results, rows=tuple(rows)), output)
    return text if output == "csv" else " ".join(text.split())


def test_the_table_has_a_column_where_some_row_was_measured(results):
    assert "mJ/inf" not in drawn(results, None, None)
    text = drawn(results, of(12.0, 12.1, 12.2), Energy(reason="no counter: buy one"), None)
    assert "21.0 [18.5, 23.5]" in text
    assert "in 3 windows of 10.0 s or more under load, idle power measured before" in text
    assert "Source: RAPL package-0, read 20.0 times a second, coverage 100.0 %. It measures" in text
    assert "energy: – of torchscript int8-dynamic: no counter: buy one." in text


def test_what_is_not_told_from_idle_is_no_figure(results):
    text = drawn(results, of(9.9, 10.0, 10.2))
    assert "no difference shown: torchscript fp32 0.33 [-3.46, 4.13] mJ: the interval" in text
    assert "0.33 [" not in text.partition("Verdict")[0]


def test_a_spreadsheet_has_the_interval_as_numbers(results):
    head, first, *_ = drawn(results, of(12.0, 12.1, 12.2), output="csv").splitlines()
    cells = dict(zip(head.split(","), first.split(","), strict=True))
    assert float(cells["mJ/inf"]) == pytest.approx(21)
    assert float(cells["mJ/inf low"]) < 21 < float(cells["mJ/inf high"])
    assert "| mJ/inf |" in drawn(results, of(12.0, 12.1, 12.2), output="markdown")


def test_why_it_cannot_be_measured_is_said_once(results):
    reading = Reading(None, "nowhere", "no counter: buy one")
    before = {**results.state.before, "energy_source": reading}
    bare = dataclasses.replace(results, state=States(before))
    assert "energy: no counter: buy one" in drawn(bare, None)
    assert drawn(bare, Energy(reason=reading.reason)).count("no counter: buy one") == 1


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.0512, 0.05, 0.0524), "0.0512 [0.0500, 0.0524]"),
        ((9.12, 7.9, 10.3), "9.1 [7.9, 10.3]"),
        ((12345.0, 12000.0, 13000.0), "12,345 [12,000, 13,000]"),
        ((0.0, 0.0, 0.0), "0 [0, 0]"),
    ],
)
def test_figures_have_three_significant_digits(values, text):
    assert report.columns.significant(Estimate(*values)) == text
