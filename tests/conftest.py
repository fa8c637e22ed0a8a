"""What all tests share: where the real data is, and what is skipped, saying why."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DATA_VARIABLE = "CIFARQ_TEST_DATA"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, with the reason."""
    no_torch = importlib.util.find_spec("torch") is None
    no_data = not os.environ.get(DATA_VARIABLE)
    for item in items:
        if no_torch and item.get_closest_marker("torch"):
            item.add_marker(pytest.mark.skip(reason="PyTorch is not installed"))
        if no_data and item.get_closest_marker("full_data"):
            item.add_marker(pytest.mark.skip(reason=f"{DATA_VARIABLE} names no CIFAR-10 folder"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with all of CIFAR-10, for tests marked ``full_data``."""
    return Path(os.environ[DATA_VARIABLE])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``python -m MODULE ARGS`` as a user would, from an empty folder, and return what came."""

    return _runner(tmp_path)


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Like ``run``, for fixtures that several tests share."""

    return _runner(tmp_path_factory.mktemp("once"), check=True)


def _runner(folder: Path, **usual: object) -> Run:
    def call(module: str, *args: object, **options: object) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **options.pop("env", {})}  # type: ignore[dict-item]
        where = options.pop("cwd", folder)
        return subprocess.run(
            [sys.executable, "-P", "-m", module, *map(str, args)],
            capture_output=True,
            text=True,
            cwd=where,  # type: ignore[arg-type]
            env=environment,
            timeout=300,
            **usual,  # type: ignore[call-overload]
            **options,
        )

    return call
