"""The power chip of a Raspberry Pi 5 and its kin, which measures the rails that it feeds.

Source: the Raspberry Pi documentation of ``vcgencmd pmic_read_adc``; its answer is a line for each
rail's current, as ``VDD_CORE_A current(7)=2.04A``, and one for each voltage, as
``VDD_CORE_V volt(15)=0.87V``. Some voltages (EXT5V, the board's input) have no current.
"""

import re
import time
from pathlib import Path

from edge_runtime.probes import Reading, vcgencmd
from edge_runtime.probes.energy.source import Sample, Source

WORD = "pmic_read_adc"
NUMBER = r"([0-9]{1,3}(?:\.[0-9]{1,12})?)"
CURRENT = rf"\b(\w+)_A current\([0-9]+\)={NUMBER}A"
VOLTAGE = rf"\b(\w+)_V volt\([0-9]+\)={NUMBER}V"
ABSENT = "not registered"
"""What the firmware of a board without this chip says of the word."""


class Pmic:
    """The sum of volts times amperes over the rails.

    Args:
        command: ``vcgencmd``, or one that stands in for it.
        rails: how many there are.
    """

    hz = 12.5  # each sample is a process of its own, some ms of work
    name = "power chip (vcgencmd pmic_read_adc)"

    def __init__(self, command: str, rails: int) -> None:
        self.covers = (
            f"the {rails} rails that the board's power chip feeds, summed; not the chip's own "
            "losses, nor what takes the 5 V input directly: USB devices, fan, HATs"
        )
        self._command, self._rails = command, rails

    def read(self) -> Sample:
        """Return the watts of all rails; nothing where one of them is missing."""
        started = time.monotonic_ns()
        asked = vcgencmd.ask(self._command, WORD, CURRENT)
        rails = rails_w(asked.value or "")
        middle = (started + time.monotonic_ns()) // 2
        return Sample(middle, watts=sum(rails.values()) if len(rails) == self._rails else None)


def rails_w(answer: str) -> dict[str, float]:
    """Return the watts of each rail of which current and voltage are told, by its name."""
    volts = dict(re.findall(VOLTAGE, answer))
    amperes = dict(re.findall(CURRENT, answer))
    return {rail: float(a) * float(volts[rail]) for rail, a in amperes.items() if rail in volts}


def find(root: Path, command: str | None = None) -> Reading[Source] | None:
    """Return the power chip, or why it cannot be read; None where there is none.

    Args:
        root: where /proc and /sys are.
        command: vcgencmd; by default the one on the PATH, where ``root`` is this machine's.
    """
    command = command or vcgencmd.command(root)
    if not command:
        return None
    asked = vcgencmd.ask(command, WORD, CURRENT)
    if asked.value is None:
        return None if ABSENT in asked.reason else Reading(None, asked.source, asked.reason)
    if not (rails := rails_w(asked.value)):
        return Reading(None, asked.source, "its answer tells no rail's current and voltage")
    return Reading(Pmic(command, len(rails)), asked.source)
