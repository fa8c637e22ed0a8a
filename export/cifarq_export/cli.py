"""The command ``cifarq-export``: from a model to a bundle."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import edge_runtime
from cifarq_export import options
from cifarq_export.bundle.options import SHIPPING_OPTIONS, wheels_for
from cifarq_export.options import MAKING_OPTIONS, SOURCE_OPTIONS, Making
from edge_runtime.command import program, streams
from edge_runtime.command.group import CommandGroup

if TYPE_CHECKING:
    from cifarq_export.sources import Source
    from cifarq_export.sources.images import ExportImages
    from cifarq_export.sources.opening import Opened

_INSTALL = "pip install '.[export]' in cifarq's folder"
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_FORMAT = click.option(
    "--format",
    "format_",
    metavar="NAMES",
    help="Formats to write, separated by commas: names that `cifarq-export formats` lists, or all "
    "that can be written here.  [default: torchscript,onnx]",
)


@click.group(
    cls=CommandGroup,
    default="bundle",
    subcommand_metavar="[CHECKPOINT] | COMMAND [ARGS]...",
    install=_INSTALL,
    help="""Export a model as a bundle: a folder to copy to a device. It holds the model in each
    requested format and precision, and the tool that measures it there. An INT8 artifact that loses
    accuracy or is much slower than FP32 is left out, and the command says by how much and why; if
    its precision was named with --precision, no bundle is written.

    CHECKPOINT is a folder that `cifarq train` wrote, or the name of a model that ships. Without it,
    --model, --timm and --from, the seed CNN that ships is exported.

    \b
    Examples:
      cifarq-export                                   all formats: fp32, int8-dynamic, int8-static
      cifarq-export seed-cnn --format onnx --target pi5     a model that ships, by its name
      cifarq-export runs/seed --precision int8-static --input uint8 --out my-bundle
      cifarq-export --model torchvision.models:resnet18 --model-arg num_classes=10 \\
          --weights resnet18.safetensors --input-shape 3,32,32 --data-dir DIR
      cifarq-export --timm mobileone_s0 --weights mobileone.safetensors --data-dir DIR
      cifarq-export --from model.onnx --data-dir DIR --resize 256
      cifarq-export --format onnx --wheels pi-bookworm --archive      for a Pi without internet
      cifarq-export compare runs/seed                 every precision in one table
      cifarq-export explain my-bundle                 what of it is INT8, what is not, and why
    """,
    epilog="Exit: 0 a bundle was written; 1 nothing was written: bad input, or FP32 or a precision "
    "that was named fails a gate; 2 the command line is wrong.",
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
        help="Precisions to write, separated by commas, or all. int8-dynamic-conv is written only "
        "if it is named.  [default: fp32,fp16,int8-dynamic,int8-static]",
    ),
    *MAKING_OPTIONS,
    click.option(
        "--max-drop",
        default=0.5,
        show_default=True,
        type=click.FloatRange(0),
        help="Largest top-1 drop of INT8 against FP32, in percentage points.",
    ),
    click.option(
        "--min-agreement",
        default=0.9,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Smallest share of images that INT8 puts in the same class as FP32. It decides if the "
        "images are too few to measure the drop. 0: do not check.",
    ),
    click.option(
        "--fallback-trials",
        default=4,
        show_default=True,
        type=click.IntRange(0),
        help="If static INT8 drops by more than --max-drop: number of attempts to return the worst "
        "layers to FP32, with 1, 2, 4, ... layers.",
    ),
    click.option(
        "--min-speedup",
        default=0.8,
        show_default=True,
        type=click.FloatRange(0),
        help="Smallest speed of INT8 as a multiple of FP32's, measured on this CPU. 0: do not "
        "measure.",
    ),
    click.option(
        "--force",
        is_flag=True,
        help="Write the bundle even if an artifact fails a gate. The manifest records it.",
    ),
    *SHIPPING_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the manifest instead of a table."),
)
def bundle(
    format_: str | None,
    precisions: str | None,
    force: bool,
    out: Path | None,
    device: str | None,
    archive: bool,
    overwrite: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Export CHECKPOINT (a folder or the name of a model that ships) or another model."""
    wheels = wheels_for(device, values)
    opened = _open(values)
    source = opened.source

    from cifarq.training.progress import stages
    from cifarq_export import formats, selection
    from cifarq_export.bundle import build as bundles
    from cifarq_export.bundle import staging, summary
    from cifarq_export.bundle import tarball as archives
    from cifarq_export.bundle.request import Request
    from cifarq_export.check import gates

    selected = selection.choose(format_, precisions, formats.for_source(source))
    for format_name, precision in selected.skipped:
        streams.tell(f"Skipped: {format_name} cannot be written as {precision}.")
    for format_name in selected.missing:
        streams.tell(f"Skipped: {format_name}: {formats.missing(format_name)}")
    for format_name, _ in selected.pairs:
        formats.require(format_name)
    limits, making = options.take(gates.Limits, values), options.take(Making, values)
    request = Request(
        selected.pairs,
        making.target,
        making.input_dtype,
        making.calibration,
        limits,
        selected.named,
        force,
        wheels,
    )
    out = out or Path(f"{source.name}-bundle")
    if archive:
        archives.require_free(out, overwrite=overwrite)
    with staging.stage(out, overwrite=overwrite) as folder:
        source, images = _gather(opened, making)
        with stages() as watch:
            built = bundles.build(folder, source, request, images, watch)
    packed = archives.write(out, built.manifest) if archive else None
    for warning in built.warnings:
        streams.tell(f"Warning: {warning}")
    text = built.manifest.to_json() if as_json else summary.text(built, source.kind, out, packed)
    streams.show(text)


