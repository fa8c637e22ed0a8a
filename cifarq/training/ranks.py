"""The processes that train one model together: those that ``torchrun`` started, or this one alone.

Each takes its part of every batch, and after every step all take the mean of their gradients
(DistributedDataParallel; gloo between CPUs, NCCL between GPUs). The first one evaluates and writes.
"""

import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from edge_runtime.errors import ToolkitError, UsageError

T = TypeVar("T")
_FAR = 2**40
"""Between the seeds of two processes: more than the seeds of all epochs lie apart."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; alone by default.

    Attributes:
        rank: of this process, from 0.
        count: of all processes.
        local: rank among the processes of this machine.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process is the one that evaluates and writes."""
        return self.rank == 0

    def part(self, size: int) -> slice:
        """Return which images of a batch this process learns from.

        A batch that has not two images for each process, which a batch norm needs, is every
        process's: the last one of an epoch may be that small.
        """
        if size < 2 * self.count:
            return slice(0, size)
        return slice(size * self.rank // self.count, size * (self.rank + 1) // self.count)

    def weight(self, size: int) -> float:
        """Return by what this process's mean loss is multiplied.

        The mean over the processes is then the mean over the images of the batch.
        """
        part = self.part(size)
        taken = part.stop - part.start
        return 1.0 if taken == size else taken * self.count / size

    def require_images(self, batch_size: int) -> None:
        """Refuse batches that have not two images for each process.

        Raises:
            UsageError: they have not.
        """
        if self.count > 1 and batch_size < 2 * self.count:
            raise UsageError(
                f"--batch-size is {batch_size}: {self.count} processes need two images each.",
                f"Give {2 * self.count} or more.",
            )

    def seed(self, seed: int) -> int:
        """Return a seed for what each process draws for itself; the first one's is the same."""
        return seed + self.rank * _FAR

    def cuda_device(self) -> torch.device:
        """Return the GPU of this process.

        Raises:
            UsageError: this machine has fewer GPUs than processes.
        """
        if self.count == 1:
            return torch.device("cuda")
        if self.local >= (devices := torch.cuda.device_count()):
            raise UsageError(
                f"--device cuda: this machine has {devices} CUDA devices, and more processes.",
                f"Start torchrun with --nproc-per-node {devices}, or use --device cpu.",
            )
        torch.cuda.set_device(self.local)
        return torch.device("cuda", self.local)

    def learner(self, model: nn.Module) -> nn.Module:
        """Return what computes as the model does, and whose gradients are all processes' mean.

        All models become the first process's. On GPUs their batch norms are replaced by such that
        take their statistics from the whole batch.
        """
        if self.count == 1:
            return model
        if next(model.parameters()).is_cuda:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        with warnings.catch_warnings():
            # The name that is to replace it is not in PyTorch 2.9.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            return DistributedDataParallel(model, broadcast_buffers=False)

    def caveat(self, model: nn.Module) -> str:
        """Return in what the processes do not train as one would; empty if in nothing."""
        own = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d
        if self.count == 1 or not any(isinstance(module, own) for module in model.modules()):
            return ""
        return (
            f"{self.count} processes on CPUs: each takes batch norms' statistics from its own part "
            "of a batch. PyTorch synchronises them on GPUs only."
        )

    def mean(self, value: float) -> float:
        """Return the mean of a number over the processes."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return total.item() / self.count

    def share_statistics(self, *modules: nn.Module) -> None:
        """Replace the statistics of batch norms by their mean over the processes."""
        if self.count == 1:
            return
        for module in modules:
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    dist.all_reduce(buffer)
                    buffer /= self.count

    def first(self, work: Callable[[], T]) -> T:
        """Return what the first process makes of ``work``; the others wait for it."""
        if self.count == 1:
            return work()
        answer = [work() if self.leads else None]
        dist.broadcast_object_list(answer, device=torch.device("cpu"))
        return answer[0]  # type: ignore[return-value]

    @contextmanager
    def one_goes_ahead(self) -> Iterator[None]:
        """Let one process of each machine do something before the others: a download, say."""
        if self.local > 0:
            self.mean(0.0)
        yield
        if self.local == 0:
            self.mean(0.0)


ALONE = Ranks()


class LostError(ToolkitError):
    """Another process of the job has ended, or cannot be reached."""


def of_environment() -> Ranks:
    """Return which process this is by what torchrun said when it started it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return ALONE
    return Ranks(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))


@contextmanager
def join(kept: Callable[[], str]) -> Iterator[Ranks]:
    """Join the processes that torchrun started; without it this one is alone, and joins nothing.

    Whichever process an error meets first says it, on ``sys.__stderr__``, and the others, which
    end for want of that one, say nothing.

    Args:
        kept: says what is kept of the run, should another process end.

    Raises:
        LostError: another process has ended.
        KeyboardInterrupt: torchrun ends this process, as it does when another one has ended.
    """
    ranks = of_environment()
    if ranks.count == 1:
        yield ranks
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _told_as_lost(kept):
        store, *_ = next(rendezvous("env://"))
        try:
            dist.init_process_group(store=store, rank=ranks.rank, world_size=ranks.count)
            yield ranks
        except BaseException:
            _let_one_speak(store)
            raise
    dist.destroy_process_group()


@contextmanager
def _told_as_lost(kept: Callable[[], str]) -> Iterator[None]:
    """Tell the end of another process, which PyTorch notices in its next call, as what it is."""
    try:
        yield
    except RuntimeError as error:
        # gloo has no type of its own for a connection that is lost.
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise LostError(
            "another process of the job has ended, or cannot be reached.", kept()
        ) from error


def _let_one_speak(store: Store) -> None:
    """Let the first process that ends say why, and no other; from here on each ends by itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(KeyboardInterrupt):  # that came a moment before
            signal.signal(number, signal.SIG_IGN)
    try:
        first = store.add("ended", 1) == 1
    except RuntimeError:  # torchrun has ended too, and whoever could say so before
        first = True
    sys.stderr = sys.__stderr__ if first else io.StringIO()
