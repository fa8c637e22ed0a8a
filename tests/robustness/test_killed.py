"""What is killed leaves nothing behind, or what the next run removes."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("cifarq_export", reason="the exporter is not installed")

STAGED = """
import sys, time
from pathlib import Path
from cifarq_export.bundle import staging
from edge_runtime import locks
from edge_runtime.command import program
from edge_runtime.files import atomic_path

def export():
    with (
        staging.stage(Path("out"), overwrite=False) as folder,
        locks.scratch(Path.cwd()) as scratch,
        atomic_path(Path("checkpoint.json")) as file,
    ):
        for path in (folder / "half.onnx", scratch / "half.npy", file):
            path.write_bytes(b"half")
        print("ready", flush=True)
        time.sleep(60)

program.start(export)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_asks_to_end_leaves_nothing(number, tmp_path):
    command = [sys.executable, "-c", STAGED]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        assert len(list(tmp_path.iterdir())) == 4  # and the lock
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == -number and list(tmp_path.iterdir()) == []
    assert number is signal.SIGINT or said == b""


def test_what_nohup_ignores_stays_ignored(tmp_path):
    code = (
        "import os, signal; from edge_runtime.command import program\n"
        "program.start(lambda: (os.kill(os.getpid(), signal.SIGHUP), print('on')))"
    )
    done = subprocess.run(
        ["nohup", sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "on\n")


SLEEPY = """
import time
from pathlib import Path
import torch

OLD = set(Path().glob(".b.*.part"))

class Net(torch.nn.Sequential):
    def forward(self, images):
        if set(Path().glob(".b.*.part")) - OLD:  # the export has begun to write
            print("writing", flush=True)
            time.sleep(120)
        return super().forward(images)

def net():
    return Net(torch.nn.Conv2d(3, 4, 3, 4), torch.nn.Flatten(), torch.nn.Linear(256, 10))
"""


@pytest.mark.slow
def test_an_export_refuses_a_second_one_and_takes_away_what_a_killed_one_left(tmp_path):
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    environment = {**os.environ, "PYTHONPATH": path}
    write = "import safetensors.torch, sleepy; " + (
        "safetensors.torch.save_file(sleepy.net().state_dict(), 'w.safetensors')"
    )
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, env=environment, check=True)
    command = [sys.executable, "-m", "cifarq_export", "--model", "sleepy:net", "--out", "b"]
    command += ["--weights", "w.safetensors", "--input-shape", "3,32,32", "--format", "onnx"]
    options = {"cwd": tmp_path, "env": environment, "text": True}

    def start():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
        assert process.stdout.readline() == "writing\n"
        return process

    def left():
        return sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("."))

    with start() as first:
        held = left()
        second = subprocess.run(command, capture_output=True, **options)
        assert second.returncode == 1 and left() == held
        assert second.stderr.splitlines()[-1] == (
            "Error: another export is writing to --out b. Wait for its end, or give another folder."
        )
        first.kill()
    assert len(held) == 2 and left() == held  # the lock's file, which nobody holds, and a folder
    with start() as third:
        assert len(left()) == 2 and left() != held
        third.terminate()
    assert third.returncode == -signal.SIGTERM
    assert left() == []
