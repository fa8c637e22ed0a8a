"""A table in GitHub's Markdown."""

from edge_runtime.report.columns import view
from edge_runtime.results import Results


def render(results: Results) -> str:
    """Return title, table, what went wrong, and notes."""
    shown = view(results)
    rules = ["---"] * len(shown.names) + ["---:"] * len(shown.columns)
    body = [shown.cells(row) for row in shown.rows]
    lines = ["| " + " | ".join(cells) + " |" for cells in (shown.headings, rules, *body)]
    problems = [f"- `{file}`: {message}" for file, message in shown.problems]
    return "\n".join(
        [f"**{shown.title}**", "", *lines, "", *problems, *(f"- {n}" for n in shown.notes)]
    )
