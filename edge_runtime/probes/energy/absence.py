"""Why a machine has no source of energy, and what to buy or enable."""

from pathlib import Path

from edge_runtime.probes import text_of
from edge_runtime.probes.virtualisation import virtualisation

BOARD = "proc/device-tree/model"
METER = (
    "measure at the plug, or with a USB meter in its cable (edge_runtime/probes/energy/meters.py)"
)


def explain(root: Path) -> str:
    """Return the reason, and the remedy after a colon.

    Args:
        root: where /proc and /sys are.
    """
    kind = virtualisation(root).value or ""
    if kind.startswith("virtual"):
        machine = kind.partition(",")[0]
        return f"a {machine} is shown no energy counter: measure on its host, or at the plug"
    board = text_of(root / BOARD)
    if board.startswith("Raspberry Pi 5"):
        return f"{board} has a power chip, but vcgencmd is not here: install raspi-utils"
    if board:
        return f"{board} has no power sensor that its kernel shows: {METER}"
    if "container" in kind:
        return f"this kernel shows no energy counter {kind}: run it outside the container"
    return f"this kernel shows no energy counter and no power sensor: {METER}"
