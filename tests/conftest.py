"""What all tests share: where the real data is, and what is skipped, saying why."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from edge_runtime.probes import target

DATA_VARIABLE = "CIFARQ_TEST_DATA"
HEAVY = ("cifarq", "cifarq_export")
"""Commands that import PyTorch: they run in forks of a process that has imported it."""
TIMEOUT_S = 300

# How long an example takes says nothing of the code where two processes share the machine.
hypothesis.settings.register_profile("shared-machine", deadline=None)
hypothesis.settings.load_profile("shared-machine")

# A shell starts jobs in the background with SIGINT ignored, nohup with SIGHUP, and children inherit
# that: the commands that tests interrupt would not notice.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Container images set this one; thousands of processes would compile the same files each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_report_header() -> str:
    """Say on which CPU this is: what INT8 computes differs between them."""
    return f"INT8 kernels: {target.of_this_cpu()}"


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


@pytest.fixture(scope="session")
def preloaded() -> "Iterator[Callable[[], Any]]":
    """A process that forks commands with their libraries imported; started when first asked for."""
    spec = importlib.util.spec_from_file_location(
        "preloaded", Path(__file__).with_name("preloaded.py")
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started: list[Any] = []

    def process() -> Any:
        if not started:
            started.append(module.Preloaded())
        return started[0]

    yield process
    for one in started:
        one.close()


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, preloaded: Any) -> Run:
    """Run ``python -m MODULE ARGS`` as a user would, from an empty folder, and return what came."""

    return _runner(tmp_path, tmp_path_factory.mktemp("streams"), preloaded)


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory, preloaded: Any) -> Run:
    """Like ``run``, for fixtures that several tests share."""

    once, streams = tmp_path_factory.mktemp("once"), tmp_path_factory.mktemp("streams")
    return _runner(once, streams, preloaded, check=True)


def _runner(folder: Path, scratch: Path, preloaded: Any, *, check: bool = False) -> Run:
    def call(module: str, *args: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        changes = options.pop("env", {})
        environment = {**os.environ, **changes}
        where = options.pop("cwd", folder)
        # What changes how Python itself starts needs a process of its own.
        if module in HEAVY and not options and not any(k.startswith("PYTHON") for k in changes):
            done: subprocess.CompletedProcess[str] = preloaded().run(
                module,
                [str(arg) for arg in args],
                cwd=where,
                env=environment,
                scratch=scratch,
                timeout_s=TIMEOUT_S,
            )
            if check:
                done.check_returncode()
            return done
        return subprocess.run(
            [sys.executable, "-P", "-m", module, *map(str, args)],
            capture_output=True,
            text=True,
            cwd=where,
            env=environment,
            timeout=TIMEOUT_S,
            check=check,
            **options,
        )

    return call
