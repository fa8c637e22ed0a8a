"""One subject of the seed report, in a process of its own: classifies blocks of images when told.

Started by ``seed_report.py``. Reads JSON lines on standard input, answers JSON lines on what was
standard output:

    {"load": {...}}            -> {"memory": {"import_only_bytes": ..., "after_load_bytes": ...}}
    {"block": [start, stop]}   -> {"ns": time in the model's calls, "energy_uj": ... or null}
    {"finish": "FILE.npy"}     -> {"memory": {...}}; the logits are in FILE.npy
"""

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime import engines
from edge_runtime.bundle import integrity, manifest
from edge_runtime.measure.child import answer, answers
from edge_runtime.probes import energy, memory
from edge_runtime.probes.energy import Sampler
from edge_runtime.results.energy import LEAST_COVERAGE


class Subject:
    """A model and the test images, one image a call.

    Args:
        request: ``name``, ``checkpoint`` and ``bundle`` folders, ``images`` (a .npy file with
            (N, 3, H, W) uint8), ``threads``.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self.images_file = request["images"]
        self.energy = energy.find()
        content = manifest.read(Path(request["bundle"]))
        self.how = content.preprocessing
        self.logits = np.zeros((request["count"], len(content.classes)), np.float32)
        imported = _eager if request["name"].startswith("eager") else _artifact
        # Imports the engine, and keeps an artifact's bytes, which are then in baseline and peak.
        self.load = imported(request, content)
        self.import_only = memory.start_peak()
        self.predict = self.load()
        self.after_load = memory.resident_bytes()

    def block(self, start: int, stop: int) -> dict[str, Any]:
        """Classify images start to stop, one a call; only the calls are timed."""
        # A block is read, and one image at a time made ready: the peak is to be the model's.
        images = np.array(np.load(self.images_file, mmap_mode="r")[start:stop])
        sampler = Sampler(self.energy.value) if self.energy.value else None
        nanoseconds = 0
        with sampler or nullcontext():
            for i in range(len(images)):
                batch = self.how.apply(images[i : i + 1])
                started = time.perf_counter_ns()
                logits = self.predict(batch)
                nanoseconds += time.perf_counter_ns() - started
                self.logits[start + i] = logits[0]
        return {"ns": nanoseconds, **self.used(sampler)}

    def used(self, sampler: Sampler | None) -> dict[str, Any]:
        """Return the energy of a block, its source, and the reason where there is none."""
        covered = sampler is not None and sampler.coverage >= LEAST_COVERAGE
        joules = sampler.joules if sampler and covered else None
        unread = (sampler.problem or "the source was read too seldom") if sampler else ""
        return {
            "energy_uj": None if joules is None else round(1e6 * joules),
            "energy_source": self.energy.value.name if self.energy.value else "",
            "energy_reason": self.energy.reason or (unread if joules is None else ""),
        }

    def memory(self) -> dict[str, Any]:
        """Return the memory figures so far, in bytes."""
        return {
            "import_only_bytes": self.import_only.value,
            "after_load_bytes": self.after_load.value,
            "resident_bytes": memory.resident_bytes().value,
            "peak_bytes": memory.peak_bytes().value,
        }


def _eager(request: dict[str, Any], content: manifest.Manifest) -> Any:
    """The report's own way: the model as PyTorch code, quantized in memory."""
    import torch

    from cifarq import checkpoint, quantize
    from cifarq.evaluation.evaluate import torch_predictor

    torch.set_num_threads(request["threads"])

    def load() -> Any:
        model = checkpoint.load(Path(request["checkpoint"])).model()
        if request["name"] == "eager int8-dynamic":
            model = quantize.dynamic_int8(model)
        return torch_predictor(model)

    return load


def _artifact(request: dict[str, Any], content: manifest.Manifest) -> Any:
    """A file that ``cifarq-export`` wrote, run as on a device."""
    format_name, precision = request["name"].split()
    artifact = next(
        a for a in content.artifacts if (a.format, a.precision) == (format_name, precision)
    )
    engines.require(artifact.engine)
    file = integrity.read(Path(request["bundle"]), artifact)
    options = engines.Options(request["threads"], precision)
    return lambda: engines.load(artifact.engine, file, artifact.file, options).run


def main() -> None:
    """Answer until standard input ends."""
    subject: Subject | None = None
    with answers() as out:
        for line in sys.stdin:
            request = json.loads(line)
            if "load" in request:
                subject = Subject(request["load"])
                found: dict[str, Any] = {"memory": subject.memory()}
            elif "block" in request:
                assert subject is not None
                found = subject.block(*request["block"])
            else:
                assert subject is not None
                found = {"memory": subject.memory()}
                np.save(request["finish"], subject.logits)
            answer(found, out)


if __name__ == "__main__":
    main()
