"""Tables for people, as wide as the terminal, or as they come where there is none."""

from edge_runtime.report.columns import Group
from edge_runtime.report.grid import wrap
from edge_runtime.report.view import of
from edge_runtime.results.rows import Results


def render(results: Results) -> str:
    """Return title, tables, verdict, what went wrong, and notes."""
    view = of(results)
    parts = [[wrap(view.title)], view.grid(Group.SPEED).text(), view.grid(Group.COST).text()]
    parts += [grid.text() for grid in (view.bundles, view.scaling, view.budget) if grid]
    for load in view.sustained:
        parts += [[wrap(load.text)], load.grid.text() if load.grid else []]
    problems = [f"{file}: {message}" for file, message in view.problems]
    parts.append([view.headline, *(wrap(f"- {reason}") for reason in view.verdict.reasons)])
    parts.append([wrap(view.recommendation)] if view.recommendation else [])
    for section in view.operators:
        drawn = section.grid.text() if section.grid else []
        parts += [[wrap(section.title), *drawn], [wrap(f"- {s}") for s in section.sentences]]
    parts.append([wrap(note) for note in (*problems, *view.notes)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)
