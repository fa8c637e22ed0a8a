"""The command ``edge-bench engines``: which engines there are, and which are installed here."""

import json
from typing import Any

import click

from edge_runtime.command import streams

_HELP = """\
List the engines that edge-bench can measure with: the version that is installed, the formats and
precisions that it runs, and how to install it. `cifarq-export --format` writes a format.

\b
Examples:
  edge-bench engines
  edge-bench engines --json
"""
_HEADINGS = ("engine", "installed", "formats", "precisions", "install")


@click.command(help=_HELP, short_help="List the engines, and which are installed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def engines(as_json: bool) -> None:
    """Print the list."""
    from edge_runtime import engines
    from edge_runtime.report.grid import Grid

    lack = engines.lack()
    rows: list[dict[str, Any]] = []
    for name in engines.names():
        engine, here = engines.get(name), engines.is_installed(name)
        rows.append(
            {
                "engine": name,
                "version": engines.installed_version(name) if here else "",
                "installed": here,
                "formats": list(engine.FORMATS),
                "precisions": list(engine.PRECISIONS),
                "install": engine.INSTALL,
                "lack": "" if here else lack,
            }
        )
    if as_json:
        streams.show(json.dumps(rows, indent=1))
        return
    cells = [
        [
            row["engine"],
            (row["version"] or "yes") if row["installed"] else "no",
            ", ".join(row["formats"]),
            ", ".join(row["precisions"]),
            row["lack"] or row["install"],
        ]
        for row in rows
    ]
    streams.show("\n".join(Grid(_HEADINGS, cells, 5).text()))
