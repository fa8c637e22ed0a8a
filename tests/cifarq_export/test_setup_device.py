"""``setup-device.sh`` with real wheels: without a network, and with everything that goes wrong."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq_export.bundle import pyz, pyz_main
from edge_runtime.bundle import manifest
from edge_runtime.files import sha256_of
from edge_runtime.setup import environment

SMALL_BUNDLE = Path(__file__).resolve().parents[2] / "benchmarks" / "seed-cnn-int8-bundle"
BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
QUICK = ("--rounds", "1", "--min-runs", "5", "--min-time", "0", "--accuracy-images", "8")


def may(*options):
    """Say whether this user may start a process in namespaces of its own."""
    try:
        return subprocess.run(["unshare", *options, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


NO_NETWORK = ("unshare", "--net") if may("--net") else ()
needs_mounts = pytest.mark.skipif(not may("--mount"), reason="needs root, to mount a small disk")


def small_offline_bundle(folder, real_wheels):
    """Copy the small bundle, with a fresh runtime and the wheels that this machine needs."""
    wheels, house = real_wheels
    shutil.copytree(SMALL_BUNDLE, folder)
    shutil.copytree(wheels, folder / "wheels", copy_function=os.link)
    pyz.write(folder / "edge-bench.pyz")
    pyz.write_setup(folder / "setup-device.sh")
    content = json.loads((folder / "manifest.json").read_text())
    content["files"] = [
        {"file": name, "size_bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for name in ("golden.npz", "edge-bench.pyz", "setup-device.sh")
        if (path := folder / name)
    ]
    content["wheelhouse"] = asdict(house)
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def bundle(tmp_path, real_wheels):
    return small_offline_bundle(tmp_path / "my bundle", real_wheels)


@pytest.fixture(scope="module")
def ready(tmp_path_factory, real_wheels):
    """A bundle that was really set up, once, and what the script said."""
    folder = small_offline_bundle(tmp_path_factory.mktemp("ready") / "my bundle", real_wheels)
    return folder, set_up(folder)


def set_up(bundle, *arguments, cwd=None, before=NO_NETWORK, script="setup-device.sh", **variables):
    return subprocess.run(
        [*before, str(bundle / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd or bundle,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **variables},
        timeout=120,
    )


def lines_of(done, code=1):
    """The lines of a failure that ended with a code."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


def edit(bundle, change):
    content = json.loads((bundle / "manifest.json").read_text())
    change(content)
    (bundle / "manifest.json").write_text(json.dumps(content))


@pytest.mark.slow
def test_without_a_network_it_installs_and_says_what_to_do_next(ready):
    bundle, done = ready
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    version = next((bundle / "wheels").glob("onnxruntime-*")).name.split("-")[1]
    count = len(list((bundle / "wheels").iterdir()))
    assert done.stdout.splitlines() == [
        f"Installing {count} wheels into .venv with Python {sys.version.split()[0]}...",
        f"onnxruntime {version} can be imported.",
        "Ready.",
        "Next:",
        "  python3 edge-bench.pyz doctor",
        "  python3 edge-bench.pyz",
        "  python3 edge-bench.pyz classify IMAGE",
    ]


def test_again_it_says_that_all_is_done_and_touches_nothing(ready, tmp_path):
    bundle, _ = ready
    marker = bundle / ".venv" / environment.READY
    before = marker.stat().st_mtime_ns
    done = set_up(bundle, cwd=tmp_path)
    assert done.returncode == 0
    first, *_, last = done.stdout.splitlines()
    assert first == f"{bundle / '.venv'} is set up already."
    assert last == f"  python3 '{bundle / 'edge-bench.pyz'}' classify IMAGE"
    assert marker.stat().st_mtime_ns == before


