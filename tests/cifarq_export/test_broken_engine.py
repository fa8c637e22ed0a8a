"""An engine that breaks while it is imported ends an export in one line."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ('ValueError("a\\nbroken build")', "a"),
        ("MemoryError", "MemoryError"),
        ("KeyboardInterrupt", "KeyboardInterrupt"),
        ("SystemExit(3)", "SystemExit"),
    ],
)
def test_whatever_an_engine_raises_is_one_line(tmp_path, raised, said):
    library = tmp_path / "libraries" / "onnxruntime"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(f"raise {raised}\n")
    paths = [str(library.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "cifarq_export", "--format", "onnx", "--out", tmp_path / "b"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not (tmp_path / "b").exists()
    assert done.stderr == f"Error: onnxruntime cannot be imported: {said}.\n"
