"""The command ``edge-bench doctor``: each line as soon as it is known."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_runtime.command import streams
from edge_runtime.printable import one_line

if TYPE_CHECKING:
    from edge_runtime.doctor.finding import Finding

_HELP = """\
Check whether a bundle will run on a device: its system, Python, C library, processor, engines,
wheels and models, memory, disk, clock, cooling and power. Each line is ok, warning, fatal or
unknown, with what to do. Each engine is imported, and each artifact run on the golden images, in a
process of its own.

With --target, check for a device that is not here: pi3, pi4, pi5, pi-bookworm, pi5-trixie,
linux-aarch64-py3.12, ... What the name does not tell is unknown.

\b
Examples:
  edge-bench doctor                               this device, and the bundle here
  edge-bench doctor seed-cnn-bundle --target pi4-bookworm
  edge-bench doctor --json
"""
_NAME_WIDTH = 22


@click.command(
    help=_HELP,
    short_help="Check whether a bundle will run on a device.",
    epilog="Exit: 0 nothing is fatal; 1 something is; 2 the command line is wrong.",
)
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@click.option("--target", metavar="NAME", help="Check for this device, which is not here.")
@click.option(
    "--timeout",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Maximum time of one artifact's check, in seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(bundle: Path | None, target: str | None, timeout: float, as_json: bool) -> None:
    """Check, and print each finding."""
    from edge_runtime.doctor import examine
    from edge_runtime.doctor.finding import Level

    findings = []
    for finding in _examine(bundle, target, timeout):
        findings.append(finding)
        if not as_json:
            streams.show(line(finding))
    code = int(examine.worst(findings) is Level.FATAL)
    if as_json:
        content = {
            "target": target or "here",
            "exit_code": code,
            "findings": [finding.to_json() for finding in findings],
        }
        streams.show(json.dumps(content, indent=1))
    else:
        counts = Counter(finding.level for finding in findings)
        streams.show("\n" + ", ".join(f"{counts[level]} {level}" for level in Level) + ".")
    raise SystemExit(code)


def line(finding: "Finding") -> str:
    """Return a finding as it is printed, its remedy on a line of its own."""
    name, text, remedy = map(one_line, (finding.name, finding.text, finding.remedy))
    found = f"{finding.level:8} {name:{_NAME_WIDTH}} {text}"
    indent = " " * (len("warning  ") + _NAME_WIDTH + 1)
    return f"{found}\n{indent}→ {remedy}" if remedy else found


def _examine(bundle: Path | None, target: str | None, timeout_s: float) -> "Iterator[Finding]":
    from edge_runtime.bundle import manifest
    from edge_runtime.bundle.location import default_bundle
    from edge_runtime.doctor import examine
    from edge_runtime.setup import platforms

    device = platforms.device(target) if target else None
    if bundle is None and (default_bundle() / manifest.FILE).is_file():
        bundle = default_bundle()
    return examine.target(bundle, device) if device else examine.here(bundle, timeout_s)
