"""The machine's state: all probes, on this machine, on an empty and on a broken one."""

import json
from dataclasses import fields

import pytest

from edge_runtime.documents import strict
from edge_runtime.documents.values import to_json
from edge_runtime.probes import ROOT, Reading, state
from edge_runtime.probes.state import State

# What is read from calls, not from files: it is known on every machine.
CALLS = {"involuntary_switches", "major_faults", "cpu_ns", "monotonic_ns"}

# Every file that a probe reads, named as the documents in test_probes.py name them.
FILES = (
    "proc/1/environ",
    "proc/cpuinfo",
    "proc/device-tree/hypervisor/compatible",
    "proc/device-tree/model",
    "proc/loadavg",
    "proc/self/cgroup",
    "proc/self/status",
    "proc/self/task/1/schedstat",
    "proc/stat",
    "proc/vmstat",
    "sys/class/dmi/id/product_name",
    "sys/class/dmi/id/sys_vendor",
    "sys/class/hwmon/hwmon0/name",
    "sys/class/hwmon/hwmon0/temp1_input",
    "sys/class/hwmon/hwmon0/temp1_label",
    "sys/class/power_supply/BAT0/online",
    "sys/class/power_supply/BAT0/scope",
    "sys/class/power_supply/BAT0/status",
    "sys/class/power_supply/BAT0/type",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/thermal/thermal_zone0/type",
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
    "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
    "sys/fs/cgroup/cpu.stat",
    "sys/hypervisor/type",
)

GARBAGE = {
    "nothing": b"",
    "a line end": b"\n",
    "bytes": bytes(range(256)),
    "NULs": b"\0" * 64,
    "signs": b"-?: +1e9 0x1F _7\n",
    "a long number": b"9" * 10_000,
    "a number below zero": b"-7\n",
    "a cut name": b"cpu",
}
# The beginnings of lines that probes look for, with a hole where the value should be.
HOLES = {
    "proc/self/cgroup": b"0::/\0/../x\n4:cpu\n",
    "proc/self/status": b"VmSwap:\n",
    "proc/stat": b"cpu  1 2 \xff 4\n",
    "proc/vmstat": b"oom_kill \n",
    "sys/fs/cgroup/cpu.stat": b"nr_throttled\n",
    "sys/class/hwmon/hwmon0/name": b"coretemp\n",
    "sys/class/thermal/thermal_zone0/type": b"cpu-thermal\n",
    "sys/class/power_supply/BAT0/type": b"Battery\n",
}


def filled(root, contents):
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def answers_or_says_why(reading):
    return (
        isinstance(reading, Reading)
        and reading.source
        and (reading.value is None) == bool(reading.reason)
    )


def test_on_this_machine_every_probe_answers_or_says_why_not():
    readings = state.read()
    assert list(readings) == list(state.PROBES)
    assert all(map(answers_or_says_why, readings.values()))
    assert all(readings[name].value is not None for name in CALLS)


@pytest.mark.parametrize("name", sorted(state.PROBES.keys() - CALLS))
def test_without_proc_and_sys_a_probe_says_why_it_knows_nothing(tmp_path, name):
    reading = state.PROBES[name](tmp_path)
    assert reading.value is None and reading.reason and reading.source


@pytest.mark.parametrize("name", sorted(state.PROBES.keys() - CALLS))
@pytest.mark.parametrize("garbage", [*GARBAGE, "holes", "a folder"])
def test_garbage_is_unknown_with_a_reason(tmp_path, name, garbage):
    if garbage == "a folder":
        for file in FILES:
            (tmp_path / file).mkdir(parents=True)
    else:
        content = GARBAGE.get(garbage, b"")
        filled(tmp_path, dict.fromkeys(FILES, content) | (HOLES if garbage == "holes" else {}))
    reading = state.PROBES[name](tmp_path)
    if (name, garbage) in {("governor", "a cut name"), ("virtualisation", "a cut name")}:
        assert answers_or_says_why(reading)  # a word, which a name may be
    else:
        assert reading.value is None and reading.reason and reading.source


@pytest.mark.parametrize("closing", [False, True])
def test_what_counts_up_is_read_nearest_to_what_is_measured(monkeypatch, closing):
    seen: list[str] = []

    def noted(name):
        return lambda _root: Reading(seen.append(name), "test", "none")

    monkeypatch.setattr(state, "PROBES", {name: noted(name) for name in state.PROBES})
    assert list(state.read(closing=closing)) == list(state.PROBES)
    assert sorted(seen) == sorted(state.PROBES)
    if closing:
        seen.reverse()
    assert tuple(seen[-len(state.NEAREST) :]) == state.NEAREST
    assert seen[-1] == "monotonic_ns"


def test_counters_never_fall_from_one_reading_to_the_next():
    before, after = state.values(state.read()), state.values(state.read())
    for name in ("involuntary_switches", "major_faults", "cpu_ns", "busy_ticks"):
        assert getattr(after, name) >= getattr(before, name)
    assert after.monotonic_ns > before.monotonic_ns


def test_a_state_has_a_field_for_each_probe_and_reads_back():
    readings = state.read(ROOT)
    values = state.values(readings, 5)
    assert [field.name for field in fields(State)] == [*state.PROBES, "fixed_work_ns"]
    assert all(getattr(values, name) == reading.value for name, reading in readings.items())
    assert strict.build(State, json.loads(json.dumps(to_json(values)))) == values


def test_of_the_machine_alone_nothing_of_this_process_is_told():
    assert not {"cpu_ns", "monotonic_ns", "major_faults"} & state.read_machine().keys()
