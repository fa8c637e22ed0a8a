"""What ships where one precision fails: a real export of a tiny network that INT8 ruins."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edge_runtime.bundle import golden, manifest

MODULE = '''
import torch
from torch import nn

class Colours(nn.Module):
    """Tells blue, green and red by the mean of each channel, by way of two convolutions.

    One channel between them is a factor larger, and is taken back: nothing changes in FP32, and the
    scale of 8 bits reaches so far that nothing is left of the other channels.
    """

    def __init__(self, factor, width):
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(*shape, 3, padding=1) for shape in ((3, width), (width, 3))
        )
        self.head = nn.Linear(3, 3)
        for layer in (self.first, self.second, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for channel in range(3):
            self.first.weight.data[channel, channel, 1, 1] = 1
            self.second.weight.data[channel, channel, 1, 1] = 1
            self.head.weight.data[2 - channel, channel] = 1
        self.first.weight.data[0] *= factor
        self.second.weight.data[:, 0] /= factor

    def forward(self, x):
        seen = torch.relu(self.second(torch.relu(self.first(x))))
        return self.head(seen.mean((2, 3)))

def colours(factor, width=3):
    return Colours(float(factor), int(width))
'''
RUINED = ("--model", "mine:colours", "--model-arg", "factor=1000", "--input-shape", "3,16,16")
WIDE = ("--model-arg", "width=32")  # less than 1 % of it is the Linear layer
PLAIN = ("--mean", "0,0,0", "--std", "1,1,1", "--format", "onnx", "--calibration-images", "16")
EXPORT = (*RUINED, *PLAIN, "--fallback-trials", "0", "--out", "b")
UNTIMED = ("--min-speedup", "0")


@pytest.fixture
def images(tmp_path):
    """Write the module, and noise that is a little of one colour; return the options for it.

    The classes are the colours, or have nothing to do with them: then no network is right more
    often than chance, and top-1 tells nothing of how many answers change.
    """
    (tmp_path / "mine.py").write_text(MODULE)

    def write(*, told=True):
        draw = np.random.default_rng(0)
        for part, count in (("train", 200), ("test", 4)):
            for label, name in enumerate(("blue", "green", "red")):
                folder = tmp_path / "data" / part / name
                folder.mkdir(parents=True)
                for i in range(count):
                    pixels = draw.integers(0, 200, (16, 16, 3), dtype=np.uint8)
                    pixels[..., 2 - label if told else draw.integers(3)] += 20
                    Image.fromarray(pixels).save(folder / f"{i}.png")
        return "--data-dir", "data"

    return write


def test_a_precision_that_nobody_named_is_left_out_and_the_rest_ships(run, tmp_path, images):
    done = run("cifarq_export", *EXPORT, *WIDE, *images(), *UNTIMED)
    assert done.returncode == 0, done.stderr
    warned = done.stderr.splitlines()
    assert any(
        line.startswith(
            "Warning: left out: accuracy gate: colours-int8-static.onnx: the top-1 drop"
        )
        and "Give more --calibration-images" in line
        for line in warned
    )
    assert any(
        line.startswith(
            "Warning: left out: colours-int8-dynamic.onnx is FP32 by another name: INT8"
        )
        for line in warned
    )
    assert "Warning: nothing but FP32 is in the bundle." in warned
    assert {path.name for path in (tmp_path / "b").glob("*.onnx")} == {"colours-fp32.onnx"}
    assert "int8" not in done.stdout
    content = manifest.read(tmp_path / "b")
    assert [artifact.file for artifact in content.artifacts] == ["colours-fp32.onnx"]
    assert golden.of_bundle(tmp_path / "b", content).exported == {}


@pytest.mark.slow
def test_a_precision_that_was_named_stops_the_export(run, tmp_path, images):
    done = run("cifarq_export", *EXPORT, *images(), *UNTIMED, "--precision", "fp32,int8-static")
    assert done.returncode == 1 and not (tmp_path / "b").exists()
    assert "Error: accuracy gate: colours-int8-static.onnx: the top-1 drop is" in done.stderr
    assert "Nothing was written. Give more --calibration-images" in done.stderr
    assert "--force ships it all the same." in done.stderr


@pytest.mark.slow
def test_another_model_does_not_pass_where_top1_cannot_tell(run, tmp_path, images):
    asked = (*EXPORT, *images(told=False), *UNTIMED, "--precision", "int8-static")
    done = run("cifarq_export", *asked)
    assert done.returncode == 1 and not (tmp_path / "b").exists()
    assert "Error: agreement gate: colours-int8-static.onnx: " in done.stderr
    forced = run("cifarq_export", *asked, "--force", "--json")
    assert forced.returncode == 0, forced.stderr
    (artifact,) = json.loads(forced.stdout)["artifacts"]
    assert artifact["overridden"] == ["agreement"]
    unjudged = ("--min-agreement", "0", "--validation-images", "30", "--overwrite")
    done = run("cifarq_export", *asked, *unjudged)
    assert done.returncode == 0, done.stderr
    assert "30 validation images are too few to tell" in done.stderr
    assert "Give up to 60 with --validation-images." in done.stderr


@pytest.fixture
def one_busy_cpu():
    """Three processes that spin on one CPU; yields a function that pins its process there."""
    cpu = min(os.sched_getaffinity(0))

    def pin():
        os.sched_setaffinity(0, {cpu})

    loop = f"import os\nwhile os.getppid() == {os.getpid()}: pass"  # ends with this process
    spin = [sys.executable, "-c", loop]
    processes = [subprocess.Popen(spin, preexec_fn=pin) for _ in range(3)]
    yield pin
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
@pytest.mark.slow
def test_on_a_busy_machine_no_speed_is_measured_and_no_gate_judges_it(run, images, one_busy_cpu):
    # Nothing could be so fast: judged by its speed, INT8 would stop the export.
    asked = ("--precision", "fp32,int8-dynamic", "--min-speedup", "1000")
    done = run("cifarq_export", *EXPORT, *asked, *images(), preexec_fn=one_busy_cpu)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not measured: the machine is busy (waited ") == 1
    assert "Warning: the machine is busy, and the speed gate did not judge" in done.stderr
