"""The plot of ``pareto.py``: top-1 over bytes, the latency written beside each point."""

from pathlib import Path
from statistics import median
from typing import Any


def draw(points: dict[str, Any], file: Path) -> None:
    """Write the plot as SVG, the same bytes from the same points.

    Args:
        points: by name: ``ours``, ``top1`` (0-1), ``bytes``, ``median_ns``, ``lost_time`` of each.
        file: where to.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "cifarq"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for ours, colour, label in ((True, "C0", "cifarq"), (False, "C1", "others")):
        shown = {name: point for name, point in points.items() if point["ours"] is ours}
        axes.scatter(
            [point["bytes"] for point in shown.values()],
            [100 * point["top1"] for point in shown.values()],
            color=colour,
            label=label,
        )
        for name, point in shown.items():
            axes.annotate(
                _label(name, point),
                (point["bytes"], 100 * point["top1"]),
                xytext=(5, 4),
                textcoords="offset points",
                fontsize=8,
            )
    axes.set(xscale="log", xlabel="bytes of the INT8 file", ylabel="top-1 %, CIFAR-10 test images")
    axes.margins(x=0.25, y=0.15)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def _label(name: str, point: dict[str, Any]) -> str:
    if point["lost_time"]:
        return name
    return f"{name}, {median(point['median_ns']) / 1e3:,.0f} µs"
