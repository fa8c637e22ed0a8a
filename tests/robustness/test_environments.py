"""Commands where the system is not as they would like it: one line, no result lost."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.results import document

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLE = REPOSITORY / "benchmarks" / "seed-cnn-int8-bundle"
RESULTS = REPOSITORY / "tests" / "edge_runtime" / "golden" / "json.txt"
QUICK = ("--rounds", "1", "--min-runs", "6", "--min-time", "0", "--accuracy-images", "10")
UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""Root without its right to pass over permissions: another user may not reach this Python."""

COMMANDS = {
    "report": ("edge_runtime", "report", RESULTS),
    "doctor": ("edge_runtime", "doctor", BUNDLE, "--target", "pi5-bookworm"),
    "classify": ("edge_runtime", "classify", "image.npy", "--bundle", BUNDLE),
}
HEAVY = {
    "models": ("cifarq", "models"),
    "formats": ("cifarq_export", "formats"),
}
ENVIRONMENTS = {
    "no privileges, a read-only home": {"before": UNPRIVILEGED, "HOME": "/proc"},
    "no TMPDIR": {"TMPDIR": "/absent"},
    "locale C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "-O": {"flags": ("-O",)},
    "no stdin": {"redirect": "<&-"},
    "no stderr": {"redirect": "2>&-"},
    "no stdout": {"redirect": ">&-", "error": "Bad file descriptor"},
    "a full disk": {"redirect": ">/dev/full", "error": "No space left on device"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an image in it."""
    folder = tmp_path_factory.mktemp("environments")
    np.save(folder / "image.npy", np.zeros((32, 32, 3), np.uint8))
    return folder


@pytest.fixture(scope="module")
def usual(folder):
    """What a command prints where all is well."""

    @functools.cache
    def printed(command):
        done = call(folder, command)
        assert done.returncode == 0
        return done.stdout

    return printed


def call(folder, command, *, before=(), flags=(), redirect="", **variables):
    """Run a command in an environment; what a shell redirects is redirected by a shell."""
    if os.geteuid():
        before = ()  # no privileges anyway
    elif before and not shutil.which(before[0]):
        pytest.skip("to give up privileges takes setpriv")
    module, *arguments = map(str, command)
    start = [*before, "sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, *flags]
    return subprocess.run(
        [*start, "-P", "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        timeout=120,
    )


def check(folder, command, printed, *, error="", **environment):
    """Hold what a command does in an environment to what it prints where all is well."""
    done = call(folder, command, **environment)
    assert done.returncode == (1 if error else 0), done.stderr
    assert b"Traceback" not in done.stderr and b"ignored in" not in done.stderr
    if error:
        assert f"Error: standard output: {error}.\n".encode() in done.stderr
    elif "LC_ALL" in environment:  # what it has no character for is a question mark
        assert done.stdout == printed.decode().encode("ascii", "replace")
    else:
        assert done.stdout == printed
    if environment.get("redirect") == "2>&-":
        assert done.stderr == b""


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_does_what_it_does_elsewhere_or_says_why_not(command, environment, folder, usual):
    check(folder, command, usual(command), **environment)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
@pytest.mark.parametrize("command", HEAVY.values(), ids=HEAVY)
def test_a_command_of_the_workshop_does_so_too(command, environment, folder, usual):
    check(folder, command, usual(command), **environment)


@pytest.mark.parametrize("module", ["edge_runtime", "cifarq", "cifarq_export"])
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full"])
def test_help_that_cannot_be_written_is_one_line(module, redirect, tmp_path):
    pytest.importorskip(module)
    done = call(tmp_path, (module, "--help"), redirect=redirect)
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.startswith(b"Error: ") and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("redirect", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_wrong_command_line_ends_with_2_where_nobody_can_be_told(redirect, tmp_path):
    done = call(tmp_path, ("edge_runtime", "report", "--wrong"), redirect=redirect)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize("redirect", ["<&- >&- 2>&-", "2>&-", ">/dev/full"])
def test_a_run_whose_streams_are_closed_is_kept_whole(redirect, tmp_path):
    command = ("edge_runtime", BUNDLE, *QUICK, "--json", "r.json")
    done = call(tmp_path, command, redirect=redirect)
    assert done.returncode == int(redirect != "2>&-")
    assert b"Traceback" not in done.stderr
    assert document.read(tmp_path / "r.json").finished
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_read_only_bundle_is_measured_and_nothing_is_kept_in_it(tmp_path):
    bundle = shutil.copytree(BUNDLE, tmp_path / "bundle")
    for path in (*bundle.iterdir(), bundle):
        path.chmod(0o555)
    home = {"before": UNPRIVILEGED, "HOME": "/proc"}
    done = call(tmp_path, ("edge_runtime", bundle, *QUICK, "--json", "r.json"), **home)
    assert done.returncode == 0 and document.read(tmp_path / "r.json").finished
    refused = call(tmp_path, ("edge_runtime", bundle, "--json", bundle / "r.json"), **home)
    assert refused.returncode == 2 and refused.stderr.count(b"\n") == 1
    assert b"cannot write to" in refused.stderr and b"Permission denied" in refused.stderr


def test_a_disk_without_room_is_one_line_and_the_figures_are_shown(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("to mount a small disk takes root")
    try:
        done = call(disk, ("edge_runtime", BUNDLE, *QUICK, "--json", "r.json"))
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert done.returncode == 1 and b"int8-dynamic" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(
        b"Error: --json r.json cannot be written (No space left on device)."
    )


def test_the_archive_runs_isolated_from_environment_and_user(tmp_path):
    pyz = pytest.importorskip("cifarq_export.bundle.pyz")
    pyz.write(tmp_path / "edge-bench.pyz")
    command = [sys.executable, "-I", "edge-bench.pyz", "report", str(RESULTS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "onnx fp32" in done.stdout and done.stderr == ""


def test_a_results_file_is_never_written_through_a_link_to_a_device(run, tmp_path):
    (tmp_path / "r.json").symlink_to("/dev/full")
    done = run("edge_runtime", BUNDLE, *QUICK, "--json", "r.json")
    assert done.returncode == 2
    assert done.stderr == "Error: --json r.json is not a regular file.\n"
    assert (tmp_path / "r.json").is_symlink()
