"""A table in GitHub's Markdown."""

from edge_runtime.report.columns import view
from edge_runtime.results import Results, Status


def render(results: Results) -> str:
    """Return title, table, what went wrong, and notes."""
    shown = view(results)
    headings = [*shown.names, *(column.heading for column in shown.columns)]
    rules = ["---"] * len(shown.names) + ["---:"] * len(shown.columns)
    body = [
        [*shown.name_cells(row), *(column.cell(row) for column in shown.columns)]
        for row in shown.rows
    ]
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, rules, *body)]
    problems = [
        f"- `{row.file}`: {row.message}" for row in shown.rows if row.status is not Status.OK
    ]
    return "\n".join(
        [f"**{shown.title}**", "", *lines, "", *problems, *(f"- {n}" for n in shown.notes)]
    )
