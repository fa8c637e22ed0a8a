"""The steps of check.py: each does one thing on a board, and says what came of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from board import HERE, REPOSITORY, SITE, Board
from PIL import Image

from edge_runtime.bundle import golden, manifest
from edge_runtime.bundle.golden import Golden
from edge_runtime.errors import BundleError
from edge_runtime.results import document
from edge_runtime.results.rows import Status

LONGEST_S = 3000
BARE = HERE / "bare.py"

BENCH = ("--emulated", "--rounds=1", "--min-runs=3", "--min-time=0", "--max-time=1")
"""As short as can be."""

IMAGES = 64
MARGIN = 2.0
"""Images to classify are those whose first logit leads by this: INT8 must not turn them."""

TESTED = ("edge_runtime", "tests/conftest.py", "tests/edge_runtime", "setup.cfg")
KEPT_BUNDLE = "benchmarks/seed-cnn-int8-bundle"
TESTS = (
    "accuracy",
    "choice",
    "command",
    "comparison",
    "doctor",
    "golden",
    "images",
    "manifest",
    "measure",
    "options",
    "parity",
    "pixels",
    "platforms",
    "probes",
    "report",
    "resize",
    "results_file",
    "state",
    "target",
    "wheels",
    "window",
)
"""Test files of the runtime that run on a core: arithmetic, documents, images, probes. Starting a
process takes seconds there, so the files that start many (the command, runner, worker, verdicts of
real runs) are left out: the other steps do whole what those test in parts. ``stats`` is
left out because it needs scipy."""


class StepError(Exception):
    """A step that failed: why, and what the board said."""

    def __init__(self, why: str, output: str) -> None:
        super().__init__(why)
        self.output = output


def lay(board: Board, bundle: Path) -> None:
    """Copy the bundle to a board's home, and what the steps need."""
    shutil.copyfile(BARE, board.home / BARE.name)
    shutil.copytree(bundle, board.home / "bundle")
    repository = board.home / "repository"
    for name in (*TESTED, KEPT_BUNDLE):
        source, place = REPOSITORY / name, repository / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, place)
    _write_images(board.home / "images", _clear_images(bundle)[0])
    board.give(board.home)


def bare(board: Board) -> str:
    """Check that nothing helps: no package, no network."""
    if said := _run(board, "python3", BARE.name):
        raise StepError("the system's Python has packages, or there is a network", said)
    return "no Python package, no network"


def set_up(board: Board) -> str:
    """Install the bundle's wheels with the bundle's script."""
    said = _run(board, "bundle/setup-device.sh")
    return "; ".join(line for line in said.splitlines() if line.endswith("can be imported."))


def doctor(board: Board) -> str:
    """Run the bundle's doctor."""
    said = _run(board, *_edge_bench(), "doctor")
    if fatal := [line for line in said.splitlines() if line.lower().startswith("fatal")]:
        raise StepError(f"{len(fatal)} fatal findings and exit code 0", said)
    return said.strip().splitlines()[-1]


def measure(board: Board) -> str:
    """Measure the bundle: every artifact runs and answers; its times mean nothing."""
    file = "results.json"
    options = (*BENCH, f"--accuracy-images={IMAGES}", f"--timeout={LONGEST_S}")
    said = _run(board, *_edge_bench(), *options, f"--json={file}")
    try:
        found = document.read(board.home / file)
    except BundleError as error:
        raise StepError(str(error), said) from error
    expected = [artifact.file for artifact in manifest.read(board.home / "bundle").artifacts]
    done = [row.file for row in found.rows if row.status is Status.OK and row.accuracy]
    if done != expected or not found.settings.emulated:
        raise StepError(f"{len(done)} of {len(expected)} artifacts ran to the end", said)
    right = [f"{row.accuracy.right}" for row in found.rows if row.accuracy]
    return f"{len(done)} artifacts, right of {IMAGES} images: {', '.join(right)}"


def classify(board: Board) -> str:
    """Classify clear images as PNG and as an array: the answers are the golden logits' own."""
    pack, expected = _clear_images(board.home / "bundle")
    said = _run(board, *_edge_bench(), "classify", "images", "--top=1", "--json")
    answers = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    found = {Path(answer["file"]).stem: answer["top"][0]["label"] for answer in answers}
    wanted = {name: expected[i] for i, name in enumerate(_names(len(pack.images)))}
    if found != wanted:
        raise StepError(f"{found} where the golden logits say {wanted}", said)
    return f"{len(found)} images: {', '.join(found.values())}"


def tests(board: Board) -> str:
    """Run the runtime's own tests, those in ``TESTS``."""
    files = [f"tests/edge_runtime/test_{name}.py" for name in TESTS]
    # Hypothesis' own profile for slow machines: no example has a deadline.
    options = ("-q", "-p", "no:cacheprovider", "--hypothesis-profile=ci")
    pytest = ("python3", "-m", "pytest", *options, *files)
    places = (str(SITE), "/home/pi/repository")
    said = _run(board, *pytest, folder="repository", packages=places)
    return said.strip().splitlines()[-1].strip("= ")


def _edge_bench() -> tuple[str, str]:
    return ("python3", "bundle/edge-bench.pyz")


def _run(board: Board, *command: str, **where: Any) -> str:
    """Run a command on a board, as ``Board.run`` does; return what it said.

    Raises:
        StepError: its exit code is not 0.
    """
    done = board.run(*command, timeout_s=LONGEST_S, **where)
    if done.returncode:
        raise StepError(f"exit code {done.returncode}", done.stdout)
    return done.stdout


def _clear_images(bundle: Path, count: int = 4) -> tuple[Golden, list[str]]:
    """Return golden images that no precision mistakes, and their classes by the golden logits."""
    content = manifest.read(bundle)
    pack = golden.of_bundle(bundle, content)
    second, first = np.sort(pack.logits, axis=1)[:, -2:].T
    clear = np.flatnonzero(first - second >= MARGIN)[:count]
    chosen = Golden(pack.images[clear], pack.labels[clear], pack.logits[clear])
    return chosen, [content.classes[i] for i in chosen.logits.argmax(axis=1)]


def _write_images(folder: Path, pack: Golden) -> None:
    """Write images as PNG, the last one as an array."""
    folder.mkdir()
    *pictures, frame = pack.images.transpose(0, 2, 3, 1)  # (N, H, W, 3), as files have it
    *names, last = _names(len(pack.images))
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).save(folder / f"{name}.png")
    np.save(folder / f"{last}.npy", frame)


def _names(count: int) -> list[str]:
    return [f"image-{number}" for number in range(count)]
