"""Compare what artifacts answered on emulated cores with what they answer on x86, and judge it.

The record holds counts and differences; whether a limit is kept is computed from them when it is
drawn.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_runtime.bundle.golden import Golden
from edge_runtime.bundle.manifest import Artifact
from edge_runtime.measure import accuracy
from edge_runtime.results import parity

HERE = "x86"
"""What this machine is called beside the cores."""

FP32_LIMIT = 1e-3
"""How far FP32 logits may lie from this machine's, whatever their size."""

CLASS_LIMIT = (62, 64)
"""Of so many images, so many have to be put in the class that is expected, except by FP32."""

WHAT_IT_SHOWS = (
    "Emulation shows which wheels install, which instructions are illegal, which engines start and "
    "what they compute, to the bit; it never shows how fast a board is, and no time was recorded."
)


@dataclass(frozen=True)
class Answers:
    """Logits (N, classes) float32, and what they were made with."""

    logits: NDArray[np.float32]
    made_with: dict[str, str]


def of(
    artifact: Artifact, engine: str, answers: dict[str, Answers | str], pack: Golden
) -> dict[str, Any]:
    """Return the part of the record that an artifact has on an engine.

    Args:
        artifact: what answered.
        engine: what ran it.
        answers: by machine, or why there are none; this machine's under ``HERE``.
        pack: the images.
    """
    count = len(pack.labels)
    logits = {m: found.logits[:count] for m, found in answers.items() if isinstance(found, Answers)}
    machines: dict[str, dict[str, Any]] = {}
    for machine, found in answers.items():
        if isinstance(found, str):
            machines[machine] = {"failed": found}
            continue
        own = logits[machine]
        machines[machine] = {
            "right": int(accuracy.is_right(own, pack.labels).sum()),
            "against_fp32_pytorch": _parity(own, pack.logits),
            "made_with": {k: v for k, v in found.made_with.items() if k != "sha256"},
        }
        if artifact.file in pack.exported:
            machines[machine]["against_exported"] = _parity(own, pack.exported[artifact.file])
        if machine != HERE and HERE in logits:
            machines[machine]["against_x86"] = _parity(own, logits[HERE])
    return {
        "format": artifact.format,
        "engine": engine,
        "precision": artifact.precision,
        "target": artifact.target,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "machines": machines,
        "same_bits": _groups(logits),
    }


