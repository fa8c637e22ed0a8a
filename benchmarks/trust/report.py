"""Draw what the experiments found: trust.md beside their records, and README's table.

    python benchmarks/trust/report.py

Reads the records and nothing else. What is not recorded is said to be not measured yet.
"""

import sys
from pathlib import Path
from typing import Any

import busy_machine
import busy_ratios
import click
import experiment
import false_alarms
import footprint
import harness
import kill_nine
import regressions
import side_by_side
from experiment import BENCHMARKS, OUT, Claim

from edge_runtime.files import write_text
from edge_runtime.results.statistics import samples_needed

BEGIN, END = "<!-- trust:begin -->", "<!-- trust:end -->"
EXPERIMENTS = (
    harness,
    false_alarms,
    regressions,
    side_by_side,
    busy_machine,
    busy_ratios,
    kill_nine,
    footprint,
)
LOADGEN = {90: 64, 99: 662}
"""Queries that a percentile needs. Source: MLPerf Inference rules, early stopping."""


@click.command(help=__doc__)
@click.option("--out", default=OUT, type=click.Path(path_type=Path), help="Folder of the records.")
def main(out: Path) -> None:
    """Write the report, and put the table into README where the records are the kept ones."""
    sys.path.insert(0, str(BENCHMARKS))
    from readme_block import put

    records = read(out)
    write_text(out / "trust.md", markdown(records))
    if out == OUT:
        put(readme_block(records))
    click.echo(markdown(records))


def read(out: Path) -> dict[str, dict[str, Any]]:
    """Return the records that there are, by experiment."""
    files = {one.NAME: out / f"{one.NAME}.json" for one in EXPERIMENTS}
    return {name: experiment.read(file) for name, file in files.items() if file.exists()}


def claims(records: dict[str, dict[str, Any]]) -> list[Claim]:
    """Return every claim beside what was found."""
    found: list[Claim] = []
    for one in EXPERIMENTS:
        record = records.get(one.NAME)
        found += one.claims(record) if record else map(Claim, one.CLAIMS)
    return [*found, _loadgen()]


def _loadgen() -> Claim:
    needed = {percent: samples_needed(percent) for percent in LOADGEN}
    return Claim(
        "A percentile is shown from as many samples on as MLPerf's LoadGen asks for: "
        + ", ".join(f"{count} for p{percent}" for percent, count in LOADGEN.items()),
        ", ".join(f"{count} for p{percent}" for percent, count in needed.items()),
        needed == LOADGEN,
    )


def table(records: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table as lines of markdown."""
    rows = [["claim", "measured", "holds?"], ["---"] * 3, *(c.cells() for c in claims(records))]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]


def readme_block(records: dict[str, dict[str, Any]]) -> str:
    """Return what README shows of it, marks included."""
    return "\n".join([BEGIN, *table(records), END])


def markdown(records: dict[str, dict[str, Any]]) -> str:
    """Return the whole report."""
    lines = [
        "# Can edge-bench be trusted?",
        "",
        "Drawn by `python benchmarks/trust/report.py` from the records beside it; do not edit. "
        "Brackets hold 95 % intervals.",
        "",
        *table(records),
    ]
    for one in EXPERIMENTS:
        lines += ["", f"## `{one.NAME}.py`", ""]
        if record := records.get(one.NAME):
            lines += one.details(record) if record["trials"] else ["Nothing is measured yet."]
        else:
            lines.append("Not measured yet.")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
