"""A table in GitHub's Markdown."""

from edge_runtime.printable import in_markdown
from edge_runtime.report.view import of
from edge_runtime.results.rows import Results


def render(results: Results) -> str:
    """Return title, table, verdict, what went wrong, and notes."""
    view = of(results)
    parts = [[f"**{in_markdown(view.title)}**"], view.grid().markdown()]
    parts += [grid.markdown() for grid in (view.bundles, view.scaling) if grid]
    parts.append([f"**{view.headline}**"])
    if view.verdict.reasons:
        parts.append([f"- {in_markdown(reason)}" for reason in view.verdict.reasons])
    if view.recommendation:
        parts.append([in_markdown(view.recommendation)])
    problems = [f"{file}: {message}" for file, message in view.problems]
    parts.append([f"- {in_markdown(note)}" for note in (*problems, *view.notes)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)
