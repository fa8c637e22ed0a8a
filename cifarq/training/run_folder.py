"""The folder of a training run: which run it holds, if any, and that one at a time writes to it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cifarq.checkpoint import METADATA_FILE, WEIGHTS_FILE
from cifarq.data.datasets import Dataset
from cifarq.training import resume as resuming
from cifarq.training.ranks import Ranks
from cifarq.training.report import Epoch, TrainConfig
from edge_runtime.documents import json_file, strict
from edge_runtime.documents.values import to_json
from edge_runtime.errors import CheckpointError, UsageError
from edge_runtime.locks import InUseError, hold


@dataclass(frozen=True)
class Found:
    """What a folder holds of a run that was interrupted.

    Attributes:
        kept: what training had changed.
        history: the epochs that are done.
    """

    kept: resuming.Kept
    history: tuple[Epoch, ...]


@dataclass(frozen=True)
class _Done:
    """What the file of a run that was interrupted says of it.

    Attributes:
        run: what has to be the same for it to go on: see ``identity``.
        history: the epochs that are done.
    """

    run: dict[str, Any]
    history: tuple[Epoch, ...]


def find(config: TrainConfig, dataset: Dataset, out: Path, resume: bool) -> Found | None:
    """Return what the folder holds of the run, if anything.

    Raises:
        UsageError: the folder holds a run that is not to be resumed, or a checkpoint alone.
        CheckpointError: its run had another configuration, or what is needed to go on is damaged.
    """
    resumable = (out / resuming.FILE).exists()
    if not resumable and (out / METADATA_FILE).exists():
        raise UsageError(
            f"{out} holds a checkpoint, and no {resuming.FILE} to resume from.",
            "Give another --out.",
        )
    if not resumable:
        return None
    if not resume:
        raise UsageError(
            f"{out} holds a training run.", "Resume it with --resume, or give another --out."
        )
    kept = resuming.read(out)
    done = _parse(kept, out)
    # What an older version did not know was at its default.
    before = identity(TrainConfig(config.architecture), dataset) | done.run
    if changes := differences(before, identity(config, dataset)):
        raise CheckpointError(
            f"the run in {out} had another configuration ({changes}).",
            "Resume with the same options, or give another --out.",
        )
    return Found(kept, done.history)


def _parse(kept: resuming.Kept, out: Path) -> _Done:
    try:
        content = {name: json_file.parse(text.encode()) for name, text in kept.metadata.items()}
        return strict.build(_Done, content)
    except ValueError as error:
        raise CheckpointError(f"cannot resume from {out / resuming.FILE}: {error}.") from error


def as_metadata(config: TrainConfig, dataset: Dataset, history: list[Epoch]) -> dict[str, str]:
    """Return what a resumed run is told by: see ``resume.keep``."""
    return {
        "run": json.dumps(identity(config, dataset)),
        "history": json.dumps([asdict(epoch) for epoch in history]),
    }


def require_one_run(config: TrainConfig, dataset: Dataset, ranks: Ranks) -> None:
    """Refuse to train where the processes were started for different runs, or have other images.

    Raises:
        UsageError: they differ.
    """
    if ranks.count == 1:
        return
    own = identity(config, dataset)
    if changes := differences(ranks.first(lambda: own), own):
        raise UsageError(
            f"process {ranks.rank} would train another run than process 0 ({changes} here).",
            "Start torchrun with the same command and the same data on every machine.",
        )


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Return in what two identities of runs differ; empty if in nothing."""
    return ", ".join(
        f"{name} was {before.get(name)}, is {now[name]}"
        for name in sorted(now)
        if before.get(name) != now[name]
    )


def identity(config: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Return what has to be the same for a run to go on; the device may change, and the folder."""
    run: dict[str, Any] = to_json(config)
    del run["device"]
    return run | {"classes": list(dataset.classes), "data": dataset.fingerprint}


@contextmanager
def hold_folder(out: Path) -> Iterator[None]:
    """Make the checkpoint folder and keep it to this run, before an hour of training is lost.

    Raises:
        CheckpointError: it cannot be written to, or another run is writing to it.
    """
    with ExitStack() as stack:
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name in (WEIGHTS_FILE, METADATA_FILE, resuming.FILE):
                stack.enter_context(hold(out / name))
        except InUseError as error:
            raise CheckpointError(
                f"another run is writing to --out {out}.",
                "Wait for its end, or give another --out.",
            ) from error
        except OSError as error:
            raise CheckpointError(f"cannot write to --out {out}: {error.strerror}") from error
        yield
