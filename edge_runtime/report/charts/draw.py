"""Charts as SVG and PNG, by vl-convert: Vega-Lite in one library, without a browser or a network.

It is imported here alone, for no device needs it.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

from edge_runtime.errors import ToolkitError
from edge_runtime.files import write_bytes
from edge_runtime.report.charts.chart import CONFIG, Chart
from edge_runtime.report.charts.sections import Section

_VERSION = "6.1"
"""Of Vega-Lite."""
_PNG_SCALE = 3.0
"""Pixels of a PNG for one of the chart: some 300 a inch in a column of a paper."""


def to_svg(chart: Chart, background: str | None) -> str:
    """Return a chart as SVG.

    Args:
        chart: what is drawn.
        background: its colour; none if None, as a page wants it that has its own.

    Raises:
        ToolkitError: vl-convert is not installed.
    """
    svg: str = _library().vegalite_to_svg(_whole(chart, background), vl_version=_VERSION)
    return svg


def write(sections: list[Section], output: str, folder: Path) -> list[Path]:
    """Write each chart to a file of its own, on white.

    Args:
        sections: the charts.
        output: ``svg`` or ``png``.
        folder: where; made if it is absent.

    Raises:
        OSError: it cannot be written to.
        ToolkitError: vl-convert is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    charts = [chart for section in sections for _, chart in section.charts]
    names = [chart.name for chart in charts]
    written = []
    for i, chart in enumerate(charts):
        before = names[:i].count(chart.name)
        path = folder / f"{chart.name}{f'-{before + 1}' if before else ''}.{output}"
        write_bytes(path, _drawn(chart, output))
        written.append(path)
    return written


def _drawn(chart: Chart, output: str) -> bytes:
    if output == "svg":
        return to_svg(chart, "white").encode()
    spec = _whole(chart, "white")
    png: bytes = _library().vegalite_to_png(spec, vl_version=_VERSION, scale=_PNG_SCALE)
    return png


def _whole(chart: Chart, background: str | None) -> dict[str, Any]:
    return {**chart.spec, "config": CONFIG, "background": background, "padding": 4}


def _library() -> ModuleType:
    try:
        import vl_convert
    except ModuleNotFoundError as error:
        raise ToolkitError(
            "charts need vl-convert, which is not installed:", "pip install 'cifarq[report]'"
        ) from error
    library: ModuleType = vl_convert
    return library
