"""Workflow commands of GitHub Actions: an annotation for each limit that is not kept.

What the job summary takes is ``--output markdown``. Source: GitHub, Workflow commands; escaping as
in actions/toolkit, packages/core/src/command.ts.
"""

from edge_runtime.printable import one_line
from edge_runtime.report.cases import Case, End, Suite, of_results
from edge_runtime.results.rows import Results
from edge_runtime.results.verdict import Grade

_COMMANDS = {End.FAILURE: "error", End.ERROR: "warning"}


def render(results: Results) -> str:
    """Return a line for each row and limit."""
    return draw(of_results(results))


def draw(suite: Suite) -> str:
    """Return a line for each case, and one for each verdict that is not VALID."""
    lines = [_line(case) for case in suite.cases]
    for name, verdict in suite.verdicts.items():
        if verdict.grade is not Grade.VALID:
            said = f"The verdict of {name} is {verdict.grade.name}: {verdict.reasons[0]}"
            lines.append(_command("warning", "edge-bench", said))
    return "\n".join(lines)


def _line(case: Case) -> str:
    if command := _COMMANDS.get(case.end):
        return _command(command, f"{case.row}: {case.name}", case.text)
    # Begins with a word of ours: no line of a file's may begin a command.
    return f"{case.end}: {one_line(f'{case.row}: {case.name}')}"


def _command(command: str, title: str, message: str) -> str:
    title = _escape(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{command} title={title}::{_escape(message)}"


def _escape(text: str) -> str:
    return one_line(text).replace("%", "%25")
