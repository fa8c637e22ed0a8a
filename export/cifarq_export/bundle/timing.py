"""The speed of a bundle's INT8 artifacts on this CPU, against FP32 in the same format."""

from dataclasses import replace

from cifarq_export import formats
from cifarq_export.bundle import slow_blocks
from cifarq_export.bundle.artifact import Made, Maker, file_name
from cifarq_export.check import speed
from edge_runtime.probes import target


def measure(made: tuple[Made, ...], maker: Maker) -> tuple[Made, ...]:
    """Return the artifacts with their speeds; what is made for another CPU is not timed.

    Blocks of static INT8 that is slower than FP32 are returned to FP32 where that helps.

    Raises:
        EngineError: an artifact cannot be run.
    """
    pairs = _pair(made, maker)
    speeds = speed.measure(
        pairs,
        maker.recipe.how,
        maker.baseline.images.images[:1],
        lambda done, total: maker.watch("timing INT8 against FP32", done, total),
    )
    timed = (replace(one, speed=speeds.get(one.path.name, one.speed)) for one in made)
    return tuple(
        slow_blocks.speed_up(one, maker, pairs[one.path.name].fp32) if one.speed.ratio else one
        for one in timed
    )


def _pair(made: tuple[Made, ...], maker: Maker) -> dict[str, speed.Pair]:
    """Return what is timed: INT8 made for this CPU, with FP32 in its format, written if need be.

    Answers that are of no use are not timed.
    """
    fp32 = {one.format: one.path for one in made if one.precision == "fp32"}
    pairs = {}
    for one in made:
        for_here = one.target in (target.ANY, target.of_this_cpu())
        if one.precision == "fp32" or one.checked.flaw or not for_here:
            continue
        if one.format not in fp32:
            path = maker.recipe.scratch / file_name(maker.source, one.format, "fp32")
            formats.get(one.format).write(maker.source, "fp32", path, maker.recipe)
            fp32[one.format] = path
        pairs[one.path.name] = speed.Pair(one.engine, one.path, one.precision, fp32[one.format])
    return pairs
