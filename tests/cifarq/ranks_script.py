"""What test_ranks.py runs under torchrun: trains twice, and writes down what each process had.

    torchrun ... ranks_script.py DATA_DIR OUT

writes ``OUT/NAME`` (the run's folder), ``OUT/NAME-RANK-EPOCH.safetensors`` (the weights that a
process had at the end of an epoch, and their mean) and ``OUT/NAME-steps.json``, for NAME ``plain``
and ``normed``. It computes in FP32 on every CPU: two processes round as one does but for the last
bits, and bfloat16 has 8 of them.
"""

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from cifarq import tensor_file
from cifarq.data import datasets
from cifarq.models import seed_cnn
from cifarq.training import ranks, train
from cifarq.training.report import Progress, TrainConfig
from edge_runtime.probes import cpuinfo

IMAGES = 131  # in batches of 32, the last one of three: too few for two processes
CONFIG = TrainConfig("seed-cnn", epochs=2, batch_size=32, device="cpu")


@dataclass(frozen=True)
class Recorder(ranks.Ranks):
    """Writes down the weights at the end of each epoch."""

    prefix: str = ""
    done: list = field(default_factory=list)

    def share_statistics(self, model, average):
        super().share_statistics(model, average)
        self.done.append(None)
        tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in average.state_dict().items()}
        file = Path(f"{self.prefix}-{self.rank}-{len(self.done)}.safetensors")
        file.write_bytes(tensor_file.serialise(tensors))


class Steps(Progress):
    """Counts the steps of each epoch."""

    def __init__(self):
        self.seen = []

    def step(self, epoch, done, total):
        self.seen.append((epoch, done, total))


def train_once(name, dataset, out, job):
    """Train, writing down what is told; see the module."""
    steps = Steps()
    recorder = Recorder(**asdict(job), prefix=str(out / name))
    train.train(CONFIG, dataset, out / name, progress=steps, ranks=recorder)
    if job.leads:
        (out / f"{name}-steps.json").write_text(json.dumps(steps.seen))


def without_aids(module):
    """Take batch norms and dropout from the seed CNN: what a process draws or measures alone."""
    module.build_for_training, module.fold = module.build, lambda model: model


def main(data_dir, out):
    """Train the seed CNN as it is, then without its training aids."""
    cpuinfo.has_bfloat16 = lambda: False
    dataset = datasets.load(data_dir)
    dataset = replace(dataset, train=dataset.train.take(np.arange(IMAGES)))
    with ranks.join(lambda: "") as job:
        train_once("normed", dataset, out, job)
        without_aids(seed_cnn)
        train_once("plain", dataset, out, job)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
