"""The pictures of README's report page: measured, drawn and photographed by one command.

    make report-pictures

The shipped model is exported for its usual engines and for others, and measured here three times:
alone, beside the other engines' files, and over threads and batch sizes. ``edge-bench report``
draws one page of the three results files, and Chromium shows it: on a desk, in the dark, and as
wide as a phone.

Writes ``benchmarks/results/report/*.webp``. ``--work`` keeps bundles, samples and the page; what is
there already is not measured again. A quarter of an hour.
"""

import io
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

HERE = Path(__file__).resolve().parent
_ENGINES = "litert,ncnn,mnn"
_MOST_BYTES = 200_000


@click.command(help=__doc__)
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(2))
@click.option("--work", default=Path("build/report-pictures"), type=click.Path(path_type=Path))
@click.option(
    "--out", default=HERE / "results" / "report", show_default=True, type=click.Path(path_type=Path)
)
def main(rounds: int, work: Path, out: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    usual, others = work / "seed-cnn-bundle", work / "other-engines-bundle"
    _export(usual)
    _export(others, "--format", _ENGINES, "--force")
    files = [
        _measure(work / "demo.json", usual, rounds=rounds),
        _measure(work / "engines.json", usual, others, rounds=rounds),
        _measure(work / "sweep.json", usual, "--threads", "1,2", "--batch-size", "1,8", rounds=5),
    ]
    page = work / "report.html"
    started = time.perf_counter()
    _run("edge_runtime", "report", *files, "--output", "html", "-o", page)
    took = time.perf_counter() - started
    click.echo(f"{page}: {page.stat().st_size / 1e6:.2f} MB, drawn in {took:.1f} s")
    _photograph(page, out)


def _run(module: str, *arguments: object) -> None:
    subprocess.run([sys.executable, "-P", "-m", module, *map(str, arguments)], check=True)


def _export(bundle: Path, *options: str) -> None:
    if not bundle.exists():
        _run("cifarq_export", *options, "--out", bundle)


def _measure(file: Path, *arguments: object, rounds: int) -> Path:
    if not file.exists():
        part = file.with_suffix(".part.json")
        _run("edge_runtime", *arguments, "--rounds", rounds, "--json", part)
        part.rename(file)
    return file


def _photograph(page: Path, out: Path) -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        program = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        _take(browser, page, out / "page.webp", "light", 1400, 1050, "header")
        _take(browser, page, out / "latency.webp", "light", 1400, 1050, "#latency")
        _take(browser, page, out / "tradeoff.webp", "dark", 1400, 1050, "#tradeoff")
        _take(browser, page, out / "phone.webp", "light", 400, 860, "#latency", scale=2)
        browser.close()


def _take(
    browser: Any,
    page: Path,
    file: Path,
    scheme: str,
    width: int,
    height: int,
    at: str,
    scale: int = 1,
) -> None:
    """Photograph a window of the page that begins at an element; lossless where it is small."""
    from PIL import Image

    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=scale
    )
    tab = context.new_page()
    tab.goto(page.resolve().as_uri())
    tab.locator(at).first.evaluate("e => e.scrollIntoView({behavior: 'instant'})")
    picture = Image.open(io.BytesIO(tab.screenshot()))
    context.close()
    for options in ({"lossless": True, "method": 6}, {"quality": 85}, {"quality": 60}):
        picture.save(file, "WEBP", **options)
        if file.stat().st_size < _MOST_BYTES:
            break
    click.echo(f"{file}: {file.stat().st_size / 1e3:.0f} KB")


if __name__ == "__main__":
    main()
