"""The command ``cifarq-export``: from a model to a bundle."""

import json
from pathlib import Path
from typing import Any

import click

import edge_runtime
from cifarq_export import options
from cifarq_export.bundle.options import SHIPPING_OPTIONS, wheels_for
from cifarq_export.options import MAKING_OPTIONS, SOURCE_OPTIONS, Asked
from edge_runtime.command import CommandGroup

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_FORMAT = click.option(
    "--format", "format_", metavar="NAME", help="torchscript, onnx or all.  [default: all]"
)


@click.group(
    cls=CommandGroup,
    default="bundle",
    subcommand_metavar="[CHECKPOINT] | COMMAND [ARGS]...",
    install="pip install '.[export]' in cifarq's folder",
    help="""Export a model as a bundle: one folder to copy to a device, with the model in every
    format and precision asked for, and what measures it there. INT8 that loses accuracy or is
    slower than FP32 is not shipped: the command says by how much and why, and ends with 1.

    Without CHECKPOINT, --model or --from: the trained seed CNN that ships with cifarq.

    \b
    Examples:
      cifarq-export                                   all formats: fp32, int8-dynamic, int8-static
      cifarq-export --format onnx --target pi5
      cifarq-export runs/seed --precision int8-static --input uint8 --out my-bundle
      cifarq-export --model torchvision.models:resnet18 --model-arg num_classes=10 \\
          --weights resnet18.safetensors --input-shape 3,32,32 --data-dir DIR
      cifarq-export --from model.onnx --data-dir DIR --resize 256
      cifarq-export --format onnx --wheels pi-bookworm --archive      for a Pi without internet
      cifarq-export compare runs/seed                 every precision in one table
      cifarq-export explain my-bundle                 what of it is INT8, what is not, and why
    """,
    epilog="Exit: 0 the bundle is complete; 1 nothing was written: bad input, or an artifact does "
    "not pass a gate; 2 the command line is wrong.",
)
@click.version_option(edge_runtime.__version__, prog_name="cifarq-export")
def cli() -> None:
    """Hold the subcommands; its help text stands above, with the examples."""


@cli.command(short_help="Write a bundle (the default).")
@options.apply(
    *SOURCE_OPTIONS,
    _FORMAT,
    click.option(
        "--precision",
        "precisions",
        metavar="NAMES",
        help="fp32, int8-dynamic, int8-static, separated by commas, or all; int8-dynamic-conv by "
        "its name alone.  [default: fp32,int8-dynamic,int8-static]",
    ),
    *MAKING_OPTIONS,
    click.option(
        "--max-drop",
        default=0.5,
        show_default=True,
        type=click.FloatRange(0),
        help="Points of top-1 that INT8 may lose against FP32.",
    ),
    click.option(
        "--fallback-trials",
        default=4,
        show_default=True,
        type=click.IntRange(0),
        help="Where static INT8 loses more: how often to return the worst layers to FP32, with 1, "
        "2, 4, ... of them.",
    ),
    click.option(
        "--min-speedup",
        default=0.8,
        show_default=True,
        type=click.FloatRange(0),
        help="The least speed of INT8 as a multiple of FP32's, on this CPU; 0 does not measure.",
    ),
    click.option("--force", is_flag=True, help="Ship what fails a gate too; the manifest says so."),
    *SHIPPING_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the manifest instead of a table."),
)
def bundle(
    format_: str | None,
    precisions: str | None,
    target_name: str,
    input_: str,
    calibration: str,
    calibration_images: int,
    validation_images: int,
    max_drop: float,
    fallback_trials: int,
    min_speedup: float,
    force: bool,
    out: Path | None,
    device: str | None,
    archive: bool,
    overwrite: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Export CHECKPOINT (a folder that `cifarq train` wrote) or another model as a bundle."""
    wheels = wheels_for(device, asked)
    source, gatherer = Asked(**asked).open()

    from cifarq.training.progress import stages
    from cifarq_export import formats, selection
    from cifarq_export.bundle import build as bundles
    from cifarq_export.bundle import staging, summary
    from cifarq_export.bundle import tarball as archives
    from cifarq_export.check import gates

    selected = selection.choose(format_, precisions, formats.for_source(source))
    for format_name, precision in selected.skipped:
        click.echo(f"Skipped: {format_name} cannot be written as {precision}.", err=True)
    order = bundles.Order(
        selected.pairs,
        options.resolve_target(target_name),
        input_,
        calibration,
        gates.Limits(max_drop, min_speedup, fallback_trials),
        force,
        wheels,
    )
    out = out or Path(f"{source.name}-bundle")
    if archive:
        archives.require_free(out, overwrite=overwrite)
    with staging.staged(out, overwrite=overwrite) as folder:
        images = options.draw(gatherer, source, calibration_images, validation_images)
        with stages() as watch:
            built = bundles.build(folder, source, order, images, watch)
    packed = archives.write(out, built.manifest) if archive else None
    for warning in built.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(
        built.manifest.to_json() if as_json else summary.text(built, source.kind, out, packed)
    )


@cli.command()
@options.apply(*SOURCE_OPTIONS, _FORMAT, *MAKING_OPTIONS, _JSON)
def compare(
    format_: str | None,
    target_name: str,
    input_: str,
    calibration: str,
    calibration_images: int,
    validation_images: int,
    as_json: bool,
    **asked: Any,
) -> None:
    """Compare every precision of a model: bytes, top-1, agreement, and speed measured in turns."""
    source, gatherer = Asked(**asked).open()

    from cifarq.training.progress import stages
    from cifarq_export import compare as comparing
    from cifarq_export.bundle import build as bundles

    order = bundles.Order(
        comparing.pairs(source, format_),
        options.resolve_target(target_name),
        input_,
        calibration,
    )
    images = options.draw(gatherer, source, calibration_images, validation_images)
    with stages() as watch:
        compared = comparing.compare(source, order, images, watch)
    click.echo(json.dumps(compared.to_json(), indent=1) if as_json else compared.text())


@cli.command()
@click.argument("artifact", type=options.PATH)
@click.option("--layers", is_flag=True, help="List each operator, not only their types.")
@click.option(
    "--input-shape",
    type=options.Numbers(int, 3, "3,H,W"),
    help="For an .onnx file that leaves it open.",
)
@_JSON
def explain(
    artifact: Path, layers: bool, input_shape: tuple[int, int, int] | None, as_json: bool
) -> None:
    """Say what of ARTIFACT is INT8, what is not, and why.

    ARTIFACT is a bundle, a file in one, or any .onnx file.
    """
    from cifarq_export.explain import report

    explanations = report.explain_path(artifact, input_shape)
    if as_json:
        content = {name: e.to_json() if e else None for name, e in explanations.items()}
        click.echo(json.dumps(content, indent=1))
        return
    tables = (report.text(name, e, layers=layers) for name, e in explanations.items())
    click.echo("\n\n".join(tables))


@cli.command()
@_JSON
def formats(as_json: bool) -> None:
    """List the formats, the precisions of each, and the engines that read it."""
    from cifarq_export import formats as registry
    from edge_runtime import engines
    from edge_runtime.report.grid import Grid

    rows = {
        name: {"precisions": registry.get(name).PRECISIONS, "engines": engines.reading(name)}
        for name in registry.names()
    }
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    cells = [[name, *(", ".join(values) for values in row.values())] for name, row in rows.items()]
    click.echo("\n".join(Grid(("format", "precisions", "engines"), cells, 3).text()))


def main() -> None:
    """Run the command."""
    cli(prog_name="cifarq-export")
