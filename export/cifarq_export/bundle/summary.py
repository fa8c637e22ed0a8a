"""What ``cifarq-export`` prints of a finished bundle."""

import os
import shlex
from pathlib import Path

from cifarq_export.bundle.artifact import Made
from cifarq_export.bundle.build import Built
from cifarq_export.check.arithmetic import JudgedBy
from cifarq_export.check.speed import NOT_TIMED
from edge_runtime import engines
from edge_runtime.bundle.manifest import RUNTIME_FILE, SETUP_FILE, Manifest, Wheelhouse
from edge_runtime.printable import one_line
from edge_runtime.probes import target
from edge_runtime.report.grid import Grid, wrap
from edge_runtime.setup import platforms
from edge_runtime.setup.wheels import parse

_HEADINGS = (
    *("artifact", "size KB", "INT8 %", "top-1 %", "top-1 drop (points)", "agree %"),
    "speed vs FP32",
)


def text(built: Built, kind: str, out: Path, packed: Path | None = None) -> str:
    """Return a table of the artifacts, their sizes, and the next commands.

    Args:
        built: the bundle.
        kind: what the artifacts were checked against.
        out: the bundle's folder.
        packed: the bundle as one file, if it was written.
    """
    content, made = built.manifest, built.made
    checked = made[0].checked.parity.images
    fp32 = content.artifacts[0].accuracy.fp32_top1
    heading = wrap(
        f"{content.model}: {out}, checked on {checked:,} validation images against {kind} "
        f"({100 * fp32:.1f} % top-1)"
    )
    rows = [_row(one) for one in made]
    for record in content.files:
        rows.append([record.file, f"{record.size_bytes / 1024:,.1f}", *[""] * (len(_HEADINGS) - 2)])
    table = Grid(_HEADINGS, rows, 1).text()
    sizes = [*map(wrap, _sizes(content, packed)), ""]
    nexts = map(one_line, _next(content, out, packed))
    lines = [heading, "", *table, "", *map(wrap, _notes(built)), "", *sizes, *nexts]
    return "\n".join(lines)


def _row(one: Made) -> list[str]:
    is_fp32 = one.precision == "fp32"
    return [
        _label(one),
        f"{one.size_bytes / 1024:,.1f}",
        f"{100 * one.explanation.mac_share:.1f}" if one.explanation else "unknown",
        f"{100 * one.checked.top1.value:.1f}",
        "–" if is_fp32 else str(one.checked.drop),
        f"{100 * one.checked.agreement.value:.1f}",
        "1" if is_fp32 else str(one.speed.ratio or NOT_TIMED),
    ]


def _label(one: Made) -> str:
    """Return what edge-bench calls the artifact too."""
    return f"{one.format} {one.precision}"


def _notes(built: Built) -> list[str]:
    notes = [
        "INT8: share of the multiply-accumulates that run in INT8. Agree: share of the images that "
        "are put in FP32's class. Brackets: paired 95 % intervals."
    ]
    if any(one.speed.ratio for one in built.made):
        notes.append(
            "Speed: relative to FP32 in the same format and engine, interleaved, batch 1, one "
            "thread."
        )
    notes += [f"{_label(one)}: {one.speed}." for one in built.made if one.speed.busy]
    targets = {a.target for a in built.manifest.artifacts if a.target != target.ANY}
    for name in targets:
        here = target.of_this_cpu()
        elsewhere = f"; this CPU is {here}, so speed is not measured here"
        notes.append(f"int8-static is made for {name}{elsewhere if name != here else ''}.")
    if judged := [m.path.name for m in built.made if m.judged_by is JudgedBy.REFERENCE]:
        notes.append(
            f"Accuracy of {', '.join(judged)}: computed by the reference arithmetic, because this "
            "CPU's kernels are not those of the target."
        )
    return notes


def _sizes(content: Manifest, packed: Path | None) -> list[str]:
    """Return the sizes of what is copied, the largest wheels first."""
    models = sum(artifact.size_bytes for artifact in content.artifacts)
    runtime = sum(r.size_bytes for r in content.files if r.file in (RUNTIME_FILE, SETUP_FILE))
    images = sum(record.size_bytes for record in content.files) - runtime
    parts = [("models", models), ("runtime", runtime), ("test images", images)]
    lines = []
    if content.wheelhouse is not None:
        wheels = sum(record.size_bytes for record in content.wheelhouse.wheels)
        parts.append(("wheels", wheels))
        lines.append(_wheels(content.wheelhouse, wheels))
    together = sum(size for _, size in parts)
    listed = ", ".join(f"{name} {_mb(size)}" for name, size in parts)
    lines.insert(0, f"to copy: {_mb(together)}: {listed}.")
    if packed is not None:
        lines.append(f"archive: {packed.name}, {_mb(packed.stat().st_size)}.")
    return lines


def _wheels(house: Wheelhouse, size_bytes: int) -> str:
    by_size = sorted(house.wheels, key=lambda record: (-record.size_bytes, record.file))
    listed = ", ".join(f"{parse(r.file).name} {_mb(r.size_bytes)}" for r in by_size)
    return f"wheels for {house.platform}: {len(by_size)} files, {_mb(size_bytes)}: {listed}."


def _mb(size_bytes: int) -> str:
    mega = size_bytes / 2**20
    return f"{mega:,.1f} MB" if mega >= 0.05 else f"{size_bytes / 1024:,.0f} KB"


def _next(content: Manifest, out: Path, packed: Path | None) -> list[str]:
    """Return the commands that copy a bundle to a device and run it there."""
    name = shlex.quote(out.resolve().name)
    device, needs = _device(content)
    commands = [f"python3 {name}/{RUNTIME_FILE}"]
    if content.wheelhouse is not None:
        commands.insert(0, f"{name}/{SETUP_FILE}")
    copy = f"-r {shlex.quote(str(out))}"
    if packed is not None:
        commands.insert(0, f"tar xzf {shlex.quote(packed.name)}")
        copy = shlex.quote(str(packed) if out.is_absolute() else os.path.relpath(packed))
    there = " && ".join(commands)
    if len(commands) > 1 or "'" in there:  # the shell there reads it once more
        there = shlex.quote(there)
    set_up = "copy it, set it up and run it" if content.wheelhouse else "copy it and run it"
    return [
        f"Next, {set_up} (there: {needs}):",
        f"  scp {copy} {device}:",
        f"  ssh -t {device} {there}",
    ]


def _device(content: Manifest) -> tuple[str, str]:
    """Return the address of the device in the example, and what it needs."""
    pi = "pi@raspberrypi.local"
    if content.wheelhouse is None:
        names = {artifact.engine for artifact in content.artifacts}
        packages = {engines.get(name).WHEEL.partition("==")[0] for name in names}
        return pi, f"Python 3.11 or newer, numpy, {', '.join(sorted(packages))}"
    known = platforms.platform(content.wheelhouse.platform)
    needs = f"Python {known.python[0]}.{known.python[1]} and no internet"
    return (pi if known.name.startswith("pi") else "USER@DEVICE"), needs
