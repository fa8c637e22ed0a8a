"""What flows out of a laptop's battery while nothing else feeds it.

Source: the kernel's Documentation/ABI/testing/sysfs-class-power (type, scope, status; power_now in
µW, current_now in µA, voltage_now in µV).
"""

import time
from pathlib import Path

from edge_runtime.probes import Reading, text_of, texts_of
from edge_runtime.probes.energy.hwmon import number_of
from edge_runtime.probes.energy.source import Sample, Source
from edge_runtime.probes.power import SUPPLIES

DISCHARGING = "Discharging"


class Batteries:
    """The sum of the batteries that feed the machine.

    Args:
        folders: theirs.
    """

    hz = 10.0
    covers = (
        "the whole machine, its display too; a battery's gauge shows a new value every second or "
        "slower"
    )

    def __init__(self, folders: list[Path]) -> None:
        self.name = f"battery {', '.join(folder.name for folder in folders)}"
        self._folders = folders

    def read(self) -> Sample:
        """Return the watts; nothing where one of them does not discharge any more."""
        started = time.monotonic_ns()
        shown = [_watts(folder) for folder in self._folders]
        middle = (started + time.monotonic_ns()) // 2
        if None in shown:
            return Sample(middle)
        return Sample(middle, watts=sum(watts or 0 for watts in shown))


def find(root: Path) -> Reading[Source] | None:
    """Return the batteries that discharge, or why none does; None where there is none."""
    folders = [
        path.parent
        for path, kind in texts_of(root, SUPPLIES).items()
        if kind == "Battery" and text_of(path.with_name("scope")) != "Device"
    ]
    if not folders:
        return None
    source = ", ".join(map(str, folders))
    feeding = [folder for folder in folders if text_of(folder / "status") == DISCHARGING]
    if not feeding:
        return Reading(None, source, "the battery does not discharge: unplug the power supply")
    if any(_watts(folder) is None for folder in feeding):
        return Reading(None, source, "the battery tells neither its power nor its current")
    return Reading(Batteries(feeding), source)


def _watts(folder: Path) -> float | None:
    if text_of(folder / "status") != DISCHARGING:
        return None
    power = number_of(text_of(folder / "power_now"))
    if power is not None:
        return abs(power) / 1e6
    current, voltage = (
        number_of(text_of(folder / name)) for name in ("current_now", "voltage_now")
    )
    # Some drivers write what flows out with a minus.
    return None if current is None or voltage is None else abs(current) / 1e6 * voltage / 1e6
