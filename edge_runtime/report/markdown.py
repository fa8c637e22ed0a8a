"""A table in GitHub's Markdown."""

from edge_runtime.report.view import of
from edge_runtime.results.rows import Results


def render(results: Results) -> str:
    """Return title, table, verdict, what went wrong, and notes."""
    view = of(results)
    parts = [[f"**{view.title}**"], view.grid().markdown()]
    parts += [grid.markdown() for grid in (view.bundles, view.scaling) if grid]
    parts.append([f"**{view.headline}**"])
    if view.verdict.reasons:
        parts.append([f"- {reason}" for reason in view.verdict.reasons])
    problems = [f"- `{file}`: {message}" for file, message in view.problems]
    parts.append([*problems, *(f"- {note}" for note in view.notes)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)
