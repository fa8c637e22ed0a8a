"""The options that say how a bundle travels: with wheels for an offline device, and as one file."""

from typing import TYPE_CHECKING

import click

from cifarq_export import options
from edge_runtime.errors import UsageError
from edge_runtime.setup import platforms

if TYPE_CHECKING:
    from cifarq_export.bundle import wheelhouse

SHIPPING_OPTIONS = (
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
    click.option(
        "--with-torch",
        is_flag=True,
        help="With --wheels for aarch64: PyTorch too, for TorchScript (115 MB more; 500 MB there).",
    ),
    click.option(
        "--archive", is_flag=True, help="Write the bundle as OUT.tar.gz too: one file to copy."
    ),
    click.option("--overwrite", is_flag=True, help="Replace the bundle in --out, and its archive."),
)


def wheels_for(device: str | None, *, with_torch: bool) -> "wheelhouse.Wish | None":
    """Return which wheels are wanted.

    Args:
        device: what ``--wheels`` names.
        with_torch: PyTorch too.

    Raises:
        UsageError: the name stands for no platform, or has no PyTorch.
    """
    if device is None:
        if with_torch:
            raise UsageError(
                "--with-torch adds to --wheels; name the device: --wheels pi-bookworm."
            )
        return None
    from cifarq_export.bundle import wheelhouse

    return wheelhouse.Wish(platforms.platform(device), with_torch)
