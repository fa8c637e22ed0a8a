"""Which gates an artifact fails, and what its user is warned of."""

from cifarq_export.bundle.artifact import Made
from cifarq_export.check import gates, speed
from cifarq_export.check.gates import Failure, Limits

_NOTHING = 0.01
"""Share of the bytes below which an INT8 artifact is FP32 by another name."""


def failures(made: Made, limits: Limits, kind: str) -> tuple[Failure, ...]:
    """Return the gates that an artifact fails.

    Args:
        made: the artifact.
        limits: what the gates allow.
        kind: what the FP32 model is called.
    """
    name = made.path.name
    if made.precision == "fp32":
        failed = [gates.parity_failure(name, made.checked, kind)]
    else:
        failed = [gates.accuracy_failure(name, made.checked, limits, made.causes)]
    if made.speed is not None:
        counted = speed.describe(made.explanation)
        failed.append(gates.speed_failure(name, made.speed, limits, counted))
    return tuple(failure for failure in failed if failure is not None)


def warnings(made: Made, limits: Limits) -> tuple[str, ...]:
    """Return what a user has to know of an artifact that passes its gates, a paragraph each."""
    if made.precision == "fp32":
        return ()
    name = made.path.name
    given = [gates.accuracy_warning(name, made.checked, limits)]
    if made.explanation and made.explanation.weight_share < _NOTHING:
        given.append(
            f"{name} holds {100 * made.explanation.weight_share:.1f} % of its bytes in INT8. Take "
            "int8-static, which quantizes convolutions too."
        )
    if made.recovered:
        given.append(f"{name}: {made.recovered}")
    if made.fallback:
        given.append(_describe_fallback(made, limits))
    if made.faster_fp32:
        given.append(
            f"{name}: faster with {len(made.faster_fp32)} layers in FP32, because conversions "
            f"around them cost more than INT8 saves: {', '.join(made.faster_fp32)}."
        )
    if made.speed is not None and made.speed.high >= limits.min_speedup:
        given.append(gates.speed_warning(name, made.speed, speed.describe(made.explanation)))
    return tuple(warning for warning in given if warning)


def _describe_fallback(made: Made, limits: Limits) -> str:
    count = f"{len(made.fallback)} layer{'' if len(made.fallback) == 1 else 's'}"
    holds = made.checked.drop.value <= limits.max_drop
    return (
        f"{made.path.name}: {count} returned to FP32 to "
        f"{'keep the accuracy' if holds else 'lose less'}: {', '.join(made.fallback)}. "
        f"{made.causes}"
    ).strip()
