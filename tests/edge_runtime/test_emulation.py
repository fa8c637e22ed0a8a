"""An emulated CPU: found out, and its run never VALID."""

from dataclasses import replace

import pytest

from edge_runtime import report
from edge_runtime.probes import emulation
from edge_runtime.results import document, verdict


def tree(root, arch):
    (root / "proc/sys/kernel").mkdir(parents=True)
    (root / emulation.KERNEL).write_text(f"{arch}\n")
    return root


@pytest.mark.parametrize(
    "kernel, machine, found",
    [
        ("x86_64", "aarch64", "x86_64"),
        ("aarch64", "x86_64", "aarch64"),
        ("x86_64", "armv7l", "x86_64"),
        ("aarch64", "armv7l", "none"),  # a 32-bit system on a 64-bit kernel
        ("aarch64", "armv8l", "none"),
        ("x86_64", "i686", "none"),
        ("x86_64", "AMD64", "none"),
        ("riscv64", "riscv64", "none"),
    ],
)
def test_an_emulator_stands_between_two_families(tmp_path, kernel, machine, found):
    assert emulation.emulated_on(tree(tmp_path, kernel), machine).value == found


def test_an_old_kernel_does_not_say(tmp_path):
    reading = emulation.emulated_on(tmp_path)
    assert reading.value is None and reading.reason


def test_this_machine_is_asked():
    reading = emulation.emulated_on()
    assert reading.value == "none" or reading.reason


def told(results):
    judged = verdict.judge(results)
    return [judged.run, *map(judged.of, results.rows)]


@pytest.mark.parametrize(
    "changes",
    [
        lambda results: {"settings": replace(results.settings, emulated=True)},
        lambda results: {"host": replace(results.host, emulated_on="x86_64")},
    ],
    ids=["said by the option", "found out"],
)
def test_every_row_and_the_run_are_invalid_and_say_why(results, changes):
    emulated = replace(results, **changes(results))
    for found in told(emulated):
        assert found.grade is verdict.Grade.INVALID
        assert any("latency and memory are not the device's" in text for text in found.reasons)
    assert "the CPU is emulated" in report.render(emulated, "table")
    assert not any("emulated" in reason for one in told(results) for reason in one.reasons)


def test_the_option_is_kept_and_a_verdict_cannot_be_required_of_it(run, bundle, tmp_path):
    file = tmp_path / "r.json"
    quick = ("--rounds", "1", "--min-runs", "3", "--min-time", "0", "--accuracy-images", "8")
    done = run("edge_runtime", bundle, "--emulated", *quick, "--json", file, "--require", "suspect")
    assert done.returncode == 1 and "the verdict is INVALID" in done.stderr
    found = document.read(file)
    assert found.settings.emulated and found.rows[0].accuracy.images == 8