def _parity(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> dict[str, Any]:
    """Return ``parity.Parity`` as JSON values."""
    return asdict(parity.compare(logits, reference))


def _groups(logits: dict[str, NDArray[np.float32]]) -> list[list[str]]:
    """Return the machines whose answers are the same to the bit, together."""
    groups: list[list[str]] = []
    for machine, own in logits.items():
        for group in groups:
            if logits[group[0]].tobytes() == own.tobytes():
                group.append(machine)
                break
        else:
            groups.append([machine])
    return groups


def rows(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    """Yield each artifact on each core: file, artifact, core, what was found."""
    for file, artifact in record["artifacts"].items():
        for core in record["cores"]:
            yield file, artifact, core, artifact["machines"].get(core, {"failed": "not run"})


def problem(precision: str, found: dict[str, Any]) -> str | None:
    """Say how an artifact on a core strays from what is expected of it; None if it does not.

    Expected are the classes that it gave where it was exported, in arithmetic that no CPU
    saturates, where the golden pack has them; else, and of FP32 always, what it answers here.
    """
    if "failed" in found:
        return str(found["failed"])
    counts = found.get("against_x86")
    if precision != "fp32":
        counts = found.get("against_exported", counts)
    if counts is None:
        return "there is nothing to compare with"
    if precision == "fp32":
        largest = counts["largest_difference"]
        if largest is not None and largest <= FP32_LIMIT:
            return None
        return f"logits differ by up to {_short(largest)}, allowed {FP32_LIMIT:g}"
    least, of_images = CLASS_LIMIT
    if counts["agree"] * of_images >= least * counts["images"]:
        return None
    same = f"{counts['agree']} of {counts['images']} images are put in the same class"
    return f"{same}, {least} of {of_images} asked"


def problems(record: dict[str, Any]) -> list[str]:
    """Return what is not within its limit, a sentence each."""
    found = [
        (file, core, problem(artifact["precision"], found))
        for file, artifact, core, found in rows(record)
    ]
    strays = [f"{file} on {core}: {text}" for file, core, text in found if text]
    return strays or ([] if found else ["nothing was compared"])


def markdown(record: dict[str, Any]) -> str:
    """Return the report."""
    judged = problems(record)
    verdict = (
        f"{len(judged)} limits are not kept: {'; '.join(judged)}."
        if judged
        else ("Every artifact keeps its limit on every core.")
    )
    lines = [
        "# What the artifacts compute on Arm",
        "",
        f"Written by `python benchmarks/arm64/outputs.py`; do not edit. {setting(record)}",
        "",
        WHAT_IT_SHOWS,
        "",
        *table(record),
        "",
        f"{verdict} Limits: an FP32 artifact's logits differ from what the same file answers on "
        f"x86 by at most {FP32_LIMIT:g}; another puts at least {CLASS_LIMIT[0]} of "
        f"{CLASS_LIMIT[1]} images in the class that it gave them where it was exported, or, where "
        "the golden pack does not hold those, that the same file puts them in on x86. *As "
        "exported*: images in the class that the golden pack says the artifact gave them where it "
        "was exported. An engine is named where it is not the one that checked the file then.",
        "",
        *bits(record),
        "",
    ]
    return "\n".join(lines)


def table(record: dict[str, Any]) -> list[str]:
    """Return the table as lines of markdown."""
    lines = [
        "| artifact | core | largest logit difference from x86 | same class as on x86 | "
        "as exported | top-1 % (x86) | limit kept |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for file, artifact, core, found in rows(record):
        kept = "**no**" if problem(artifact["precision"], found) else "yes"
        cells = [f"`{file}`", core, *_cells(artifact, found), kept]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cells(artifact: dict[str, Any], found: dict[str, Any]) -> list[str]:
    if "failed" in found or "against_x86" not in found:
        return [str(found.get("failed", "nothing to compare with")).replace("|", "/"), *["–"] * 3]
    counts, exported = found["against_x86"], found.get("against_exported")
    images = counts["images"]
    top1 = [100 * one["right"] / images for one in (found, artifact["machines"][HERE])]
    return [
        f"{_short(counts['largest_difference'])} (logits up to {counts['largest_logit']:.1f})",
        f"{counts['agree']} of {images}",
        f"{exported['agree']} of {images}" if exported else "–",
        f"{top1[0]:.1f} ({top1[1]:.1f})",
    ]


def bits(record: dict[str, Any]) -> list[str]:
    """Say which machines answer the same to the bit."""
    lines = ["The same to the bit:", ""]
    for file, artifact in record["artifacts"].items():
        groups = [" = ".join(group) for group in artifact["same_bits"]]
        lines.append(f"- `{file}`: {'; '.join(groups)}")
    return lines


def setting(record: dict[str, Any]) -> str:
    """Say what was compared with what."""
    settings, made = record["settings"], _made_with(record)
    cores = ", ".join(f"{core} ({board})" for core, board in record["cores"].items())
    return (
        f"{settings['images']} golden images, one a call, one thread. Cores: {cores}, emulated by "
        f"{record['emulator']} with {', '.join(made['cores'])}. x86: {record['host']['cpu']} "
        f"({record['host']['target']}) with {', '.join(made[HERE])}."
    )


def _made_with(record: dict[str, Any]) -> dict[str, list[str]]:
    """Return the versions in use on the cores and here."""
    found: dict[str, dict[str, None]] = {"cores": {}, HERE: {}}
    for artifact in record["artifacts"].values():
        for machine, answers in artifact["machines"].items():
            made = answers.get("made_with", {})
            parts = [f"Python {made['python']}", made["libc"], made["engine"]] if made else []
            found[HERE if machine == HERE else "cores"] |= dict.fromkeys(parts)
    return {kind: list(parts) for kind, parts in found.items()}


def _short(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.2g}"
