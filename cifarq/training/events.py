"""What each epoch came to as TensorBoard's event files."""

from pathlib import Path
from typing import TYPE_CHECKING

from cifarq.training.report import Epoch
from edge_runtime.errors import ToolkitError, reason

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Events:
    """Writes an event file into a folder, beside those of the run before it was resumed.

    Args:
        folder: is made; None writes nothing.
        done: epochs that the run has. TensorBoard forgets what the folder holds of later ones.

    Raises:
        ToolkitError: TensorBoard is not installed, or the folder cannot be written to.
    """

    def __init__(self, folder: Path | None, done: int) -> None:
        self._writer = _open(folder, done + 1) if folder else None

    def write(self, epoch: Epoch, *, learning_rate: float, images_per_second: float) -> None:
        """Write an epoch.

        Args:
            epoch: that is done.
            learning_rate: of its last step.
            images_per_second: that it learned from, evaluation aside.
        """
        if self._writer is None:
            return
        for name, value in (
            ("loss", epoch.loss),
            ("validation top-1", epoch.validation_top1),
            ("learning rate", learning_rate),
            ("seconds", epoch.seconds),
            ("images per second", images_per_second),
        ):
            self._writer.add_scalar(name, value, epoch.number)
        self._writer.flush()


def _open(folder: Path, next_epoch: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(folder), purge_step=next_epoch)
    except ImportError as error:
        raise ToolkitError(
            "--logdir needs tensorboard, which is not installed.",
            "Install it: pip install '.[logs]' in cifarq's folder.",
        ) from error
    except OSError as error:
        raise ToolkitError(f"cannot write to --logdir {folder}: {reason(error)}.") from error
