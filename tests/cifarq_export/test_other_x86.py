"""INT8 on an emulated x86 CPU of another class than this one: `make x86`.

A host with VNNI emulates Haswell, which has AVX2 without VNNI and saturates; another x86 host
Nehalem, which has SSE alone and does not. QEMU emulates neither AVX-512 nor VNNI.
"""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from cifarq_export.formats import Recipe
from cifarq_export.formats import onnx as onnx_format
from cifarq_export.int8 import exact
from cifarq_export.int8.calibrate import Calibration
from edge_runtime.probes import target as targets

EMULATOR = "qemu-x86_64"
SCRIPT = Path(__file__).with_name("emulated_answers.py")
HAS_VNNI = targets.of_this_cpu() == targets.X86_VNNI
IMAGES = 3

pytestmark = [
    pytest.mark.int8,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="this machine is no x86"),
    pytest.mark.skipif(not shutil.which(EMULATOR), reason=f"{EMULATOR} is absent: make x86"),
]


@pytest.fixture(scope="module")
def logits(tmp_path_factory, seed_cnn, shipped_images):
    """Logits by CPU, ``here`` and ``other``, of each target's file and its reference's."""
    scratch, folder = (tmp_path_factory.mktemp(name) for name in ("scratch", "files"))
    calibration = Calibration(shipped_images.calibration.take(np.arange(32)))
    for target in targets.NAMES:
        path = folder / f"{target}.onnx"
        recipe = Recipe(seed_cnn.how, target, scratch, calibration)
        onnx_format.write(seed_cnn, "int8-static", path, recipe)
        unsigned = exact.make_unsigned(onnx.load(path))
        onnx.save(unsigned, folder / f"{target}-reference.onnx")
    batch = seed_cnn.how.apply(shipped_images.golden.images[:IMAGES])
    np.save(folder / "batch.npy", batch)
    answers = {"fp32": seed_cnn.predict(batch)}
    emulated = [EMULATOR, "-cpu", "Haswell" if HAS_VNNI else "Nehalem"]
    for cpu, prefix in (("here", []), ("other", emulated)):
        out = scratch / f"{cpu}.npz"
        command = [*prefix, sys.executable, str(SCRIPT), str(folder), str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answers[cpu] = dict(np.load(out))
    return answers


@pytest.mark.parametrize("target", targets.NAMES)
def test_the_reference_is_the_same_on_both_to_the_bit(logits, target):
    name = f"{target}-reference"
    np.testing.assert_array_equal(logits["other"][name], logits["here"][name])
    assert np.abs(logits["other"][name] - logits["fp32"]).max() < 0.5


def test_weights_within_7_bits_saturate_on_neither(logits):
    for cpu in ("here", "other"):
        np.testing.assert_array_equal(logits[cpu]["x86"], logits[cpu]["x86-reference"])


@pytest.mark.parametrize("target", [targets.X86_VNNI, targets.ARM64])
def test_the_reference_is_what_the_cpu_without_saturation_computes(logits, target):
    exact_cpu = "here" if HAS_VNNI else "other"
    np.testing.assert_array_equal(
        logits[exact_cpu][target], logits[exact_cpu][f"{target}-reference"]
    )
