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

_ASKED_FOR = "asked_for_"


def _wheel_option(name: str) -> Callable[[Any], Any]:
    """Return the option that brings the wheel of an engine that is not brought by itself."""
    engine, note = engines.get(name), engines.wheel_note(name)
    return click.option(
        engine.ASKED_FOR,
        f"{_ASKED_FOR}{name}",
        is_flag=True,
        help=f"With --wheels: {engines.distribution(name)} too, for {'/'.join(engine.FORMATS)}"
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
    *(_wheel_option(name) for name in engines.names() if engines.get(name).ASKED_FOR),
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
    flags = {name: typed.pop(name) for name in list(typed) if name.startswith(_ASKED_FOR)}
    asked_for = frozenset(name.removeprefix(_ASKED_FOR) for name, given in flags.items() if given)
    if device is None:
        for name in asked_for:
            raise UsageError(
                f"{engines.get(name).ASKED_FOR} adds to --wheels:",
                "name the device, as in --wheels pi-bookworm.",
            )
        return None
    from cifarq_export.bundle import wheelhouse

    return wheelhouse.Wish(platforms.platform(device), asked_for)
