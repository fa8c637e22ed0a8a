"""The energy counters of Intel's and AMD's processors: RAPL, as the kernel's powercap shows it.

Source: the kernel's Documentation/power/powercap/powercap.rst (name, energy_uj,
max_energy_range_uj) and drivers/powercap/intel_rapl_common.c (package-N, core, psys). Since Linux
5.10 root alone may read energy_uj (CVE-2020-8694).
"""

import time
from pathlib import Path

from edge_runtime.probes import Reading, count_of, text_of, texts_of
from edge_runtime.probes.energy.counter import Counter
from edge_runtime.probes.energy.source import Sample, Source

# Not intel-rapl-mmio:*, which shows the same packages once more.
ZONES = "sys/class/powercap/intel-rapl:*/name"
PARTS = {
    "package-": "the processor package (cores, caches, memory controller), not memory modules, "
    "disks, fans and power supply",
    "core": "the processor's cores alone, not its caches, memory controller, memory and power "
    "supply",
}
"""The zones that are taken, the first kind that there is, with what they cover."""

_ALLOW = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"


class Rapl:
    """Counters of one kind, summed over the packages.

    Args:
        names: what they are called.
        zones: their folders.
        covers: what they measure.
    """

    hz = 20.0

    def __init__(self, names: list[str], zones: list[Path], covers: str) -> None:
        self.name = f"RAPL {', '.join(names)}"
        self.covers = covers
        self._counters = {
            zone / "energy_uj": Counter(count_of(text_of(zone / "max_energy_range_uj")) or 0)
            for zone in zones
        }

    def read(self) -> Sample:
        """Return the joules of all packages since the first sample."""
        now = time.monotonic_ns()
        values = {file: count_of(text_of(file)) for file in self._counters}
        if None in values.values():
            return Sample(now)
        counted = [c.add(values[file] or 0) for file, c in self._counters.items()]
        if None in counted:
            return Sample(now)
        return Sample(now, joules=sum(microjoules or 0 for microjoules in counted) / 1e6)


def find(root: Path) -> Reading[Source] | None:
    """Return the counters, or why they cannot be read; None where there are none."""
    names = texts_of(root, ZONES)
    for part, covers in PARTS.items():
        zones = [path.parent for path, name in names.items() if name.startswith(part)]
        if not zones:
            continue
        files = [zone / "energy_uj" for zone in zones]
        where = ", ".join(map(str, files))
        if any(count_of(text_of(file)) is None for file in files):
            denied = f"only root may read the RAPL counters: {_ALLOW} (until the next start)"
            wrong = "the RAPL counters show no number"
            return Reading(None, where, wrong if all(map(text_of, files)) else denied)
        called = [names[zone / "name"] for zone in zones]
        return Reading(Rapl(called, zones, covers), where)
    return None
