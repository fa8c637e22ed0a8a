"""Energy sources: counters and sensors on synthetic trees, against integrals that are known."""

import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.probes import energy
from edge_runtime.probes.energy import (
    Sample,
    Sampler,
    absence,
    battery,
    hwmon,
    meters,
    pmic,
    rapl,
)
from edge_runtime.probes.energy.counter import Counter
from edge_runtime.probes.energy.integration import coverage, duration_ns, integrate

SECOND = 10**9
POWERCAP = "sys/class/powercap"
CHIP = "sys/class/hwmon/hwmon"
SUPPLY = "sys/class/power_supply"


def lay(root, files):
    """Write files below a root, and return it."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root


def within_1_percent(value, truth):
    return value == pytest.approx(truth, rel=0.01)


# Integration.


@st.composite
def loads(draw):
    """A power in W that swings about a mean, and its integral in J from 0 s."""
    mean, swing = draw(st.floats(0.5, 50)), draw(st.floats(0, 0.9))
    turns_per_s, phase = draw(st.floats(0.05, 1)), draw(st.floats(0, 6.3))
    w = 2 * math.pi * turns_per_s

    def power(t):
        return mean * (1 + swing * math.sin(w * t + phase))

    def used(t):
        return mean * (t + swing * (math.cos(phase) - math.cos(w * t + phase)) / w)

    return power, used


def sampled(power, hz=20, seconds=10):
    times = [i / hz for i in range(hz * seconds + 1)]
    return [Sample(round(t * SECOND), watts=power(t)) for t in times]


@given(load=loads(), missed=st.sets(st.integers(1, 199), max_size=30))
def test_a_sensors_samples_give_its_joules_although_some_are_missed(load, missed):
    power, used = load
    samples = sampled(power)
    for i in missed:
        samples[i] = Sample(samples[i].monotonic_ns)
    assert within_1_percent(integrate(samples), used(10))
    assert duration_ns(samples) == 10 * SECOND


@given(load=loads(), at=st.integers(1, 199), back_ns=st.integers(1, 3600 * SECOND))
def test_a_clock_that_is_set_back_costs_one_step_at_most(load, at, back_ns):
    power, used = load
    samples = sampled(power)
    jumped = [
        Sample(s.monotonic_ns - (back_ns if i >= at else 0), watts=s.watts)
        for i, s in enumerate(samples)
    ]
    step = max(power(at / 20), power((at - 1) / 20)) / 20
    assert abs(integrate(jumped) - used(10)) <= step + 0.005 * used(10)
    assert 0 < 10 * SECOND - duration_ns(jumped) <= SECOND / 20


@given(
    joules=st.lists(st.floats(0, 100), min_size=2, max_size=50),
    jumps_ns=st.lists(st.integers(-(10**12), 10**12), min_size=50, max_size=50),
)
def test_no_clock_moves_what_a_counter_says(joules, jumps_ns):
    counted = [math.fsum(joules[:i]) for i in range(len(joules))]
    samples = [Sample(ns, joules=j) for ns, j in zip(jumps_ns, counted, strict=False)]
    assert integrate(samples) == pytest.approx(counted[-1])


def test_fewer_than_two_samples_are_no_energy():
    assert integrate([]) is integrate([Sample(0, watts=1.0), Sample(9)]) is None
    assert coverage([], 20) == coverage([Sample(5, watts=1.0)], 20) == 0


def test_a_single_missed_sample_is_covered_and_a_longer_hole_is_not():
    samples = sampled(lambda t: 1.0)
    assert coverage(samples, 20) == 1
    assert coverage(samples[:50] + samples[51:], 20) == 1
    assert coverage(samples[:50] + samples[150:], 20) == pytest.approx(1 - 101 / 200)
    counted = [Sample(s.monotonic_ns, joules=float(i)) for i, s in enumerate(samples)]
    assert coverage(counted[:50] + counted[150:], 20) == 1  # it counts on meanwhile


@given(
    full=st.integers(100, 2**40),
    start=st.floats(0, 1, exclude_max=True),
    shares=st.lists(st.floats(0, 0.99), max_size=50),
)
def test_a_counter_that_begins_again_is_one_that_never_does(full, start, shares):
    value = int(start * full)
    counter, truth = Counter(full), 0
    assert counter.add(value) == 0
    for share in shares:
        step = int(share * full)
        value, truth = (value + step) % full, truth + step
        assert counter.add(value) == truth


def test_a_counter_that_falls_and_whose_range_is_unknown_says_nothing():
    counter = Counter(0)
    assert [counter.add(n) for n in (5, 9, 3, 4)] == [0, 4, None, 5]


# The sampler.


class Steady:
    """A source of 2 W, which may take its time or fail."""

    name, covers, hz = "steady", "all", 50.0

    def __init__(self, slow=(), broken=()):
        self.count, self.slow, self.broken = 0, slow, broken

    def read(self):
        self.count += 1
        if self.count in self.broken:
            raise OSError(5, "Input/output error")
        if self.count in self.slow:
            time.sleep(0.3)
        return Sample(time.monotonic_ns(), watts=2.0)


def sample_for(seconds, source):
    with Sampler(source) as sampler:
        time.sleep(seconds)
    return sampler


def test_a_source_is_read_while_something_else_works(monkeypatch):
    monkeypatch.delattr(time, "time")  # whoever sets the date moves nothing here
    sampler = sample_for(0.5, Steady())
    assert 0.5 <= sampler.duration_ns / SECOND < 5
    assert within_1_percent(sampler.joules, 2 * sampler.duration_ns / SECOND)
    assert 3 <= sampler.read <= 2 + 50 * sampler.duration_ns / SECOND


def test_a_slow_reading_leaves_a_hole_that_is_not_made_up_for():
    sampler = sample_for(1.2, Steady(slow=(4,)))
    steps = [
        (b.monotonic_ns - a.monotonic_ns) / SECOND
        for a, b in zip(sampler.samples, sampler.samples[1:], strict=False)
    ]
    assert max(steps) >= 0.3 and sampler.coverage <= 1 - 0.3 / (sampler.duration_ns / SECOND)
    assert sampler.samples[4].monotonic_ns - sampler.samples[3].monotonic_ns > 0.005 * SECOND
    assert within_1_percent(sampler.joules, 2 * sampler.duration_ns / SECOND)


def test_a_source_that_fails_says_why_and_the_load_goes_on():
    sampler = sample_for(0.3, Steady(broken=(1, 2, 3)))
    assert sampler.problem == "Input/output error"
    assert sampler.read == len(sampler.samples) - 3
    assert sample_for(0.1, Steady(broken=range(99))).joules is None


# RAPL, laid out as the kernel's powercap.rst describes it.


def zone(name, energy_uj, number="0", full=262143328850, kind="intel-rapl"):
    folder = f"{POWERCAP}/{kind}:{number}"
    return {
        f"{folder}/name": name,
        f"{folder}/energy_uj": energy_uj,
        f"{folder}/max_energy_range_uj": full,
    }


def test_the_packages_are_summed_and_nothing_is_counted_twice(tmp_path):
    lay(tmp_path, zone("package-0", 1000) | zone("core", 10, "0:0") | zone("dram", 5, "0:2"))
    lay(tmp_path, zone("package-1", 7000, "1") | zone("core", 20, "1:0") | zone("psys", 1, "2"))
    lay(tmp_path, zone("package-0", 1000, kind="intel-rapl-mmio"))
    found = rapl.find(tmp_path)
    assert found.value.name == "RAPL package-0, package-1"
    assert found.source.count("energy_uj") == 2
    assert "not memory modules" in found.value.covers
    assert found.value.read().joules == 0
    lay(tmp_path, zone("package-0", 1_001_000) | zone("package-1", 2_007_000, "1"))
    assert found.value.read().joules == 3.0


def test_where_there_is_no_package_the_cores_are_counted(tmp_path):
    lay(tmp_path, zone("core", 10, "0:0"))
    found = rapl.find(tmp_path)
    assert found.value.name == "RAPL core" and "cores alone" in found.value.covers


def test_the_joules_are_right_across_wrap_around_and_missed_samples(tmp_path):
    full = 65_000_000  # 65 J, full every 3 s at about 20 W
    source = rapl.find(lay(tmp_path, zone("package-0", full - 5, full=full))).value
    samples, used = [source.read()], 0
    for i in range(1, 201):
        used += 1_000_000 + 1000 * (i % 7)  # 50 ms of 20 W
        lay(tmp_path, zone("package-0", (full - 5 + used) % full, full=full))
        if 60 <= i < 80:
            continue
        if i % 10 == 3:
            (tmp_path / f"{POWERCAP}/intel-rapl:0/energy_uj").unlink()
            assert not source.read().known
            continue
        samples.append(source.read())
    assert used > 3 * full
    assert integrate(samples) == pytest.approx(used / 1e6, abs=1e-6)


def test_counters_that_only_root_may_read_say_so(tmp_path):
    lay(tmp_path, zone("package-0", 1))
    (tmp_path / f"{POWERCAP}/intel-rapl:0/energy_uj").unlink()  # unreadable, to root too
    found = energy.find(tmp_path)
    assert found.value is None and found.reason.startswith("only root may read")
    assert "sudo chmod a+r /sys/class/powercap" in found.reason
    lay(tmp_path, zone("package-0", "?"))
    assert "no number" in energy.find(tmp_path).reason


# The Pi 5's power chip: the form of its answer is that of the Raspberry Pi documentation.

ANSWER = """\
   3V7_WL_SW_A current(0)=0.10000000A
     VDD_CORE_A current(7)={amperes}A
   3V7_WL_SW_V volt(8)=3.70000000V
     VDD_CORE_V volt(15)=0.80000000V
      EXT5V_V volt(24)=5.12520000V
       BATT_V volt(25)=0.00000000V"""


@pytest.fixture
def vcgencmd(tmp_path):
    """Write a command that answers pmic_read_adc; returns its path."""

    def make(body):
        path = tmp_path / "bin" / "vcgencmd"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\n[ "$1" = pmic_read_adc ] || exit 1\n{body}\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_rails_with_current_and_voltage_are_summed(vcgencmd, tmp_path):
    command = vcgencmd(f"echo '{ANSWER.format(amperes='2.5')}'")
    found = pmic.find(tmp_path, command)
    assert found.value.read().watts == pytest.approx(0.1 * 3.7 + 2.5 * 0.8)
    assert "2 rails" in found.value.covers and "USB devices" in found.value.covers
    assert found.value.hz >= 10


def test_the_integral_of_a_power_that_rises_is_right(vcgencmd, tmp_path):
    # 1 W and 0.1 W more each second from now on, 0.37 W of it on the other rail.
    start = time.time()
    watts = f"($1 - {start:.6f}) / 10 + 0.63"
    rising = f"amperes=$(date +%s.%N | awk '{{printf \"%.6f\", ({watts}) / 0.8}}')"
    command = vcgencmd(f"{rising}\ncat <<END\n{ANSWER.format(amperes='${amperes}')}\nEND")
    offset = time.time() - time.monotonic()
    sampler = sample_for(2, pmic.find(tmp_path, command).value)
    known = [s.monotonic_ns / SECOND + offset - start for s in sampler.samples if s.known]
    a, b = known[0], known[-1]
    assert within_1_percent(sampler.joules, (b - a) + (b * b - a * a) / 20)
    assert b - a >= 2 and sampler.read >= 5


def test_a_sample_without_one_of_its_rails_is_missed(vcgencmd, tmp_path):
    source = pmic.find(tmp_path, vcgencmd(f"echo '{ANSWER.format(amperes='2.5')}'")).value
    vcgencmd("echo 'VDD_CORE_A current(7)=1.0A'; echo 'VDD_CORE_V volt(15)=0.8V'")
    assert not source.read().known
    vcgencmd("exit 255")
    assert not source.read().known


def test_a_board_without_that_chip_has_none_and_a_refusal_is_the_reason(vcgencmd, tmp_path):
    no_chip = "echo 'error=1 error_msg=\"Command not registered\"'"
    assert pmic.find(tmp_path, vcgencmd(no_chip)) is None
    refusing = pmic.find(tmp_path, vcgencmd("echo VCHI initialization failed >&2; exit 255"))
    assert refusing.value is None and "group video" in refusing.reason
    odd = pmic.find(tmp_path, vcgencmd("echo 'VDD_CORE_A current(7)=1.0A'"))
    assert odd.value is None and "no rail's" in odd.reason
    assert pmic.find(tmp_path) is None  # not this machine's command for another root


# Power sensors, laid out as the kernel's ina2xx.rst and ina3221.rst describe them.


def ina3221(number, *rails):
    files = {f"{CHIP}{number}/name": "ina3221", f"{CHIP}{number}/in7_label": "sum of shunts"}
    for i, (label, millivolts, milliamperes) in enumerate(rails, 1):
        files[f"{CHIP}{number}/in{i}_label"] = label
        files[f"{CHIP}{number}/in{i}_input"] = millivolts
        files[f"{CHIP}{number}/curr{i}_input"] = milliamperes
    return files


def test_one_ina_is_read_by_its_power_or_by_voltage_and_current(tmp_path):
    other = {f"{CHIP}0/name": "amdgpu", f"{CHIP}0/power1_input": 9}  # the power of something else
    assert hwmon.find(lay(tmp_path, other)) is None
    lay(tmp_path, {f"{CHIP}1/name": "ina219", f"{CHIP}1/in1_input": 5000})
    lay(tmp_path, {f"{CHIP}1/in0_input": 3, f"{CHIP}1/curr1_input": 400})
    found = hwmon.find(tmp_path)
    assert found.value.read().watts == pytest.approx(2.0)
    assert found.value.name == "power sensor ina219 (hwmon1)" and "wired" in found.value.covers
    lay(tmp_path, {f"{CHIP}1/power1_input": 2_100_000})
    source = hwmon.find(tmp_path).value
    assert source.read().watts == pytest.approx(2.1)
    (tmp_path / f"{CHIP}1/power1_input").unlink()
    assert not source.read().known


def test_of_a_jetsons_rails_the_input_is_the_whole(tmp_path):
    parts = ("VDD_CPU_GPU_CV", 5000, 300), ("VDD_SOC", 5000, 200)
    lay(tmp_path, ina3221(1, ("VDD_IN", 5000, 1000), *parts))
    source = hwmon.find(tmp_path).value
    assert source.read().watts == pytest.approx(5.0) and source.name == "power sensor VDD_IN"


def test_where_no_rail_is_the_input_those_with_a_name_are_summed(tmp_path):
    lay(tmp_path, ina3221(1, ("VDD_GPU_SOC", 5000, 600), ("VDD_CPU_CV", 5000, 200)))
    lay(tmp_path, ina3221(2, ("NC", 0, 0), ("VDDQ", 5000, -20)))
    source = hwmon.find(tmp_path).value
    assert source.read().watts == pytest.approx(3.9)
    assert source.name.endswith("VDD_GPU_SOC, VDD_CPU_CV, VDDQ") and "twice" in source.covers


def test_of_several_sensors_without_names_none_is_taken(tmp_path):
    for number in (1, 2):
        lay(tmp_path, {f"{CHIP}{number}/name": "ina226", f"{CHIP}{number}/power1_input": 9})
    found = energy.find(tmp_path)
    assert found.value is None and "nothing says which feeds this machine" in found.reason


def test_a_sensor_that_shows_nothing_is_the_reason(tmp_path):
    found = energy.find(lay(tmp_path, {f"{CHIP}1/name": "ina260"}))
    assert found.value is None and "check its wiring" in found.reason


# Batteries, laid out as the kernel's sysfs-class-power describes them.


def supply(name, **values):
    return {f"{SUPPLY}/{name}/{key}": value for key, value in values.items()}


def test_a_battery_is_read_while_it_discharges(tmp_path):
    mouse = supply("hid", type="Battery", scope="Device", status="Discharging", power_now=1)
    assert battery.find(lay(tmp_path, mouse)) is None
    values = {"type": "Battery", "voltage_now": 11_000_000, "current_now": -1_000_000}
    lay(tmp_path, supply("BAT0", **values, status="Discharging"))
    source = battery.find(tmp_path).value
    assert source.read().watts == pytest.approx(11.0) and source.name == "battery BAT0"
    lay(tmp_path, supply("BAT0", power_now=9_500_000))
    assert source.read().watts == pytest.approx(9.5)
    lay(tmp_path, supply("BAT0", status="Charging"))
    assert not source.read().known
    found = energy.find(tmp_path)
    assert found.value is None and "unplug" in found.reason


def test_a_battery_that_tells_nothing_is_the_reason(tmp_path):
    lay(tmp_path, supply("BAT0", type="Battery", status="Discharging"))
    assert "neither its power nor its current" in energy.find(tmp_path).reason


# Which source is taken, and what is said where there is none.


def test_what_can_be_read_is_taken_although_something_else_cannot(tmp_path):
    lay(tmp_path, zone("package-0", "?"))
    lay(tmp_path, supply("BAT0", type="Battery", status="Discharging", power_now=5))
    assert energy.find(tmp_path).value.name == "battery BAT0"
    lay(tmp_path, supply("BAT0", status="Full"))
    reason = energy.find(tmp_path).reason
    assert "RAPL" in reason and "; " in reason and "unplug" in reason
    lay(tmp_path, zone("package-0", 5))
    assert energy.describe(tmp_path).value == "RAPL package-0"


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({}, "this kernel shows no energy counter and no power sensor: measure at the plug"),
        ({"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4"}, "Raspberry Pi 4 Model B"),
        ({"proc/device-tree/model": "Raspberry Pi 5 Model B"}, "install raspi-utils"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, "a virtual machine (QEMU) is shown no energy"),
        ({".dockerenv": ""}, "run it outside the container"),
    ],
    ids=["nothing", "Pi 4", "Pi 5", "virtual", "container"],
)
def test_without_a_source_the_reason_says_what_to_do(tmp_path, files, part):
    found = energy.find(lay(tmp_path, files))
    assert found.value is None and part in found.reason
    assert found.reason == absence.explain(tmp_path)


# Meters of other packages.


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package of one file that brings a meter."""

    def make(name, code):
        info = f"{name}-1.dist-info"
        entry = f"[{meters.GROUP}]\n{name} = {name}:find"
        lay(tmp_path, {f"{name}.py": code, f"{info}/entry_points.txt": entry})
        lay(tmp_path, {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1"})

    monkeypatch.syspath_prepend(str(tmp_path))
    return make


def test_a_meter_of_another_package_comes_first(install, tmp_path):
    install("broken_meter", "def find():\n    raise OSError(19, 'No such device')")
    found = energy.find()
    if found.value is None:
        assert "the meter broken_meter cannot be opened: No such device" in found.reason
    example = Path(meters.__file__).read_text().split("    import time\n")[1].split("\nA meter")[0]
    code = "import time\n" + "\n".join(line[4:] for line in example.splitlines())
    install("my_meter", code)
    install("serial", "class Serial:\n    def __init__(self, port, timeout): self.port = port\n"
            "    def readline(self): return b'5.0 0.4'")  # fmt: skip
    (tmp_path / "serial-1.dist-info/entry_points.txt").unlink()
    found = energy.find()
    assert (found.value.name, found.source) == ("my meter", "my_meter (my_meter:find)")
    assert found.value.read().watts == pytest.approx(2.0)
    assert meters.find(tmp_path) is None  # another root is another machine
