"""Power sensors on the board's I2C bus: INA219, INA226, INA3221 and their kin; Jetsons have them.

Source: the kernel's Documentation/hwmon/ina2xx.rst, ina238.rst and ina3221.rst, and
hwmon/sysfs-interface.rst: power*_input in µW, in*_input in mV, curr*_input in mA, in*_label; an
INA3221's channels 1 to 3 are its rails. NVIDIA's Jetson Linux Developer Guide names their rails.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.probes import Reading, text_of, texts_of
from edge_runtime.probes.energy.source import Sample, Source
from edge_runtime.probes.thermal import CHIPS

ONE_RAIL = re.compile(r"ina2(?:09|19|20|26|28|30|31|3[78]|60)", re.IGNORECASE)
THREE_RAILS = "ina3221"
UNCONNECTED = "NC"
INPUTS = ("VDD_IN", "POM_5V_IN")
"""What the whole of a Jetson Orin Nano, Orin NX, Xavier NX and Nano flows through; its other rails
are parts of that."""


@dataclass(frozen=True)
class Rail:
    """One sensor.

    Attributes:
        name: its label, or its chip's name and place.
        files: with its power in µW, or else with its voltage in mV and its current in mA.
        labelled: whether the board says what it measures.
    """

    name: str
    files: tuple[Path, ...]
    labelled: bool

    @property
    def watts(self) -> float | None:
        """What it shows now."""
        values = [number_of(text_of(file)) for file in self.files]
        if None in values:
            return None
        first, *others = (value or 0 for value in values)
        return first * others[0] / 1e6 if others else first / 1e6


class Rails:
    """The sum of some sensors.

    Args:
        rails: the sensors.
        covers: what they measure.
    """

    hz = 20.0

    def __init__(self, rails: list[Rail], covers: str) -> None:
        self.name = f"power sensor {', '.join(rail.name for rail in rails)}"
        self.covers = covers
        self._rails = rails

    def read(self) -> Sample:
        """Return the watts of all of them; nothing where one cannot be read."""
        started = time.monotonic_ns()
        shown = [rail.watts for rail in self._rails]
        middle = (started + time.monotonic_ns()) // 2
        if None in shown:
            return Sample(middle)
        return Sample(middle, watts=sum(watts or 0 for watts in shown))


def find(root: Path) -> Reading[Source] | None:
    """Return the sensors, or why they say nothing of this machine; None where there are none."""
    source = str(root / CHIPS)
    rails = [rail for path, chip in texts_of(root, CHIPS).items() for rail in _rails(path, chip)]
    if not rails:
        return None
    whole = [rail for rail in rails if rail.name in INPUTS]
    if whole:
        chosen, covers = whole[:1], "all that the module takes from its supply"
    elif len(rails) == 1:
        chosen, covers = rails, "what flows through the sensor: where it is wired decides"
    elif all(rail.labelled for rail in rails):
        chosen, covers = (
            rails,
            "the sum of these rails: what one of them feeds another counts twice",
        )
    else:
        listed = ", ".join(rail.name for rail in rails)
        reason = f"of several power sensors ({listed}) nothing says which feeds this machine"
        return Reading(None, source, f"{reason}: leave one, or label them in the device tree")
    if any(rail.watts is None for rail in chosen):
        reason = f"the power sensor {chosen[0].name} shows neither power nor voltage and current"
        return Reading(None, source, f"{reason}: check its wiring and its driver")
    return Reading(Rails(chosen, covers), ", ".join(str(f) for r in chosen for f in r.files))


def number_of(text: str) -> int | None:
    """Return the whole number that a text is, in decimal digits: currents may be negative."""
    return int(text) if re.fullmatch("-?[0-9]{1,15}", text) else None


def _rails(name: Path, chip: str) -> list[Rail]:
    folder = name.parent
    if ONE_RAIL.fullmatch(chip):
        power = folder / "power1_input"
        # Their in0 is the voltage over the shunt, in1 the bus.
        files = (power,) if power.exists() else (folder / "in1_input", folder / "curr1_input")
        label = text_of(folder / "label")
        return [Rail(label or f"{chip} ({folder.name})", files, bool(label))]
    if chip != THREE_RAILS:
        return []
    rails = []
    for number in (1, 2, 3):
        files = (folder / f"in{number}_input", folder / f"curr{number}_input")
        label = text_of(folder / f"in{number}_label")
        if label != UNCONNECTED and all(file.exists() for file in files):
            called = label or f"{chip} channel {number} ({folder.name})"
            rails.append(Rail(called, files, bool(label)))
    return rails
