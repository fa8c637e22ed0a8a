"""Locks between processes that end in every way."""

import signal
import subprocess
import sys
import time

import pytest

from edge_runtime.locks import InUseError, hold, scratch

HOLD = """
import sys, time
from pathlib import Path
from edge_runtime.locks import hold, scratch
with hold(Path(sys.argv[1])), scratch(Path(sys.argv[2])) as folder:
    (folder / "half").write_bytes(b"half")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds a file and a scratch folder, and that folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "r.json"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        folder = process.stdout.readline().strip()
        yield process, folder
        process.kill()


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_what_another_process_holds_is_refused_at_once_and_nothing_of_it_is_touched(
    other, tmp_path
):
    (tmp_path / ".r.json.0123abcd.part").touch()
    before = names(tmp_path)
    started = time.monotonic()
    with pytest.raises(InUseError), hold(tmp_path / "r.json"):
        pass
    with scratch(tmp_path) as own:
        assert names(tmp_path) == before | {own.name}
    assert names(tmp_path) == before and time.monotonic() - started < 5


def test_what_a_killed_process_held_is_free_and_what_it_left_is_removed(other, tmp_path):
    process, _ = other
    (tmp_path / ".r.json.0123abcd.part").touch()
    (tmp_path / ".r.json.89abcdef.part").mkdir()
    (tmp_path / ".r.json.89abcdef.part" / "half.onnx").touch()
    kept = {".r.json.x.0123abcd.part", ".r.json.mine.part", "r.json"}  # another file's, and others
    for name in kept:
        (tmp_path / name).touch()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with hold(tmp_path / "r.json"), scratch(tmp_path) as own:
        assert names(tmp_path) == kept | {".r.json.lock", own.name}
    assert names(tmp_path) == kept


def test_a_file_is_free_again_after_the_block_and_two_files_are_two_locks(tmp_path):
    for _ in range(2):
        with hold(tmp_path / "a"), hold(tmp_path / "b"):
            pass
    assert names(tmp_path) == set()


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), hold(tmp_path / "absent" / "a"):
        pass
