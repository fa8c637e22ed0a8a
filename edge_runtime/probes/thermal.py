"""The processor's temperature: the hottest of its sensors.

Source: the kernel's Documentation/driver-api/thermal/sysfs-api.rst (type, temp),
Documentation/hwmon/sysfs-interface.rst (name, temp*_input, temp*_label; both in millidegrees
Celsius) and Documentation/hwmon/k10temp.rst (Tctl, Tdie).
"""

import re
from pathlib import Path

from edge_runtime.probes import ROOT, Reading, text_of, texts_of

ZONES = "sys/class/thermal/thermal_zone*/type"
CHIPS = "sys/class/hwmon/hwmon*/name"

PROCESSOR = re.compile("cpu|soc|core|x86_pkg_temp|k10temp|zenpower", re.IGNORECASE)
# Somewhere in the case: better than nothing, and asked only where no sensor names the processor.
LAST_RESORT = re.compile("acpitz", re.IGNORECASE)

LOWEST_CELSIUS, HIGHEST_CELSIUS = -40, 150  # and beyond: a sensor that is off or not connected


def temperature_celsius(root: Path = ROOT) -> Reading[float]:
    """Return the temperature of the hottest sensor of the processor, in degrees Celsius."""
    names = texts_of(root, ZONES) | texts_of(root, CHIPS)
    for wanted in (PROCESSOR, LAST_RESORT):
        sensors = [
            (celsius, str(file))
            for path, name in names.items()
            if wanted.search(name)
            for file in _inputs(path)
            if (celsius := _celsius(file)) is not None
        ]
        if sensors:
            return Reading(*max(sensors))
    source = f"{root / ZONES}, {root / CHIPS}"
    if not names:
        return Reading(None, source, "this kernel shows no sensor (virtual machines have none)")
    if any(PROCESSOR.search(name) or LAST_RESORT.search(name) for name in names.values()):
        return Reading(None, source, "the processor's sensors give no plausible temperature")
    listed = ", ".join(sorted({name for name in names.values() if name and name.isprintable()}))
    return Reading(None, source, f"no sensor here is the processor's ({listed or 'none is named'})")


def _inputs(named: Path) -> list[Path]:
    """Return the files that hold the temperatures of a thermal zone, or of a hwmon chip."""
    if named.name == "type":
        return [named.with_name("temp")]
    inputs = list(texts_of(named.parent, "temp*_input"))
    labels = [text_of(file.with_name(file.name.replace("_input", "_label"))) for file in inputs]
    if "Tdie" in labels:  # then Tctl is that plus an offset, made for the fan's control
        return [file for file, label in zip(inputs, labels, strict=True) if label != "Tctl"]
    return inputs


def _celsius(file: Path) -> float | None:
    text = text_of(file)
    if not re.fullmatch("-?[0-9]{1,9}", text):
        return None
    celsius = int(text) / 1000
    return celsius if LOWEST_CELSIUS < celsius < HIGHEST_CELSIUS else None
