"""``make fuzz``: very many mutants of six kinds of file, others every time.

    python tests/robustness/fuzz.py [--examples N] [--seed S] [--only NAME] [--out FILE]

Mutants are drawn in chunks, each in a process of its own, so that one that ends its process is a
failure of that chunk and of nothing else. A chunk is drawn again by its seed:

    python tests/robustness/fuzz.py --only NAME --examples 1000 --seed S
"""

import json
import math
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
from hypothesis import HealthCheck, given, seed, settings
from subjects import REPOSITORY, SUBJECTS

import edge_runtime
from edge_runtime.files import write_text
from edge_runtime.printable import one_line

CHUNK = 1_000
TIMEOUT_S = 3_600
RECORD = REPOSITORY / "benchmarks" / "results" / "fuzz.json"


@click.command()
@click.option("--examples", default=100_000, show_default=True, help="Mutants in all.")
@click.option("--seed", "first_seed", type=int, help="Seed of the first chunk.  [default: random]")
@click.option("--only", type=click.Choice(list(SUBJECTS)), help="Draw mutants of this kind alone.")
@click.option("--processes", default=2, show_default=True, help="Chunks that are drawn at a time.")
@click.option("--out", default=RECORD, type=click.Path(path_type=Path), help="The record.")
def fuzz(
    examples: int, first_seed: int | None, only: str | None, processes: int, out: Path
) -> None:
    """Draw mutants, print a line for each kind, and record what was found."""
    names = [only] if only else list(SUBJECTS)
    each = math.ceil(examples / len(names))
    first = random.randrange(2**31) if first_seed is None else first_seed
    click.echo(f"seed {first}")
    record: dict[str, Any] = {"tool": f"cifarq {edge_runtime.__version__}", "seed": first}
    record |= {"examples_each": each, "subjects": {}}
    with ThreadPoolExecutor(processes) as pool:
        for name in names:
            started = time.perf_counter()
            found = _sum(pool.map(lambda chunk: _chunk(*chunk), _chunks(name, each, first)))
            found["seconds"] = round(time.perf_counter() - started, 1)
            record["subjects"][name] = found
            write_text(out, json.dumps(record, indent=1) + "\n")
            click.echo(_line(name, found))
            for failure in found["failures"]:
                click.echo(f"  seed {failure['seed']}: {failure['text']}")
    sys.exit(any(found["failures"] for found in record["subjects"].values()))


def _chunks(name: str, examples: int, first: int) -> Iterator[tuple[str, int, int]]:
    """Yield the kind, the count and the seed of each chunk."""
    for number, start in enumerate(range(0, examples, CHUNK)):
        yield name, min(CHUNK, examples - start), first + number


def _chunk(name: str, examples: int, chunk_seed: int) -> dict[str, Any]:
    """Draw a chunk in a process, and return what it says; a failure where it says nothing."""
    command = [sys.executable, __file__, "--chunk", name, str(examples), str(chunk_seed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        answer: dict[str, Any] = json.loads(done.stdout.rpartition("\nfound: ")[2])
    except subprocess.TimeoutExpired:
        answer = {"accepted": 0, "refused": 0, "failure": f"no end after {TIMEOUT_S} s"}
    except ValueError:
        text = one_line(f"exit code {done.returncode}: {done.stderr}")
        answer = {"accepted": 0, "refused": 0, "failure": text}
    return {**answer, "seed": chunk_seed}


def _sum(chunks: Iterator[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"accepted": 0, "refused": 0, "failures": []}
    for chunk in chunks:
        found["accepted"] += chunk["accepted"]
        found["refused"] += chunk["refused"]
        if chunk["failure"]:
            found["failures"].append({"seed": chunk["seed"], "text": chunk["failure"]})
    return found


def _line(name: str, found: dict[str, Any]) -> str:
    count = found["accepted"] + found["refused"]
    return (
        f"{name}: {count:,} mutants, {count / found['seconds']:,.0f} a second; "
        f"{found['accepted']:,} accepted, {found['refused']:,} refused, "
        f"{len(found['failures'])} chunks failed"
    )


def draw(name: str, examples: int, chunk_seed: int) -> dict[str, Any]:
    """Draw a chunk in this process; Hypothesis looks for the smallest mutant that fails."""
    warnings.simplefilter("error")
    found = {True: 0, False: 0}
    failure = ""
    with tempfile.TemporaryDirectory() as folder:
        subject = SUBJECTS[name](Path(folder))

        @seed(chunk_seed)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(subject.mutants)
        def use(mutant: Any) -> None:
            found[subject.accepts(mutant)] += 1

        try:
            use()
        except BaseException as error:
            notes = " ".join(getattr(error, "__notes__", ()))
            failure = one_line(f"{type(error).__name__} in {_place(error)}: {error} {notes}")
    return {"accepted": found[True], "refused": found[False], "failure": failure}


def _place(error: BaseException) -> str:
    """Return the last line of this repository that an exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(REPOSITORY)]
    last = inside[-1]
    return f"{Path(last.filename).relative_to(REPOSITORY)}:{last.lineno}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--chunk"]:
        print(f"\nfound: {json.dumps(draw(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))}")
    else:
        fuzz()