@cli.command(short_help="Compare all precisions of a model.")
@options.apply(
    *SOURCE_OPTIONS,
    _FORMAT,
    *MAKING_OPTIONS,
    click.option(
        "--qat",
        type=options.PATH,
        metavar="CHECKPOINT",
        help="What `cifarq train --qat` made of the model: its static INT8 is compared too.",
    ),
    _JSON,
)
def compare(format_: str | None, qat: Path | None, as_json: bool, **values: Any) -> None:
    """Compare all precisions of a model: size, top-1, agreement with FP32, and measured speed."""
    opened = _open(values)

    from cifarq.training.progress import stages
    from cifarq_export import compare as comparing
    from cifarq_export.bundle.request import Request
    from cifarq_export.sources import checkpoint

    making = options.take(Making, values)
    request = Request(
        comparing.pairs(opened.source, format_),
        making.target,
        making.input_dtype,
        making.calibration,
    )
    trained = checkpoint.trained_from(qat, opened.source) if qat else None
    source, images = _gather(opened, making)
    with stages() as watch:
        comparison = comparing.compare(source, request, images, watch, trained)
    streams.show(json.dumps(comparison.to_json(), indent=1) if as_json else comparison.text())


@cli.command(short_help="Show what of an artifact is INT8, and why.")
@click.argument("artifact", type=options.PATH)
@click.option("--layers", is_flag=True, help="List each operator instead of each operator type.")
@click.option(
    "--input-shape",
    type=options.Numbers(int, (3,), "C,H,W"),
    help="Shape of one input image, for an .onnx file that does not fix it.",
)
@_JSON
def explain(
    artifact: Path, layers: bool, input_shape: tuple[int, int, int] | None, as_json: bool
) -> None:
    """Show which operators of ARTIFACT run in INT8, which do not, and why.

    ARTIFACT is a bundle, an artifact in one, or any .onnx file.
    """
    from cifarq_export.explain import report

    explanations = report.explain_path(artifact, input_shape)
    if as_json:
        content = {name: e.to_json() if e else None for name, e in explanations.items()}
        streams.show(json.dumps(content, indent=1))
        return
    tables = (report.text(name, e, layers=layers) for name, e in explanations.items())
    streams.show("\n\n".join(tables))


@cli.command(short_help="List formats, precisions and engines.")
@_JSON
def formats(as_json: bool) -> None:
    """List formats, with the precisions that each is written in and the engines that read it."""
    from cifarq_export import formats as registry
    from edge_runtime import engines
    from edge_runtime.report.grid import Grid

    rows = {
        name: {"precisions": registry.get(name).PRECISIONS, "engines": engines.reading(name)}
        for name in registry.names()
    }
    if as_json:
        streams.show(json.dumps(rows, indent=1))
        return
    cells = [[name, *(", ".join(values) for values in row.values())] for name, row in rows.items()]
    streams.show("\n".join(Grid(("format", "precisions", "engines"), cells, 3).text()))


def _open(values: dict[str, Any]) -> "Opened":
    """Take the values of ``SOURCE_OPTIONS`` out of ``values``, and open the model they name."""
    from cifarq_export.sources.request import SourceRequest

    request = options.take(SourceRequest, values)
    _require_libraries()

    from cifarq.training.progress import stages
    from cifarq_export.sources.opening import open_source

    with stages() as watch:
        watch("opening the model", 0, 1)
        opened = open_source(request)
    _note(*opened.notes, *opened.source.changes)
    return opened


def _require_libraries() -> None:
    """Import what models are made and checked with: whatever is wrong with it is one line."""
    from edge_runtime import engines

    for name in ("torch", "onnxruntime"):
        engines.require(name, _INSTALL)


def _gather(opened: "Opened", making: Making) -> "tuple[Source, ExportImages]":
    """Draw the images, and return the model that answers logits to them."""
    from cifarq.training.progress import stages
    from cifarq_export.sources.outputs.canonical import make_canonical

    if note := opened.gatherer.parts.note:
        _note(note)
    with stages() as watch:
        images = opened.gatherer.gather(
            opened.source.classes,
            opened.source.input_shape,
            calibration_images=making.calibration_images,
            validation_images=making.validation_images,
            watch=watch,
        )
    if images.resizing is not None:
        _, height, width = opened.source.input_shape
        streams.tell(f"Images: {images.resizing.describe(height, width)}.")
    source = make_canonical(opened.source, images.validation)
    _note(*source.changes[len(opened.source.changes) :])
    return source, images


def _note(*sentences: str) -> None:
    for sentence in sentences:
        streams.tell(f"Note: {sentence}")


def main() -> None:
    """Run the command."""
    program.start(partial(cli, prog_name="cifarq-export"))
