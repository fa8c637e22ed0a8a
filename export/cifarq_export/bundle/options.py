"""The options that say how a bundle travels: with wheels for an offline device, and as one file."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cifarq_export import options
from edge_runtime import engines
from edge_runtime.errors import UsageError
from edge_runtime.setup import platforms

if TYPE_CHECKING:
    from cifarq_export.bundle import wheelhouse


def _asked_options() -> list[str]:
    """Return the options that bring a wheel, each of one engine or more."""
    return sorted({engines.get(name).ASKED_FOR for name in engines.names()} - {""})


def _parameter(option: str) -> str:
    return option.strip("-").replace("-", "_")


def _asked_by(option: str) -> list[str]:
    """Return the engines whose one wheel an option brings."""
    return [name for name in engines.names() if option == engines.get(name).ASKED_FOR]


def _wheel_option(option: str) -> Callable[[Any], Any]:
    """Return the option that brings a wheel that is not brought by itself."""
    names = _asked_by(option)
    formats = "/".join(engines.get(name).FORMATS[0] for name in names)
    note = engines.wheel_note(names[0])
    return click.option(
        option,
        _parameter(option),
        is_flag=True,
        help=f"With --wheels: {engines.distribution(names[0])} too, for {formats}"
        f"{f' ({note})' if note else ''}.",
    )


SHIPPING_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--out", type=options.PATH, help="The bundle's folder.  [default: ./MODEL-bundle]"
    ),
    click.option(
        "--wheels",
        "device",
        metavar="NAME",
        help="Add what a device without internet installs, and setup-device.sh, which does it. "
        "NAME says which Python and C library are there: pi-bookworm and pi-trixie for 64-bit "
        "Raspberry Pi OS; linux-aarch64-py3.12, linux-x86_64-py3.11-glibc2.35.",
    ),
    *map(_wheel_option, _asked_options()),
    click.option(
        "--archive", is_flag=True, help="Write the bundle as OUT.tar.gz too: one file to copy."
    ),
    click.option("--overwrite", is_flag=True, help="Replace the bundle in --out, and its archive."),
)


def wheels_for(device: str | None, typed: dict[str, Any]) -> "wheelhouse.Wish | None":
    """Return which wheels are wanted.

    Args:
        device: what ``--wheels`` names.
        typed: the command's other options; those that bring an engine's wheel are taken out.

    Raises:
        UsageError: the name stands for no platform, or an engine has no wheel for it.
    """
    given = [option for option in _asked_options() if typed.pop(_parameter(option))]
    if device is None:
        for option in given:
            raise UsageError(
                f"{option} adds to --wheels:", "name the device, as in --wheels pi-bookworm."
            )
        return None
    asked_for = frozenset(name for option in given for name in _asked_by(option))
    from cifarq_export.bundle import wheelhouse

    return wheelhouse.Wish(platforms.platform(device), asked_for)
