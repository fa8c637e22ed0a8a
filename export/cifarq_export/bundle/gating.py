"""Which gates an artifact fails, what is left out, and what the user is warned of."""

from collections.abc import Iterable, Iterator

from cifarq_export.bundle.artifact import Made
from cifarq_export.check import gates, speed
from cifarq_export.check.gates import Failure, Limits
from cifarq_export.formats import STATIC
from edge_runtime.probes import target

_NOTHING = 0.01
"""Share of bytes and of multiply-accumulates below which INT8 is FP32 by another name: 1 % in INT8
saves less than 1 % of the file, and of the arithmetic."""


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
        remedy = gates.accuracy_remedy(made.precision, made.recipe.calibration, made.source)
        failed = [gates.accuracy_failure(name, made.checked, limits, remedy, made.causes)]
    if made.speed.ratio is not None:
        counted = speed.describe(made.explanation)
        failed.append(gates.speed_failure(name, made.speed.ratio, limits, counted))
    return tuple(failure for failure in failed if failure is not None)


def why_left_out(made: Made, limits: Limits, kind: str) -> str:
    """Say why an INT8 artifact that nobody named does not ship; empty where it does."""
    if made.precision == "fp32":
        return ""
    if made.checked.flaw:
        return f"{made.path.name} answers {made.checked.flaw}."
    if failed := failures(made, limits, kind):
        return " ".join(f"{failure} {failure.remedy}" for failure in failed)
    return _nothing_gained(made)


def warnings(made: Made, limits: Limits) -> tuple[str, ...]:
    """Return what a user has to know of an artifact that passes its gates, a paragraph each."""
    given = [
        _nothing_gained(made),
        _describe_other_target(made),
        f"{made.path.name}: {made.recovered}" if made.recovered else "",
        _describe_fallback(made, limits),
        _describe_faster(made),
    ]
    ratio = made.speed.ratio
    if ratio is not None and ratio.high >= limits.min_speedup:
        given.append(
            gates.speed_warning(made.path.name, ratio, speed.describe(made.explanation)) or ""
        )
    return tuple(warning for warning in given if warning)


def warnings_of_all(made: Iterable[Made], limits: Limits, more_images: int) -> Iterator[str]:
    """Yield what could not be judged, a paragraph for all artifacts together.

    Args:
        made: the artifacts.
        limits: what the gates allow.
        more_images: validation images that the data has beside those that were used.
    """
    int8 = [one for one in made if one.precision != "fp32"]
    if doubtful := [one for one in int8 if gates.is_doubtful(one.checked, limits)]:
        listed = "; ".join(gates.describe_doubt(one.path.name, one.checked) for one in doubtful)
        images = doubtful[0].checked.parity.images
        remedy = f" Give up to {images + more_images:,} with --validation-images."
        yield (
            f"{images:,} validation images are too few to tell whether the top-1 drop is above "
            f"{limits.max_drop:g}: {listed}.{remedy if more_images else ''}"
        )
    if busy := [one for one in int8 if one.speed.busy]:
        listed = ", ".join(f"{one.path.name} ({one.speed.busy})" for one in busy)
        yield (
            f"the machine is busy, and the speed gate did not judge {listed}. Stop other programs "
            "and try again."
        )


def _nothing_gained(made: Made) -> str:
    """Say that an INT8 artifact has next to nothing in INT8; empty where it has, or is FP32."""
    counted = made.explanation
    if made.precision == "fp32" or counted is None:
        return ""
    if max(counted.weight_share, counted.mac_share) >= _NOTHING:
        return ""
    said = (
        f"{made.path.name} is FP32 by another name: INT8 holds "
        f"{100 * counted.weight_share:.1f} % of its bytes and {100 * counted.mac_share:.1f} % of "
        "its multiply-accumulates."
    )
    if made.precision == STATIC:
        return said
    return f"{said} Take int8-static, which quantizes convolutions too."


def _describe_other_target(made: Made) -> str:
    """Say that weights were trained for a target that stores them in other steps."""
    if made.precision != STATIC or made.source.learned is None:
        return ""
    trained = made.source.learned.qat.target
    there, here = (target.LARGEST_WEIGHT[name] for name in (trained, made.target))
    if there == here:
        return ""
    return (
        f"{made.path.name}: weights were trained for {trained}, where the largest of a channel is "
        f"{there} steps, and are stored for {made.target}, where it is {here}. Train with `cifarq "
        f"train --qat` and --target {made.target}."
    )


def _describe_faster(made: Made) -> str:
    """Say which layers returned to FP32 for their speed."""
    if not made.faster_fp32:
        return ""
    layers = made.faster_fp32
    return (
        f"{made.path.name}: faster with {len(layers)} layers in FP32, because conversions around "
        f"them cost more than INT8 saves: {', '.join(layers)}."
    )


def _describe_fallback(made: Made, limits: Limits) -> str:
    """Say which layers returned to FP32, what that gains, and what it costs."""
    before = made.before
    if before is None:
        return ""
    count = f"{len(made.fallback)} layer{'' if len(made.fallback) == 1 else 's'}"
    purpose = "keep the accuracy" if gates.holds(made.checked, limits) else "lose less"
    grown = made.size_bytes - before.size_bytes
    size = f"{abs(grown) / 1024:,.1f} KB {'larger' if grown >= 0 else 'smaller'}"
    told = "show" if before.drop.low > limits.max_drop else "do not show"
    return (
        f"{made.path.name}: {count} returned to FP32 to {purpose}: {', '.join(made.fallback)}. The "
        f"file is {size}. The top-1 drop was {before.drop} points before, which "
        f"{made.checked.parity.images:,} validation images {told} to be above "
        f"{limits.max_drop:g}, and is {made.checked.drop}. {made.causes}"
    ).strip()
