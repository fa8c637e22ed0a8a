"""Probes: real ones against what they read, and unknown with a reason where there is nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.probes import (
    Reading,
    clock,
    cpufreq,
    load,
    memory,
    power,
    scheduling,
    thermal,
    throttle,
    vcgencmd,
    virtualisation,
)

CPUS = "sys/devices/system/cpu"
ZONES = "sys/class/thermal/thermal_zone"
CHIPS = "sys/class/hwmon/hwmon"
SUPPLIES = "sys/class/power_supply"
DMI = "sys/class/dmi/id"


def tree(root: Path, files: dict[str, str]) -> Path:
    """Write a synthetic /proc and /sys; return their root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def unknown(reading: Reading, part: str) -> bool:
    return reading.value is None and part in reading.reason


def test_peak_memory_sees_what_was_allocated_after_the_baseline():
    # In a process of its own: one that has freed much gives the block memory that it still holds.
    code = (
        "import numpy as np; from edge_runtime.probes import memory; "
        "baseline = memory.start_peak().value; block = np.ones(64 * 2**20, dtype=np.uint8); "
        "print((memory.peak_bytes().value - baseline) / block.nbytes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) >= 0.9


def test_a_peak_before_the_baseline_does_not_count():
    block = np.ones(64 * 2**20, dtype=np.uint8)
    del block
    baseline = memory.start_peak()
    assert memory.peak_bytes().value - baseline.value < 32 * 2**20


def test_where_the_peak_cannot_be_set_back_it_is_the_baseline(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\n")
    (tmp_path / "clear_refs").mkdir()  # cannot be written to
    assert memory.start_peak(tmp_path).value == 300 * 1024
    assert memory.resident_bytes(tmp_path).value == 200 * 1024


def test_shared_pages_are_read_from_their_own_file(tmp_path):
    (tmp_path / "smaps_rollup").write_text("Rss: 900 kB\nPss:   123 kB\n")
    assert memory.proportional_bytes(tmp_path).value == 123 * 1024


def test_swapped_memory_is_read_as_bytes(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\nVmSwap:\t      12 kB\n")  # proc(5)
    assert memory.swapped_bytes(tmp_path).value == 12 * 1024


@pytest.mark.parametrize("content", ["VmHWM:", "VmHWM:\t-3 kB", "VmHWM: many kB", "VmHWM:\t\ufffd"])
def test_memory_that_is_no_number_is_unknown_with_its_reason(tmp_path, content):
    (tmp_path / "status").write_text(content)
    assert unknown(memory.peak_bytes(tmp_path), "not a number of kB")


def test_without_proc_memory_is_unknown_with_its_reason(tmp_path):
    reading = memory.peak_bytes(tmp_path / "none")
    assert reading.value is None and "cannot be read" in reading.reason


def test_a_field_the_kernel_lacks_is_unknown_with_its_reason(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\n")
    assert memory.peak_bytes(tmp_path).reason == "this kernel does not report it"


# cpufreq, laid out as the kernel's Documentation/admin-guide/pm/cpufreq.rst describes it.


def cpus(root, name, *contents):
    return tree(root, {f"{CPUS}/cpu{i}/cpufreq/{name}": text for i, text in enumerate(contents)})


def test_a_governor_that_all_cpus_share_is_named_once(tmp_path):
    reading = cpufreq.governor(cpus(tmp_path, "scaling_governor", "ondemand\n", "ondemand\n"))
    assert reading.value == "ondemand"
    assert reading.source == str(tmp_path / CPUS / "cpu*/cpufreq/scaling_governor")


def test_several_governors_are_all_named(tmp_path):
    cpus(tmp_path, "scaling_governor", "schedutil\n", "performance\n", "schedutil\n")
    assert cpufreq.governor(tmp_path).value == "performance, schedutil"


def test_the_frequency_is_the_fastest_cpus_in_hertz(tmp_path):
    cpus(tmp_path, "scaling_cur_freq", "600000\n", "1800000\n", "<unknown>\n")
    assert cpufreq.frequency_hz(tmp_path).value == 1_800_000_000


def test_a_frequency_that_cpufreq_does_not_know_is_unknown(tmp_path):
    cpus(tmp_path, "scaling_cur_freq", "<unknown>\n", "0\n")
    assert unknown(cpufreq.frequency_hz(tmp_path), "does not know")


def test_without_cpufreq_governor_and_frequency_are_unknown(tmp_path):
    for probe in (cpufreq.governor, cpufreq.frequency_hz):
        assert unknown(probe(tmp_path), "no cpufreq")


# Thermal zones as in the kernel's Documentation/driver-api/thermal/sysfs-api.rst, hwmon chips as
# in its Documentation/hwmon/sysfs-interface.rst.


def zones(root, *sensors):
    for i, (kind, temp) in enumerate(sensors):
        tree(root, {f"{ZONES}{i}/type": f"{kind}\n", f"{ZONES}{i}/temp": f"{temp}\n"})
    return root


def chip(root, number, name, *temps):
    tree(root, {f"{CHIPS}{number}/name": f"{name}\n"})
    for i, (label, temp) in enumerate(temps, 1):
        tree(root, {f"{CHIPS}{number}/temp{i}_input": f"{temp}\n"})
        tree(root, {f"{CHIPS}{number}/temp{i}_label": f"{label}\n"})
    return root


@pytest.mark.parametrize(
    "kind", ["cpu-thermal", "CPU-therm", "soc-thermal", "bigcore0-thermal", "x86_pkg_temp"]
)
def test_the_processors_thermal_zone_is_known_by_its_type(tmp_path, kind):
    zones(tmp_path, ("iwlwifi_1", 80_000), (kind, 45_277), ("gpu-thermal", 70_000))
    reading = thermal.temperature_celsius(tmp_path)
    assert reading.value == 45.277 and reading.source.endswith("thermal_zone1/temp")


def test_the_hottest_of_zones_and_chips_counts(tmp_path):
    zones(tmp_path, ("x86_pkg_temp", 51_000), ("acpitz", 90_000))
    chip(tmp_path, 3, "coretemp", ("Package id 0", 50_000), ("Core 0", 53_000))
    chip(tmp_path, 4, "nvme", ("Composite", 60_000))
    reading = thermal.temperature_celsius(tmp_path)
    assert reading.value == 53 and reading.source.endswith("hwmon3/temp2_input")


def test_a_control_temperature_with_an_offset_does_not_count(tmp_path):
    # Documentation/hwmon/k10temp.rst: Tctl is Tdie plus an offset on some processors.
    chip(tmp_path, 0, "k10temp", ("Tctl", 77_000), ("Tdie", 50_000))
    assert thermal.temperature_celsius(tmp_path).value == 50


def test_the_only_control_temperature_counts(tmp_path):
    chip(tmp_path, 0, "k10temp", ("Tctl", 61_500))
    assert thermal.temperature_celsius(tmp_path).value == 61.5


def test_acpis_zone_is_the_last_resort(tmp_path):
    assert thermal.temperature_celsius(zones(tmp_path, ("acpitz", 27_800))).value == 27.8


@pytest.mark.parametrize("temp", [-274_000, -40_000, 150_000, 200_000])
def test_an_implausible_temperature_is_ignored(tmp_path, temp):
    zones(tmp_path, ("cpu-thermal", temp))
    assert unknown(thermal.temperature_celsius(tmp_path), "no plausible temperature")
    zones(tmp_path, ("cpu-thermal", temp), ("soc-thermal", -5_000))  # outdoors, in winter
    assert thermal.temperature_celsius(tmp_path).value == -5


def test_sensors_of_other_things_are_named_in_the_reason(tmp_path):
    zones(tmp_path, ("iwlwifi_1", 40_000), ("gpu-thermal", 41_000))
    assert unknown(thermal.temperature_celsius(tmp_path), "(gpu-thermal, iwlwifi_1)")


# get_throttled as in the Raspberry Pi documentation (vcgencmd), the file as its kernel's
# drivers/firmware/raspberrypi.c writes it: hexadecimal, no 0x.

THROTTLED_NOW = (
    throttle.Firmware.UNDER_VOLTAGE
    | throttle.Firmware.THROTTLED
    | throttle.Firmware.UNDER_VOLTAGE_SINCE_BOOT
    | throttle.Firmware.THROTTLED_SINCE_BOOT
)


def scripted(folder, body):
    path = folder / "vcgencmd"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("soc", ["soc", "soc@107c000000"])  # until the Raspberry Pi 5, and on it
def test_the_firmwares_flags_are_read_from_sysfs(tmp_path, soc):
    file = f"sys/devices/platform/{soc}/{soc}:firmware/get_throttled"
    reading = throttle.firmware_flags(tree(tmp_path, {file: "50005\n"}))
    assert reading.value == THROTTLED_NOW == 0x50005
    assert reading.source == str(tmp_path / file)


def test_the_firmwares_flags_are_asked_of_the_command(tmp_path):
    command = scripted(tmp_path, '[ "$1" = get_throttled ] && echo throttled=0x80008')
    reading = throttle.firmware_flags(tmp_path, command)
    assert reading.value == 0x80008 and reading.source == f"{command} get_throttled"


def test_the_command_is_believed_before_sysfs_which_forgets(tmp_path):
    tree(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": "0\n"})
    command = scripted(tmp_path, "echo throttled=0x50000")
    assert throttle.firmware_flags(tmp_path, command).value == 0x50000
    failing = scripted(tmp_path, "echo VCHI initialization failed >&2; exit 255")
    assert throttle.firmware_flags(tmp_path, failing).value == 0


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("echo VCHI initialization failed >&2; exit 255", "VCHI initialization failed"),
        ("echo 'error=1 error_msg=\"Command not registered\"'", "Command not registered"),
        ("echo throttled=0x0; exit 1", "exit code 1"),
        ("printf '\\377\\000'", "exit code 0"),
        ("exec sleep 60", "within 0.1 s"),
    ],
)
def test_a_command_that_fails_gives_the_reason(tmp_path, monkeypatch, body, part):
    if "sleep" in body:
        monkeypatch.setattr(vcgencmd, "TIMEOUT_S", 0.1)
    assert unknown(throttle.firmware_flags(tmp_path, scripted(tmp_path, body)), part)


def test_a_command_that_cannot_be_run_gives_the_reason(tmp_path):
    assert unknown(throttle.firmware_flags(tmp_path, str(tmp_path / "none")), "cannot be run")


def test_the_machines_own_command_is_not_asked_about_another_root(tmp_path, monkeypatch):
    scripted(tmp_path, "echo throttled=0x0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unknown(throttle.firmware_flags(tmp_path), "Raspberry Pi")
    assert throttle.firmware_flags().value == 0


def test_throttling_is_summed_over_cores_and_packages(tmp_path):
    # The files of the kernel's drivers/thermal/intel/therm_throt.c.
    folder = f"{CPUS}/cpu{{}}/thermal_throttle"
    for cpu in (0, 1):
        counts = {"core_throttle_count": "3\n", "package_throttle_count": "10\n"}
        tree(tmp_path, {f"{folder.format(cpu)}/{name}": n for name, n in counts.items()})
        tree(tmp_path, {f"{folder.format(cpu)}/core_throttle_total_time_ms": "999\n"})
    assert throttle.cpu_events(tmp_path).value == 26
    tree(tmp_path, {f"{folder.format(1)}/core_throttle_count": "?\n"})
    assert unknown(throttle.cpu_events(tmp_path), "not every CPU")


def test_without_counts_throttling_is_unknown(tmp_path):
    assert unknown(throttle.cpu_events(tmp_path), "only Intel")


# cpu.stat as in the kernel's Documentation/admin-guide/cgroup-v2.rst, and for version 1 its
# Documentation/scheduler/sched-bwc.rst; /proc/self/cgroup as in cgroups(7).


def cpu_stat(throttled):
    return f"usage_usec 9\nnr_periods 50\nnr_throttled {throttled}\nthrottled_usec 4000\n"


def test_a_quotas_waits_are_those_of_the_processs_cgroup(tmp_path):
    tree(tmp_path, {"proc/self/cgroup": "0::/user.slice/run.scope\n"})
    tree(tmp_path, {"sys/fs/cgroup/user.slice/run.scope/cpu.stat": cpu_stat(7)})
    tree(tmp_path, {"sys/fs/cgroup/other.slice/cpu.stat": cpu_stat(100)})
    reading = throttle.quota_events(tmp_path)
    assert reading.value == 7 and reading.source.endswith("run.scope/cpu.stat")


def test_a_quota_on_a_cgroup_above_counts_too(tmp_path):
    tree(tmp_path, {"proc/self/cgroup": "0::/user.slice/run.scope\n"})
    tree(tmp_path, {"sys/fs/cgroup/user.slice/run.scope/cpu.stat": cpu_stat(0)})
    tree(tmp_path, {"sys/fs/cgroup/user.slice/cpu.stat": cpu_stat(5)})
    assert throttle.quota_events(tmp_path).value == 5


def test_in_a_container_the_mounts_top_is_the_processs_cgroup(tmp_path):
    tree(tmp_path, {"proc/self/cgroup": "0::/docker/4f1c\n"})
    assert throttle.quota_events(tree(tmp_path, {"sys/fs/cgroup/cpu.stat": cpu_stat(2)})).value == 2


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_under_version_1_the_cpu_controllers_cgroup_counts(tmp_path, mount):
    lines = "9:name=systemd:/x\n3:cpuset:/y\n2:cpu,cpuacct:/docker/4f1c\n0::/z\n"
    tree(tmp_path, {"proc/self/cgroup": lines, f"sys/fs/cgroup/{mount}/cpu.stat": cpu_stat(0)})
    tree(tmp_path, {f"sys/fs/cgroup/{mount}/docker/4f1c/cpu.stat": cpu_stat(3)})
    assert throttle.quota_events(tmp_path).value == 3


def test_without_the_cpu_controller_a_quota_is_unknown(tmp_path):
    tree(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.stat": "usage_usec 9\n"})
    assert unknown(throttle.quota_events(tmp_path), "controller is not on")


# /proc/loadavg, /proc/stat and /proc/vmstat as in proc(5).


def test_the_load_is_the_last_minutes(tmp_path):
    tree(tmp_path, {"proc/loadavg": "1.25 0.50 0.10 2/79 2403\n"})
    assert load.load_1min(tmp_path).value == 1.25


@given(st.lists(st.integers(0, 2**64 - 1), min_size=8, max_size=10))
def test_all_ticks_are_busy_idle_or_stolen_and_guests_count_once(tmp_path_factory, times):
    rest = "cpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n"
    line = f"cpu  {' '.join(map(str, times))}\n"
    root = tree(tmp_path_factory.mktemp("root"), {"proc/stat": line + rest})
    steal, busy = load.steal_ticks(root).value, load.busy_ticks(root).value
    assert steal == times[load.STEAL]
    assert steal + busy + times[load.IDLE] + times[load.IOWAIT] == load.total_ticks(root).value
    assert load.total_ticks(root).value == sum(times[:8])


@pytest.mark.parametrize("line", ["cpu  1 2 3 4 5 6 7\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu\n"])
def test_a_line_that_lacks_times_is_no_ticks(tmp_path, line):
    tree(tmp_path, {"proc/stat": line})
    assert unknown(load.total_ticks(tmp_path), "eight times")


def test_ticks_are_turned_into_seconds_by_the_kernels_constant():
    assert load.TICKS_PER_S > 0


def test_kills_for_want_of_memory_are_counted(tmp_path):
    assert load.oom_kills(tree(tmp_path, {"proc/vmstat": "pgfault 9\noom_kill 4\n"})).value == 4
    assert unknown(load.oom_kills(tree(tmp_path, {"proc/vmstat": "pgfault 9\n"})), "4.13")


# /proc/<pid>/schedstat as in the kernel's Documentation/scheduler/sched-stats.rst: ns on a CPU, ns
# waiting for one, times on one.


def threads(root, *texts):
    return tree(root, {f"proc/self/task/{i}/schedstat": text for i, text in enumerate(texts)})


def test_the_wait_for_a_cpu_is_summed_over_threads(tmp_path):
    assert scheduling.queue_wait_ns(threads(tmp_path, "9 500 3\n", "8 70 1\n")).value == 570


def test_a_thread_that_ended_meanwhile_is_passed_over(tmp_path):
    threads(tmp_path, "9 500 3\n")
    folder = tmp_path / "proc/self/task/1"
    folder.mkdir()
    (folder / "schedstat").symlink_to("gone")
    assert scheduling.queue_wait_ns(tmp_path).value == 500


def test_zeros_of_a_kernel_that_does_not_count_are_unknown(tmp_path):
    # fs/proc/base.c writes "0 0 0" where scheduling statistics and delay accounting are off.
    assert unknown(scheduling.queue_wait_ns(threads(tmp_path, "0 0 0\n")), "does not count")


@pytest.mark.parametrize("text", ["9 500", "9 500 3 1", "9 many 3", "9 -500 3"])
def test_a_wait_that_is_not_three_numbers_is_unknown(tmp_path, text):
    assert unknown(scheduling.queue_wait_ns(threads(tmp_path, "9 5 3", text)), "three numbers")


# Supplies as in the kernel's Documentation/ABI/testing/sysfs-class-power.


def supply(root, name, **files):
    return tree(root, {f"{SUPPLIES}/{name}/{file}": f"{text}\n" for file, text in files.items()})


@pytest.mark.parametrize(("kind", "online"), [("Mains", 1), ("USB", 1), ("USB", 2)])
def test_a_supply_that_is_online_is_mains_even_beside_a_battery(tmp_path, kind, online):
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    supply(tmp_path, "one", type=kind, online=online)
    assert power.power_source(tmp_path).value == "mains"


def test_a_battery_that_is_discharging_is_the_source(tmp_path):
    supply(tmp_path, "AC", type="Mains", online=0)
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    reading = power.power_source(tmp_path)
    assert reading.value == "battery" and reading.source.endswith("BAT0/status")


def test_a_mouses_battery_and_a_socket_that_feeds_others_are_no_source(tmp_path):
    supply(tmp_path, "mouse", type="Battery", status="Discharging", scope="Device")
    supply(tmp_path, "usb-c", type="USB", online=1, scope="Device")
    assert unknown(power.power_source(tmp_path), "no supply here is online")


def test_a_battery_that_is_not_discharging_is_no_source(tmp_path):
    supply(tmp_path, "BAT0", type="Battery", status="Not charging")
    assert unknown(power.power_source(tmp_path), "no battery of this machine is discharging")


def test_without_supplies_the_source_is_unknown(tmp_path):
    assert unknown(power.power_source(tmp_path), "boards and virtual machines")


# /proc/cpuinfo as x86 and Arm Linux write it; DMI's names as the kernel's drivers/firmware/dmi-id.c
# shows them; device trees as in the Devicetree Specification; Xen's type as in
# Documentation/ABI/stable/sysfs-hypervisor-xen.

X86 = "processor\t: 0\nflags\t\t: fpu sse2 avx2\n\nprocessor\t: 1\n"
X86_VIRTUAL = X86.replace("avx2", "avx2 hypervisor")
ARM = "processor\t: 0\nFeatures\t: fp asimd\n"


def machine(root, cpuinfo, vendor="", product=""):
    names = {f"{DMI}/sys_vendor": f"{vendor}\n", f"{DMI}/product_name": f"{product}\n"}
    return tree(root, {"proc/cpuinfo": cpuinfo} | (names if vendor else {}))


@pytest.mark.parametrize(
    ("cpuinfo", "vendor", "product", "expected"),
    [
        (X86, "", "", "none"),
        (X86, "Dell Inc.", "XPS 13", "none"),
        (X86, "Microsoft Corporation", "Surface Laptop", "none"),
        (X86, "Google", "Volteer", "none"),
        (X86, "Amazon EC2", "i3.metal", "none"),
        (X86, "innotek GmbH", "VirtualBox", "virtual machine (VirtualBox)"),  # it hides the bit
        (X86_VIRTUAL, "", "", "virtual machine"),
        (X86_VIRTUAL, "QEMU", "Standard PC (Q35 + ICH9, 2009)", "virtual machine (QEMU)"),
        (X86_VIRTUAL, "Red Hat", "KVM", "virtual machine (KVM)"),
        (X86_VIRTUAL, "VMware, Inc.", "VMware7,1", "virtual machine (VMware)"),
        (X86_VIRTUAL, "Xen", "HVM domU", "virtual machine (Xen)"),
        (X86_VIRTUAL, "Microsoft Corporation", "Virtual Machine", "virtual machine (Hyper-V)"),
        (X86_VIRTUAL, "Amazon EC2", "m5.large", "virtual machine (Amazon EC2)"),
        (X86_VIRTUAL, "Google", "Google Compute Engine", "virtual machine (Google)"),
        (ARM, "Amazon EC2", "c7g.large", "virtual machine (Amazon EC2)"),
    ],
)
def test_a_virtual_machine_is_known_by_its_processor_and_firmware(
    tmp_path, cpuinfo, vendor, product, expected
):
    root = machine(tmp_path, cpuinfo, vendor, product)
    assert virtualisation.virtualisation(root).value == expected


@pytest.mark.parametrize(("vendor", "product"), [("Amazon EC2", "c7g.metal"), ("Ampere", "Altra")])
def test_an_arm_server_does_not_say_whether_it_is_virtual(tmp_path, vendor, product):
    reading = virtualisation.virtualisation(machine(tmp_path, ARM, vendor, product))
    assert unknown(reading, "neither processor")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0"}, "none"),
        ({"proc/device-tree/model": "linux,dummy-virt\0"}, "virtual machine"),
        (
            {"proc/device-tree/hypervisor/compatible": "xen,xen-4.17\0xen,xen\0"},
            "virtual machine (Xen)",
        ),
        ({"sys/hypervisor/type": "xen\n"}, "virtual machine (Xen)"),
    ],
)
def test_a_board_is_known_by_its_device_tree(tmp_path, files, expected):
    root = tree(machine(tmp_path, ARM), files)
    assert virtualisation.virtualisation(root).value == expected


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": ""}, "podman"),
        ({"proc/1/environ": "PATH=/bin\0container=lxc\0HOME=/\0"}, "lxc"),
    ],
)
def test_a_container_is_said_after_the_machine(tmp_path, files, kind):
    root = tree(machine(tmp_path, X86_VIRTUAL, "Red Hat", "KVM"), files)
    expected = f"virtual machine (KVM), in a container ({kind})"
    assert virtualisation.virtualisation(root).value == expected
    (root / "proc/cpuinfo").write_text(X86)
    for name in ("sys_vendor", "product_name"):
        (root / DMI / name).unlink()
    assert virtualisation.virtualisation(root).value == f"none, in a container ({kind})"
    (root / "proc/cpuinfo").write_text(ARM)
    assert virtualisation.virtualisation(root).value == f"in a container ({kind})"


def test_the_fixed_work_takes_as_long_as_its_fastest_repeat():
    times = iter([0, 900, 1000, 1300, 2000, 2700])
    assert clock.fixed_work_ns(3, lambda: next(times)) == 300


def test_the_fixed_work_takes_time_and_no_memory():
    assert clock.fixed_work_ns() > 0
    operands = (clock.BASE, clock.EXPONENT, clock.MODULUS)
    assert sum(map(sys.getsizeof, operands)) < 1024
