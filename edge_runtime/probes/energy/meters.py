"""Meters that other packages bring: a USB meter in the supply's cable, a meter at the plug.

One file a meter, anywhere that Python finds modules, which its package names in the entry-point
group ``edge_runtime.energy``. In its ``pyproject.toml``:

    [project]
    name = "my-meter"
    version = "1"

    [project.entry-points."edge_runtime.energy"]
    my-meter = "my_meter:find"

and in ``my_meter.py`` a function that opens the meter, or raises an error that says why it cannot:

    import time
    import serial  # what the meter needs
    from edge_runtime.probes.energy.source import Sample

    class Meter:
        name, covers, hz = "my meter", "all that flows through the cable", 10.0

        def __init__(self, port):
            self.port = port

        def read(self):
            volts, amperes = map(float, self.port.readline().split())
            return Sample(time.monotonic_ns(), watts=volts * amperes)

    def find():
        return Meter(serial.Serial("/dev/ttyUSB0", timeout=1))

A meter that counts gives ``joules`` in place of ``watts``: from any start, and never less than
before. What ``read`` raises is a sample that was missed. A meter is opened anew in each process
that reads it, and has to be free again once nothing refers to what ``find`` returned.
"""

from importlib.metadata import entry_points
from pathlib import Path

from edge_runtime.errors import reason
from edge_runtime.probes import ROOT, Reading
from edge_runtime.probes.energy.source import Source

GROUP = "edge_runtime.energy"


def find(root: Path) -> Reading[Source] | None:
    """Return the first meter that can be opened, or why none can; None where none is installed."""
    reasons = []
    for entry in sorted(entry_points(group=GROUP)) if root == ROOT else ():
        try:
            source: Source = entry.load()()
            return Reading(source, f"{entry.name} ({entry.value})")
        except Exception as error:  # somebody else's code: whatever it raises is the reason
            reasons.append(f"the meter {entry.name} cannot be opened: {reason(error)}")
    return Reading(None, GROUP, "; ".join(reasons)) if reasons else None
