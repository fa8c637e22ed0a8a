"""What ``cifarq-export`` prints of a finished bundle."""

import os
import shlex
from pathlib import Path

from cifarq_export.bundle.artifact import Made
from cifarq_export.bundle.build import Built
from cifarq_export.text_table import aligned
from edge_runtime.bundle.manifest import RUNTIME_FILE, SETUP_FILE, Manifest, Wheelhouse
from edge_runtime.probes import target
from edge_runtime.setup import platforms
from edge_runtime.setup.wheels import parse


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
    heading = (
        f"{content.model}: {out}, checked on {checked:,} validation images against {kind} "
        f"({100 * fp32:.1f} % top-1)"
    )
    rows = [
        ["artifact", "size KB", "INT8 MACs %", "top-1 %", "falls by points", "speed vs FP32"],
        *(_row(one) for one in made),
        *([record.file, f"{record.size_bytes / 1024:,.1f}"] for record in content.files),
    ]
    sizes = [*_sizes(content, packed), ""]
    nexts = _next(content, out, packed)
    return "\n".join([heading, "", *aligned(rows), "", *_notes(built), *sizes, *nexts])


def _row(one: Made) -> list[str]:
    is_fp32 = one.precision == "fp32"
    return [
        one.path.name,
        f"{one.size_bytes / 1024:,.1f}",
        f"{100 * one.explanation.mac_share:.1f}" if one.explanation else "unknown",
        f"{100 * one.checked.top1.value:.1f}",
        "–" if is_fp32 else str(one.checked.drop),
        "1" if is_fp32 else str(one.speed) if one.speed else "not measured",
    ]


def _notes(built: Built) -> list[str]:
    notes = ["INT8 MACs: share of the multiply-accumulates; brackets hold 95 % intervals, paired."]
    if any(one.speed for one in built.made):
        notes.append(
            "speed: against FP32 in the same format and engine, in turns, batch 1, one thread."
        )
    targets = {a.target for a in built.manifest.artifacts if a.target != target.ANY}
    for name in targets:
        here = target.of_this_cpu()
        elsewhere = f"; this CPU is {here}, so speed is not measured here"
        notes.append(f"int8-static is made for {name}{elsewhere if name != here else ''}.")
    return [*notes, ""]


def _sizes(content: Manifest, packed: Path | None) -> list[str]:
    """Return what there is to copy, the largest wheels first."""
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
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 50_000 else f"{size_bytes / 1e3:,.0f} KB"


def _next(content: Manifest, out: Path, packed: Path | None) -> list[str]:
    """Return the commands that bring a bundle to a device and run it there."""
    name = shlex.quote(out.resolve().name)
    device, needs = _device(content)
    todo = [f"python3 {name}/{RUNTIME_FILE}"]
    if content.wheelhouse is not None:
        todo.insert(0, f"{name}/{SETUP_FILE}")
    copy = f"-r {shlex.quote(str(out))}"
    if packed is not None:
        todo.insert(0, f"tar xzf {shlex.quote(packed.name)}")
        copy = shlex.quote(str(packed) if out.is_absolute() else os.path.relpath(packed))
    there = " && ".join(todo)
    if len(todo) > 1 or "'" in there:  # the shell there reads it once more
        there = shlex.quote(there)
    set_up = "copy it, set it up and run it" if content.wheelhouse else "copy it and run it"
    return [
        f"Next, {set_up} (there: {needs}):",
        f"  scp {copy} {device}:",
        f"  ssh -t {device} {there}",
    ]


def _device(content: Manifest) -> tuple[str, str]:
    """Return where a bundle goes, and what has to be there."""
    pi = "pi@raspberrypi.local"
    if content.wheelhouse is None:
        engines = " and ".join(sorted({artifact.engine for artifact in content.artifacts}))
        return pi, f"Python 3.11 or newer, numpy, {engines}"
    known = platforms.platform(content.wheelhouse.platform)
    needs = f"Python {known.python[0]}.{known.python[1]} and no internet"
    return (pi if known.name.startswith("pi") else "USER@DEVICE"), needs
