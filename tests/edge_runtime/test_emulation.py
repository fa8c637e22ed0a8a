"""An emulated CPU: found out, and none of its figures shown as a device's."""

import csv
import io
import json
from dataclasses import replace

import pytest

from edge_runtime import report
from edge_runtime.errors import UsageError
from edge_runtime.probes import emulation
from edge_runtime.results import document, verdict
from edge_runtime.results.comparison import of as compare
from edge_runtime.results.settings import Settings


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


@pytest.fixture
def emulated(results):
    settings = replace(results.settings, emulated=True)
    return replace(results, settings=settings)


def test_no_figure_of_time_or_memory_is_shown(emulated):
    lines = list(csv.DictReader(io.StringIO(report.render(emulated, "csv"))))
    for name in ("p50 ms", "p90 ms", "p99 ms", "images/s", "load ms", "first ms", "model MB",
                 "engine MB", "speed low", "speed high"):  # fmt: skip
        assert {line[name] for line in lines} == {""}, name
    assert lines[0]["top-1 %"] == "90" and lines[0]["size KB"] == "1000"
    table = report.render(emulated, "table")
    assert "n/a" in table and "4.000" not in table and "harness" not in table
    assert "trust the top-1 measured here" in table  # what its answers differ in is still said


def test_every_row_and_the_run_are_invalid_and_say_why(emulated):
    for found in (*verdict.of_rows(emulated), verdict.of_run(emulated)):
        assert found.grade is verdict.Grade.INVALID
        assert any("the CPU is emulated" in reason for reason in found.reasons)
    for line in report.render(emulated, "jsonl").splitlines():
        assert "emulated" in json.dumps(json.loads(line)["verdict"])


def test_a_sweep_of_an_emulated_cpu_has_no_scaling(emulated):
    one = emulated.rows[0]
    rows = (one, replace(one, threads=2))
    settings = Settings(threads=(1, 2), rounds=3, emulated=True)
    text = report.render(replace(emulated, rows=rows, settings=settings), "table")
    assert "efficiency" not in text


def test_it_is_not_compared_with_anything(emulated, results, tmp_path):
    for name, content in (("a.json", results), ("b.json", emulated)):
        document.write(content, tmp_path / name)
    with pytest.raises(UsageError, match=r"b\.json was measured on an emulated CPU"):
        compare([tmp_path / "a.json", tmp_path / "b.json"])


def test_the_option_measures_one_short_round_unless_asked_otherwise(run, bundle, tmp_path):
    file = tmp_path / "r.json"
    done = run("edge_runtime", bundle, "--emulated", "--accuracy-images", "8", "--json", file)
    assert done.returncode == 0 and "n/a" in done.stdout
    found = document.read(file)
    assert found.settings.emulated and found.settings.rounds == 1
    assert found.rows[0].accuracy["images"] == 8
    more = ("--emulated", "--rounds", "2", "--accuracy-images", "8", "--json", file)
    assert run("edge_runtime", bundle, *more).returncode == 0
    assert document.read(file).settings.rounds == 2


def test_a_verdict_cannot_be_required_of_it(run, bundle):
    done = run(
        "edge_runtime", bundle, "--emulated", "--accuracy-images", "4", "--require", "suspect"
    )
    assert done.returncode == 1 and "the verdict is INVALID" in done.stderr
