"""What the device's tests share: a bundle to break, made from the small one that ships."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.plan import Settings
from edge_runtime.results import Results, Row, Status

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
        return {"PYTHONPATH": str(folder)}

    return make


@pytest.fixture
def results() -> Results:
    """Results made up for drawing: round numbers, one row of each kind."""

    def row(file: str, precision: str, samples: tuple[int, ...], **changes: Any) -> Row:
        torchscript = file.endswith(".pt")
        made = {
            "bundle": "b",
            "model": "seed-cnn",
            "file": file,
            "format": "torchscript" if torchscript else "onnx",
            "engine": "torch" if torchscript else "onnxruntime",
            "precision": precision,
            "target": "any",
            "size_bytes": 1024 * 1000,
            "status": Status.OK,
            "load_ns": 10_000_000,
            "first_ns": 5_000_000,
            "samples_ns": samples,
            "memory": {
                "import_only_bytes": 50 * 2**20,
                "after_load_bytes": 60 * 2**20,
                "peak_bytes": 70 * 2**20,
                "reason": "",
            },
            "accuracy": {
                "images": 500,
                "agree": 499,
                "largest_difference": 0.01,
                "largest_logit": 9.0,
                "right": 450,
            },
        }
        return Row(**{**made, **changes})

    corrupt = {
        "status": Status.CORRUPT,
        "message": "corrupt, 9 bytes where the manifest says 99. Copy it again.",
        "memory": {},
        "accuracy": {},
        "load_ns": 0,
        "first_ns": 0,
    }
    rows = (
        row("m-fp32.torchscript.pt", "fp32", (4_000_000,) * 663),
        row("m-fp32.onnx", "fp32", (2_000_000,) * 100),
        row("m-int8-dynamic.onnx", "int8-dynamic", (1_000_000,) * 10),
        row("m-int8-static.onnx", "int8-static", (), **corrupt),
    )
    host = {"cpu": "Cortex-A76", "machine": "aarch64"}
    return Results(Settings(), host, rows, tool="edge-bench test")
