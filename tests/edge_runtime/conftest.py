"""What the device's tests share: a bundle to break, made from the small one that ships."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.probes import Reading
from edge_runtime.probes.host import Host
from edge_runtime.probes.memory import Stage
from edge_runtime.probes.state import State
from edge_runtime.results import document
from edge_runtime.results.accuracy import Accuracy
from edge_runtime.results.parity import Parity
from edge_runtime.results.rows import Results, Row, States, Status
from edge_runtime.results.settings import Settings
from edge_runtime.results.turns import Memory, Turn

SMALL_BUNDLE = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"
ONNX = "seed-cnn-int8-dynamic.onnx"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the small INT8 bundle, one ONNX artifact in it, that a test may break."""
    return Path(shutil.copytree(SMALL_BUNDLE, tmp_path / "bundle"))


@pytest.fixture
def edit(bundle: Path) -> Callable[[Callable[[dict[str, Any]], None]], None]:
    """Change the bundle's manifest by a function of its JSON content."""

    def apply(change: Callable[[dict[str, Any]], None]) -> None:
        path = bundle / "manifest.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


@pytest.fixture
def fake_engine(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Put a module of an engine's name before the real one; returns the environment that does."""

    def make(name: str, code: str) -> dict[str, str]:
        folder = tmp_path / "fakes"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(code)
        return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.getenv("PYTHONPATH"))))}

    return make


def turn(number: int, samples: tuple[int, ...], **changes: Any) -> Turn:
    """A turn made up of round figures, on a machine that was calm and hid nothing."""
    mb = 2**20
    sizes = {"start": 30, "engine": 50, "ready": 52, "loaded": 60, "first": 70, "steady": 70}
    stages = {name: Stage(size * mb, size * mb) for name, size in sizes.items()}
    before = State(
        governor="performance",
        temperature_celsius=60.0,
        firmware_flags=0,
        steal_ticks=0,
        busy_ticks=1000,
        total_ticks=4000,
        queue_wait_ns=0,
        involuntary_switches=0,
        major_faults=0,
        swapped_bytes=0,
        power_source="mains",
        virtualisation="none",
        cpu_ns=0,
        monotonic_ns=0,
        fixed_work_ns=1_000_000,
    )
    second = {"cpu_ns": 10**9, "monotonic_ns": 10**9}
    after = replace(before, busy_ticks=1100, total_ticks=4400, **second)
    values: dict[str, Any] = {
        "round": number,
        "load_ns": 10_000_000,
        "first_ns": 5_000_000,
        "warm_up_ns": (5_000_000,) * 10,
        "settled": True,
        "calls_per_sample": 1,
        "overhead_ns": 200,
        "samples_ns": samples,
        "memory": Memory(**stages, before_load_bytes=52 * mb, peak_bytes=72 * mb, reason=""),
        "before": before,
        "after": after,
    }
    return Turn(**{**values, **changes})


def row(file: str, precision: str, rounds: list[tuple[int, ...]], **changes: Any) -> Row:
    """A row made up of turns with these samples."""
    torchscript = file.endswith(".pt")
    values: dict[str, Any] = {
        "bundle": "b",
        "model": "seed-cnn",
        "file": file,
        "format": "torchscript" if torchscript else "onnx",
        "engine": "torch" if torchscript else "onnxruntime",
        "precision": precision,
        "target": "any",
        "size_bytes": 1024 * 1000,
        "sha256": "0" * 64,
        "batch_size": 1,
        "threads": 1,
        "status": Status.OK,
        "engine_version": "1.0",
        "turns": tuple(turn(i, samples) for i, samples in enumerate(rounds, 1)),
        "accuracy": Accuracy(500, 499, 0.01, 9.0, right=450),
    }
    return Row(**{**values, **changes})


@pytest.fixture
def make_turn() -> Callable[..., Turn]:
    """Make a turn up: see ``turn``."""
    return turn


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Row]:
    """Make a row up: see ``row``."""
    return row


@pytest.fixture(scope="session")
def results() -> Results:
    """Results made up for drawing: round numbers, one row of each kind, three rounds."""

    def calls(microseconds: int, count: int) -> list[tuple[int, ...]]:
        # The rounds differ by a hundredth, so that ratios have an interval.
        return [(10 * microseconds * (100 + i),) * count for i in (-1, 0, 1)]

    corrupt = {
        "status": Status.CORRUPT,
        "message": "m-int8-static.onnx: corrupt, 9 bytes where the manifest says 99. "
        "Copy it again.",
        "accuracy": None,
        "engine_version": "",
    }
    exported = Parity(500, 497, 0.2, 9.0)
    faster = [(990_000,) * 4, (1_010_000,) * 4, (1_000_000,) * 4]
    dynamic = row("m-int8-dynamic.onnx", "int8-dynamic", faster)
    rows = (
        row("m-fp32.torchscript.pt", "fp32", calls(4_000, 221)),
        row("m-int8-dynamic.torchscript.pt", "int8-dynamic", [*reversed(calls(4_000, 221))]),
        row("m-fp32.onnx", "fp32", calls(2_000, 34)),
        replace(dynamic, accuracy=replace(dynamic.accuracy, exported=exported)),
        row("m-int8-static.onnx", "int8-static", [], **corrupt),
    )
    host = Host(cpu="Cortex-A76", machine="aarch64", cpus=4, ticks_per_s=100)
    unknown = Reading(None, "", "this kernel has no cpufreq")
    before = {
        "governor": unknown,
        "frequency_hz": unknown,
        "temperature_celsius": Reading(51.2, "zone0"),
        "load_1min": Reading(0.1, "loadavg"),
        "power_source": Reading("mains", "supply"),
    }
    warmer = {"temperature_celsius": Reading(63.8, "zone0")}
    return Results(
        Settings(rounds=3, min_runs=12),
        host,
        rows,
        States(before, {**before, **warmer}),
        started="2026-11-24T12:00:00+00:00",
        tool="edge-bench test",
    )


@pytest.fixture
def kept(results, tmp_path):
    """Write results, changed, under a name; returns the path."""

    def keep(name, **changes):
        path = tmp_path / name
        document.write(replace(results, **changes), path)
        return path

    return keep
