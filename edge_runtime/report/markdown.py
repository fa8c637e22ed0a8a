"""A table in GitHub's Markdown."""

from edge_runtime.printable import in_markdown
from edge_runtime.report.view import of
from edge_runtime.results.rows import Results


def render(results: Results) -> str:
    """Return title, table, verdict, what went wrong, and notes."""
    view = of(results)
    parts = [[f"**{in_markdown(view.title)}**"], view.grid().markdown()]
    parts += [grid.markdown() for grid in (view.bundles, view.scaling, view.budget) if grid]
    for load in view.sustained:
        parts += [[in_markdown(load.text)], load.grid.markdown() if load.grid else []]
    parts.append([f"**{view.headline}**"])
    if view.verdict.reasons:
        parts.append([f"- {in_markdown(reason)}" for reason in view.verdict.reasons])
    if view.recommendation:
        parts.append([in_markdown(view.recommendation)])
    for section in view.operators:
        parts.append([in_markdown(section.title)])
        parts.append(section.grid.markdown() if section.grid else [])
        parts.append([f"- {in_markdown(sentence)}" for sentence in section.sentences])
    problems = [f"{file}: {message}" for file, message in view.problems]
    parts.append([f"- {in_markdown(note)}" for note in (*problems, *view.notes)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)
