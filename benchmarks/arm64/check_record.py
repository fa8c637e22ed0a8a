"""The record of check.py: which step of which core did what, and the report drawn from it."""

import re
from typing import Any

from board import CORES

_SECONDS = re.compile(r" in [\d.]+s( \([\d:]+\))?$")


def record(
    steps: list[tuple[str, str, str]], exported_with: dict[str, str], emulator: str
) -> dict[str, Any]:
    """Return what is kept of a run in which every step went well; no time is in it.

    Args:
        steps: core, step, and what the step said, in the order in which they are shown.
        exported_with: what wrote the bundle, by name: versions.
        emulator: its name and version.
    """
    said: dict[str, dict[str, str]] = {}
    for core, step, text in steps:
        said.setdefault(core, {})[step] = _SECONDS.sub("", text)
    return {
        "schema": 1,
        "emulator": emulator,
        "exported_with": exported_with,
        "cores": {core: {"board": CORES[core].board, "steps": said[core]} for core in said},
    }


def markdown(record: dict[str, Any]) -> str:
    """Return the report."""
    made = ", ".join(f"{name} {version}" for name, version in record["exported_with"].items())
    lines = [
        "# A bundle on emulated Arm cores",
        "",
        "Written by `python benchmarks/arm64/check.py`; do not edit. Each core had the bundle in "
        "an empty home, a system's Python without a package, no network, and a user who is not "
        "root. "
        f"Emulated by {record['emulator']}; the bundle was written with {made}.",
        "",
    ]
    for core, found in record["cores"].items():
        lines += [f"**{core}** ({found['board']})", "", "| step | what came of it |", "|---|---|"]
        lines += [f"| {step} | {text} |" for step, text in found["steps"].items()]
        lines.append("")
    lines.append("Every step went well. How long it took says nothing of a board.")
    return "\n".join([*lines, ""])
