"""The options ``--budget`` and ``--fail-if``: what they say on standard error, and how they end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.command import streams
from edge_runtime.command.quantities import MILLIJOULES, MILLISECONDS, PERCENT, SIZE, Limits

if TYPE_CHECKING:
    from edge_runtime.results.budget import Budget
    from edge_runtime.results.limits import Check
    from edge_runtime.results.rows import Results

_LATENCIES = dict.fromkeys(("p50", "p90", "p95", "p99"), MILLISECONDS)
_KINDS = {
    **_LATENCIES,
    "peak": SIZE,
    "top1": PERCENT,
    "size": SIZE,
    "energy": MILLIJOULES,
    "slower": PERCENT,
}
EPILOG = (
    "Limits: exit 1 where a whole interval breaks one; 3 where it cannot be told of one, as the "
    "interval holds the limit or there is no figure. Each is said on standard error."
)

budget_option = click.option(
    "--budget",
    type=Limits(_KINDS, "p95=5ms,peak=64MB,top1=85%,size=1MB,energy=3mJ"),
    metavar="LIMITS",
    help="Hold every row to limits, any of these: p95=5ms,peak=64MB,top1=85%,size=1MB,energy=3mJ; "
    "p50, p90 and p99 too. Of several bundles: slower=5%, than the same row of the first one.",
)
fail_if_option = click.option(
    "--fail-if",
    type=Limits({"slower": PERCENT}, "slower=5%"),
    metavar="slower=5%",
    help="Exit with 1 where a row takes so much longer than in the first file, or more.",
)


def take_budget(values: dict[str, Any]) -> "Budget":
    """Return what ``budget_option`` brought, taken out of a command's values."""
    from edge_runtime.results.budget import Budget
    from edge_runtime.results.budgets import QUANTITIES

    limits = values.pop("budget") or {}
    names = {q.name: q.field for q in QUANTITIES} | {"slower": "slower_percent"}
    fields = {names[name]: limit for name, limit in limits.items()}
    whole = {name: int(value) for name, value in fields.items() if name.endswith("_bytes")}
    return Budget(**{**fields, **whole})


def hold_to_budget(results: "Results", code: int) -> int:
    """Say which limits of a run's budget are not kept.

    Args:
        results: what was measured.
        code: the exit code without a budget.
    """
    from edge_runtime.results import budgets, verdict

    return report_checks(budgets.check_rows(results, verdict.judge(results)), code)


def report_checks(checks: Iterable["Check"], code: int = 0) -> int:
    """Say which limits are not kept, a sentence each, and return the exit code.

    Args:
        checks: what came of every limit.
        code: the exit code without them; where it is not 0 it stays.
    """
    from edge_runtime.results import limits
    from edge_runtime.results.limits import Outcome

    kept = list(checks)
    for one in kept:
        if one.outcome is Outcome.BROKEN:
            streams.tell(f"Error: {one.text}")
        elif one.outcome is Outcome.CANNOT_TELL:
            streams.tell(one.text)
    return code or limits.exit_code(kept)
