"""Weights for the networks of ``networks_zoo.py``: a short training on CIFAR-10, each.

    python benchmarks/networks_train.py --data-dir DIR

writes ``build/networks/NAME.safetensors`` and ``NAME.json`` (how it was trained, and its top-1 on
2,000 validation images) for each network that has none yet: an interrupted run goes on with the
next. 400 steps of 64 images are enough to be clearly above chance, which is all that a test of the
exporter needs. Up to an hour on two cores.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from networks_zoo import NETWORKS, Network
from torch import nn
from torch.nn import functional
from tqdm import tqdm

OUT = Path(__file__).resolve().parent.parent / "build" / "networks"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 64
VALIDATION_IMAGES = 2_000
_STATISTICS_BATCHES = 40  # that batch norms take their statistics from, after the training
_SEED = 0


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path), help="CIFAR-10's folder.")
@click.option("--steps", default=400, show_default=True, type=click.IntRange(1))
@click.option("--only", metavar="NAME,...", help="Train these networks only.")
@click.option("--out", default=OUT, type=click.Path(path_type=Path))
def main(data_dir: Path | None, steps: int, only: str | None, out: Path) -> None:
    """Train what is not trained yet."""
    from cifarq.data import datasets

    names = only.split(",") if only else list(NETWORKS)
    if unknown := [name for name in names if name not in NETWORKS]:
        raise click.UsageError(f"--only {unknown[0]}: known are {', '.join(NETWORKS)}.")
    waiting = [name for name in names if not weights_file(out, name).exists()]
    if not waiting:
        return
    out.mkdir(parents=True, exist_ok=True)
    data = datasets.load(data_dir)
    for name in waiting:
        train(name, data, steps, out)


def weights_file(folder: Path, name: str) -> Path:
    """Return where a network's weights are; beside it ``NAME.json`` says how they were made."""
    return folder / f"{name}.safetensors"


def train(name: str, data: Any, steps: int, out: Path) -> None:
    """Train one network, and write its weights and what it reached."""
    from safetensors.torch import save_file

    from edge_runtime.files import write_text

    started = time.monotonic()
    network = NETWORKS[name]
    torch.manual_seed(_SEED)
    model = network.build()
    fit(model, network, data.train, steps, name)
    right = _right(model, network, data.validation)
    record = {
        "steps": steps,
        "batch": BATCH,
        "validation_images": VALIDATION_IMAGES,
        "validation_top1": right / VALIDATION_IMAGES,
        "seconds": round(time.monotonic() - started),
    }
    write_text(out / f"{name}.json", json.dumps(record, indent=1) + "\n")
    partial = weights_file(out, name).with_suffix(".partial")
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, partial)
    partial.replace(weights_file(out, name))
    click.echo(f"{name}: validation top-1 {100 * record['validation_top1']:.1f} %", err=True)


def fit(model: nn.Module, network: Network, images: Any, steps: int, name: str) -> None:
    """Train a model by AdamW with one learning-rate cycle, and set its batch norms' statistics."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    draw = np.random.default_rng(_SEED)
    model.train()
    for _ in tqdm(range(steps), desc=name, unit="step", disable=None):
        inputs, labels = _batch(network, images, draw)
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    # Some networks' running averages are far slower than so few steps.
    inputs_only = (_batch(network, images, draw)[0] for _ in range(_STATISTICS_BATCHES))
    torch.optim.swa_utils.update_bn(inputs_only, model)
    model.eval()


def _batch(network: Network, images: Any, draw: Any) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = draw.integers(0, len(images), BATCH)
    pixels = _prepare(network, images.images[chosen])
    mirrored = torch.from_numpy(draw.random(BATCH) < 0.5)
    pixels[mirrored] = pixels[mirrored].flip(-1)
    return pixels, torch.from_numpy(images.labels[chosen])


def _prepare(network: Network, images: Any) -> torch.Tensor:
    """Turn (N, 3, 32, 32) uint8 into what the network takes, as ``--resize`` and ``--mean`` do."""
    pixels = torch.from_numpy(images).float() / 255
    if pixels.shape[-1] != network.size:
        pixels = functional.interpolate(pixels, network.size, mode="bilinear", antialias=True)
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return (pixels - mean) / std


def _right(model: nn.Module, network: Network, images: Any) -> int:
    return sum(_right_of_batches(model, network, images))


def _right_of_batches(model: nn.Module, network: Network, images: Any) -> Iterator[int]:
    with torch.inference_mode():
        for start in range(0, VALIDATION_IMAGES, BATCH):
            part = slice(start, min(start + BATCH, VALIDATION_IMAGES))
            answers = model(_prepare(network, images.images[part])).argmax(1)
            yield int((answers == torch.from_numpy(images.labels[part])).sum())


if __name__ == "__main__":
    main()