def test_the_runtime_then_measures_by_any_python_and_its_own_environment(ready, tmp_path):
    bundle, _ = ready
    done = subprocess.run(
        [*NO_NETWORK, BASE_PYTHON, bundle / "edge-bench.pyz", *QUICK, "--json", "r.json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert row["status"] == "ok" and row["accuracy"]["images"] == 8


def test_what_was_made_is_known_by_its_wheels_and_has_to_start(ready, tmp_path, real_wheels):
    bundle, _ = ready
    _, house = real_wheels
    assert environment.is_ready(bundle / ".venv", house)
    other = type(house)(house.platform, house.wheels[1:])
    assert not environment.is_ready(bundle / ".venv", other)
    (tmp_path / "v" / "bin").mkdir(parents=True)
    shutil.copy(bundle / ".venv" / environment.READY, tmp_path / "v")
    (tmp_path / "v" / "bin" / "python").symlink_to("/gone/python3")
    assert not environment.is_ready(tmp_path / "v", house)


def fake_environment(bundle, *files):
    """An environment whose Python says how it was started."""
    python = bundle / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o755)
    for name in files:
        (bundle / ".venv" / name).touch()


def start(python, archive):
    return subprocess.run(
        [python, archive, "--version", "a b"], capture_output=True, text=True, cwd=archive.parent
    ).stdout


def test_the_runtime_starts_itself_in_a_finished_environment_and_in_no_other(bundle, tmp_path):
    archive = bundle / "edge-bench.pyz"
    fake_environment(bundle)
    assert start(BASE_PYTHON, archive).startswith("edge-bench")  # no marker: not finished
    (bundle / ".venv" / environment.READY).touch()
    assert start(BASE_PYTHON, archive) == f"{archive}|--version|a b|"
    (tmp_path / "link").symlink_to(archive)
    assert start(BASE_PYTHON, tmp_path / "link") == f"{tmp_path / 'link'}|--version|a b|"
    assert start(sys.executable, archive).startswith("edge-bench")  # another environment is in use
    (bundle / ".venv" / "bin" / "python").unlink()
    assert start(BASE_PYTHON, archive).startswith("edge-bench")
    # Without its pyvenv.cfg an environment does not know that it is one; once is enough.
    (bundle / ".venv" / "bin" / "python").symlink_to(BASE_PYTHON)
    assert start(BASE_PYTHON, archive).startswith("edge-bench")


def test_old_pythons_understand_what_refuses_them():
    text = Path(pyz_main.__file__).read_text()
    ast.parse(text, feature_version=(3, 4))
    assert 'f"' not in text


def test_the_start_of_the_archive_uses_the_names_of_the_rest():
    names = (pyz_main.VENV, pyz_main.READY, pyz_main.MANIFEST)
    assert names == (environment.FOLDER, environment.READY, manifest.FILE)


def patched_python(folder, patch):
    """A Python that is not what it says: a program that changes it, then does what it is told."""
    (folder / "patched.py").write_text(
        f"import runpy, struct, sys\n{patch}\ndel sys.argv[0]\n"
        "if sys.argv[0] != '-c':\n"
        "    sys.path[0] = sys.argv[0]\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    wrapper = folder / "patched"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder}/patched.py" "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def test_an_old_python_is_told_so(bundle, tmp_path):
    patch = "sys.version_info = (3, 10, 13); sys.version = '3.10.13 (main)'"
    (line,) = lines_of(set_up(bundle, PYTHON=patched_python(tmp_path, patch)))
    assert line == (
        f"Error: edge-bench needs Python 3.11 or newer, and {sys.executable} is 3.10.13. Install a "
        "newer one, or name one: PYTHON=python3.12"
    )


def test_a_32_bit_python_is_told_so(bundle, tmp_path):
    patch = "import ctypes; struct.calcsize = lambda kind: 4"  # ctypes compares the two itself
    (line,) = lines_of(set_up(bundle, PYTHON=patched_python(tmp_path, patch)))
    assert line == (
        f"Error: {sys.executable} is a 32-bit program, and no engine has 32-bit wheels. Flash a "
        "64-bit operating system; a 64-bit kernel alone is not enough."
    )


def test_a_python_that_is_not_there_or_does_not_start_is_named(bundle, tmp_path):
    (line,) = lines_of(set_up(bundle, PYTHON="python9.9"))
    assert line.startswith("Error: no python9.9 here. Install Python 3.11 or newer")
    (tmp_path / "broken").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "broken").chmod(0o755)
    (line,) = lines_of(set_up(bundle, PYTHON=str(tmp_path / "broken")))
    assert "does not start" in line


def test_wheels_for_another_python_are_refused_with_the_name_to_export_for(bundle, this_device):
    edit(bundle, lambda content: content["wheelhouse"].update(platform="linux-aarch64-py3.99"))
    (line,) = lines_of(set_up(bundle))
    own = f"Python {sys.version_info[0]}.{sys.version_info[1]}, {os.uname().machine}, glibc "
    assert line.startswith(f"Error: this device has {own}")
    assert "; the wheels are for linux-aarch64-py3.99: Python 3.99, aarch64, glibc 2.28. " in line
    assert line.endswith(f"Export the bundle with --wheels {this_device}.")
    assert not (bundle / ".venv").exists()


def test_a_wheel_that_does_not_fit_is_named(bundle):
    def change(content):
        content["wheelhouse"]["wheels"][0]["file"] = "x-1-cp311-cp311-musllinux_1_2_armv7l.whl"

    edit(bundle, change)
    first, second = lines_of(set_up(bundle))
    assert first.startswith("Error: this device has ")
    assert second.startswith("Error: x-1-cp311-cp311-musllinux_1_2_armv7l.whl is for ")


def test_missing_truncated_and_flipped_wheels_are_each_named(bundle):
    missing, truncated, flipped = sorted((bundle / "wheels").iterdir())[:3]
    missing.unlink()
    whole = truncated.read_bytes()
    truncated.unlink()
    truncated.write_bytes(whole[: len(whole) // 2])
    changed = bytearray(flipped.read_bytes())
    changed[len(changed) // 2] ^= 1
    flipped.unlink()
    flipped.write_bytes(changed)
    lines = lines_of(set_up(bundle))
    assert len(lines) == 3
    assert lines[0] == (
        f"Error: wheels/{missing.name}: cannot read it (No such file or directory). Copy the "
        "bundle again."
    )
    for line, path in zip(lines[1:], (truncated, flipped), strict=True):
        found = f"{path.stat().st_size} bytes with SHA-256 {sha256_of(path)[:12]}..."
        assert line.startswith(f"Error: wheels/{path.name}: corrupt, {found} where the manifest")
        assert line.endswith("Copy it again.")
    assert not (bundle / ".venv").exists()


def test_a_damaged_model_golden_pack_and_script_are_each_named(bundle):
    names = [*sorted(path.name for path in bundle.glob("*.onnx")), "golden.npz"]
    for name in names:
        content = bytearray((bundle / name).read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / name).write_bytes(content)
    with (bundle / "setup-device.sh").open("a") as script:
        script.write("# mine\n")
    (bundle / "wheels" / wheel_of(bundle, "pip")).unlink()
    lines = lines_of(set_up(bundle))
    assert {line.split(": ")[1] for line in lines} == {
        *names, "setup-device.sh", f"wheels/{wheel_of(bundle, 'pip')}",
    }  # fmt: skip
    assert len(lines) == len(names) + 2
    assert not (bundle / ".venv").exists()


@pytest.mark.parametrize("size, content", [(None, b"#!/usr/bin/env PYTHON3"), (50_000, b"")])
def test_a_runtime_that_is_not_the_one_meant_or_cut_off_is_named(bundle, size, content):
    with (bundle / "edge-bench.pyz").open("r+b") as archive:
        archive.write(content)
        archive.truncate(size or (bundle / "edge-bench.pyz").stat().st_size)
    (line,) = lines_of(set_up(bundle))
    assert line == (
        f"Error: {bundle / 'edge-bench.pyz'} or manifest.json is missing or damaged. Copy the "
        "bundle again."
    )


def test_what_is_damaged_later_is_told_of_and_wheels_are_needed_no_more(ready):
    bundle, _ = ready
    (bundle / "wheels").rename(bundle / "gone")
    golden = (bundle / "golden.npz").read_bytes()
    try:
        assert set_up(bundle).returncode == 0
        (bundle / "golden.npz").write_bytes(golden[:-1])
        (line,) = lines_of(set_up(bundle))
        assert line.startswith("Error: golden.npz: corrupt, ")
        assert (bundle / ".venv" / environment.READY).exists()
    finally:
        (bundle / "golden.npz").write_bytes(golden)
        (bundle / "gone").rename(bundle / "wheels")


def wheel_of(bundle, name):
    wheels = json.loads((bundle / "manifest.json").read_text())["wheelhouse"]["wheels"]
    return next(wheel["file"] for wheel in wheels if wheel["file"].startswith(f"{name}-"))


def test_a_link_to_the_script_sets_up_the_bundle_that_it_leads_to(ready, tmp_path):
    bundle, _ = ready
    (tmp_path / "first link").symlink_to(bundle / "setup-device.sh")
    (tmp_path / "link").symlink_to("first link")
    done = set_up(tmp_path, cwd=tmp_path, script="link")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{bundle / '.venv'} is set up already.\n")
    assert "--venv DIR" in set_up(tmp_path, "--help", cwd=tmp_path, script="link").stdout


def test_a_bundle_without_wheels_or_manifest_is_told_of(bundle):
    edit(bundle, lambda content: content.update(wheelhouse=None))
    (line,) = lines_of(set_up(bundle))
    assert line.startswith("Error: this bundle brings no wheels. Export it with --wheels NAME")
    (bundle / "manifest.json").unlink()
    (line,) = lines_of(set_up(bundle))
    assert "or manifest.json is missing or damaged" in line


def test_what_is_asked_wrongly_is_refused_and_a_folder_of_ones_own_is_left_alone(bundle, tmp_path):
    assert "unrecognized arguments: --ven" in lines_of(set_up(bundle, "--ven"), 2)[-1]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    (line,) = lines_of(set_up(bundle, "--venv", "mine", cwd=tmp_path), 2)
    assert line == "Error: mine holds something else. Give another --venv DIR."
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    (line,) = lines_of(set_up(bundle, "--venv", "file/v", cwd=tmp_path))
    assert line.startswith("Error: cannot make file/v: ")


def test_help_needs_no_python(bundle):
    done = set_up(bundle, "--help", PYTHON="python9.9")
    assert done.returncode == 0 and done.stderr == ""
    assert "--venv DIR" in done.stdout and "Exit: 0 done" in done.stdout


def test_an_engine_that_dies_of_this_cpu_is_named_and_nothing_is_left(bundle, tmp_path):
    (tmp_path / "fakes").mkdir()
    (tmp_path / "fakes" / "onnxruntime.py").write_text(
        f"import os; os.kill(os.getpid(), {int(signal.SIGILL)})"
    )
    (bundle / ".venv").mkdir()  # what a power cut left of an earlier try is no obstacle
    (bundle / ".venv" / environment.UNFINISHED).touch()
    done = set_up(bundle, PYTHONPATH=str(tmp_path / "fakes"))
    (line,) = lines_of(done)
    assert line == (
        "Error: onnxruntime cannot be imported here: SIGILL: this engine's build uses instructions "
        "this CPU lacks: install another version"
    )
    assert not (bundle / ".venv").exists()


def test_interrupted_it_leaves_nothing(bundle):
    process = subprocess.Popen(
        [str(bundle / "setup-device.sh"), "--venv", ".venv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=bundle,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
        start_new_session=True,
    )
    assert process.stdout.readline().startswith("Installing")
    assert (bundle / ".venv").exists()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (
        130, "Interrupted: nothing was left behind. Run it again.\n",
    )  # fmt: skip
    assert not (bundle / ".venv").exists()


def on_small_disk(folder, size, *command):
    """Run a command while ``folder`` is a disk of its own, which goes with the command."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount, str(folder), *map(str, command))


FULL = re.compile(
    r"Error: not enough disk space: disk/v needs about \d+ MB, and its disk has \d+ MB free\. Free "
    r"some, or give a folder on another disk: --venv DIR\."
)


@needs_mounts
def test_a_disk_that_is_too_small_is_told_of_before_anything_is_installed(bundle, tmp_path):
    small = on_small_disk(tmp_path / "disk", "20m")
    done = set_up(bundle, "--venv", "disk/v", cwd=tmp_path, before=small)
    (line,) = lines_of(done)
    assert FULL.fullmatch(line) and done.stdout == ""


@needs_mounts
@pytest.mark.parametrize("size, started", [("20m", True), ("16k", False)])
def test_a_disk_that_fills_up_meanwhile_is_told_of_in_the_same_words(
    bundle, tmp_path, size, started
):
    late = (
        f"import sys; sys.path.insert(0, {str(bundle / 'edge-bench.pyz')!r})\n"
        "from edge_runtime.setup import environment, script\n"
        "environment.require_space = lambda folder, need: None\n"
        "script.main()"
    )
    command = (sys.executable, "-c", late, bundle, "--venv", "disk/v")
    small = on_small_disk(tmp_path / "disk", size, *command)
    done = subprocess.run(small, capture_output=True, text=True, cwd=tmp_path)
    (line,) = lines_of(done)
    assert FULL.fullmatch(line) and done.stdout.startswith("Installing") == started
