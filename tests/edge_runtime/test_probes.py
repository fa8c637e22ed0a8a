"""Probes: real ones against what they read, and unknown with a reason where there is nothing."""

import numpy as np
import pytest

from edge_runtime.probes import energy, memory


def test_peak_memory_sees_what_was_allocated_after_the_baseline():
    baseline = memory.start_peak()
    block = np.ones(64 * 2**20, dtype=np.uint8)
    peak = memory.peak_bytes()
    assert baseline.value and peak.value
    assert peak.value - baseline.value >= 0.9 * block.nbytes


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


def test_without_proc_memory_is_unknown_with_its_reason(tmp_path):
    reading = memory.peak_bytes(tmp_path / "none")
    assert reading.value is None and "cannot be read" in reading.reason


def test_a_field_the_kernel_lacks_is_unknown_with_its_reason(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\n")
    assert memory.peak_bytes(tmp_path).reason == "this kernel does not report it"


@pytest.fixture
def powercap(tmp_path):
    """A synthetic powercap tree, laid out as the kernel's powercap.rst describes it."""
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "energy_uj").write_text("1000\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    return tmp_path / "powercap"


def test_the_energy_counter_is_read_in_microjoules(powercap):
    reading = energy.counter_uj(powercap)
    assert reading.value == 1000 and reading.source.endswith("intel-rapl:0/energy_uj")


def test_energy_used_survives_a_wrap_of_the_counter(powercap):
    assert energy.used_uj(1000, 1500, powercap) == 500
    assert energy.used_uj(262143328850 - 10, 20, powercap) == 30


def test_without_a_counter_energy_is_unknown_and_the_board_is_named(tmp_path):
    board = tmp_path / "model"
    board.write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    reading = energy.counter_uj(tmp_path / "none", board)
    assert reading.value is None
    assert reading.reason.startswith("Raspberry Pi 4 Model B Rev 1.4 has no RAPL counter")
    assert "no RAPL counter" in energy.counter_uj(tmp_path / "none", tmp_path / "none").reason
