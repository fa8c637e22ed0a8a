"""What ``cifarq-export`` prints of a finished bundle."""

import shlex
from pathlib import Path

from cifarq_export.artifacts import Made
from cifarq_export.bundle import Built
from cifarq_export.text_table import aligned
from edge_runtime import target
from edge_runtime.manifest import Manifest


def text(built: Built, kind: str, out: Path) -> str:
    """Return a table of the artifacts, and the next commands."""
    content, made = built.manifest, built.made
    checked = made[0].checked.parity.images
    fp32 = content.artifacts[0].accuracy["fp32_top1"]
    heading = (
        f"{content.model}: {out}, checked on {checked:,} validation images against {kind} "
        f"({100 * fp32:.1f} % top-1)"
    )
    rows = [
        ["artifact", "size KB", "INT8 MACs %", "top-1 %", "falls by points", "speed vs FP32"],
        *(_row(one) for one in made),
        *([record.file, f"{record.size_bytes / 1024:,.1f}"] for record in content.files),
    ]
    return "\n".join([heading, "", *aligned(rows), "", *_notes(built), *_next(content, out)])


def _row(one: Made) -> list[str]:
    is_fp32 = one.precision == "fp32"
    return [
        one.path.name,
        f"{one.size_bytes / 1024:,.1f}",
        f"{100 * one.explanation.mac_share:.1f}",
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


def _next(content: Manifest, out: Path) -> list[str]:
    engines = " and ".join(sorted({artifact.engine for artifact in content.artifacts}))
    return [
        f"Next, copy it and run it (there: Python 3.11 or newer, numpy, {engines}):",
        f"  scp -r {shlex.quote(str(out))} pi@raspberrypi.local:",
        f"  ssh -t pi@raspberrypi.local python3 {shlex.quote(out.resolve().name)}/edge-bench.pyz",
    ]
