"""How images are normalised: what the command line says of it, and what a model makes of that."""

from dataclasses import dataclass

from edge_runtime.bundle.preprocess import Channels, Preprocessing
from edge_runtime.errors import UsageError


@dataclass(frozen=True)
class Normalisation:
    """What is said of how images are normalised; complete once the model's channels are known.

    Attributes:
        default: whose mean and standard deviation are taken where none are given, and these two, on
            the 0-1 scale, RGB.
        mean, std: in the model's order of channels, or one number for all; None if not given.
        color: the order of a model's three channels; RGB if not given.
    """

    default: tuple[str, tuple[float, ...], tuple[float, ...]]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    color: Channels | None = None

    def preprocessing(self, channels: int) -> Preprocessing:
        """Return how images become the input of a model of so many channels.

        Raises:
            UsageError: what was given is for another number of channels, or something is missing.
        """
        color = self._order(channels)
        if self.mean is not None and self.std is not None:
            mean, std = _each("--mean", self.mean, channels), _each("--std", self.std, channels)
        elif color is Channels.GREY:
            raise UsageError(
                "a model of one channel has no default normalisation.",
                "Give --mean and --std, as in --mean 0.5 --std 0.5.",
            )
        else:
            _, mean, std = self.default
            if color is Channels.BGR:
                mean, std = mean[::-1], std[::-1]
        return Preprocessing(mean, std, color=color)

    def of_bytes(self, channels: int, given: str) -> Preprocessing:
        """Return how images become the input of a model that normalises raw pixels itself.

        Raises:
            UsageError: a mean and a standard deviation were given all the same.
        """
        if self.mean is not None:
            raise UsageError(
                f"{given} takes uint8 images and normalises them itself.",
                "Leave out --mean and --std.",
            )
        return Preprocessing((0.0,) * channels, (1 / 255,) * channels, color=self._order(channels))

    def note(self, how: Preprocessing) -> str:
        """Return what was assumed about a model that takes ``how``; empty if nothing was."""
        whose, mean, _ = self.default
        if self.mean is not None or set(how.mean) != set(mean):
            return ""
        return (
            f"Normalising with the mean and standard deviation of {whose}. Give --mean and --std "
            "if the model was trained with others."
        )

    def _order(self, channels: int) -> Channels:
        if channels == 1 and self.color is not None:
            raise UsageError(
                f"--color {self.color} is for models of three channels; this one has one.",
                "Leave it out.",
            )
        return Channels.GREY if channels == 1 else self.color or Channels.RGB


def _each(option: str, numbers: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(numbers) not in (1, channels):
        raise UsageError(
            f"{option} gives {len(numbers)} numbers; the model has {channels} channels.",
            "Give one number for all channels, or one for each.",
        )
    return numbers if len(numbers) == channels else numbers * channels
