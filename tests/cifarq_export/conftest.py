"""What the exporter's tests share: one bundle of everything, exported once by the real command."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the shipped model in every format and precision; not to be changed."""
    folder = tmp_path_factory.mktemp("export") / "everything"
    command = [sys.executable, "-m", "cifarq_export", "--precision", "all", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder
