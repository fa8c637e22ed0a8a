"""Several subjects timed in turns, with a bar: see ``cifarq_export.check.interleaving``."""

from functools import partial
from typing import Any


def take(
    subjects: dict[str, Any], batch: Any, *, restarts: int, rounds: int, stretch_s: float
) -> Any:
    """Time the subjects; return their stretches."""
    from cifarq.training.progress import stages
    from cifarq_export.check import interleaving

    with stages() as watch:
        return interleaving.interleave(
            subjects,
            batch,
            rounds=rounds,
            stretch_s=stretch_s,
            restarts=restarts,
            progress=partial(watch, "timing"),
        )
