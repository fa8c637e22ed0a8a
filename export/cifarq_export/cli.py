"""The command ``cifarq-export``: from a checkpoint to a bundle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

import edge_runtime
from edge_runtime.command import CommandGroup

if TYPE_CHECKING:
    from edge_runtime.manifest import Manifest

_DEFAULT_MODEL = "seed-cnn"
_WARNINGS = {
    "int8-dynamic-conv": "ONNX Runtime runs a dynamic model's INT8 convolutions with ConvInteger, "
    "which has no fast kernel: expect it to be slower than FP32 (onnxruntime#6732, #12854). "
    "Prefer int8-dynamic.",
}
_PATH = click.Path(path_type=Path)


@click.group(
    cls=CommandGroup,
    default="bundle",
    subcommand_metavar="[CHECKPOINT] | COMMAND [ARGS]...",
    install="pip install '.[export]' in cifarq's folder",
    help="""Export a checkpoint as a bundle: one folder to copy to a device, with the model in
    every format and precision asked for, and what measures it there.

    Without CHECKPOINT: the trained seed CNN that ships with cifarq.

    \b
    Examples:
      cifarq-export                                   all formats, fp32 and int8-dynamic
      cifarq-export --format onnx
      cifarq-export runs/seed --precision fp32,int8-dynamic --out my-bundle
      cifarq-export formats
    """,
)
@click.version_option(edge_runtime.__version__, prog_name="cifarq-export")
def cli() -> None:
    """Hold the subcommands; its help text stands above, with the examples."""


@cli.command(short_help="Write a bundle (the default).")
@click.argument("checkpoint", required=False, type=_PATH)
@click.option(
    "--format", "format_", metavar="NAME", help="torchscript, onnx or all.  [default: all]"
)
@click.option(
    "--precision",
    "precisions",
    metavar="NAMES",
    help="fp32, int8-dynamic, int8-dynamic-conv, separated by commas, or all.  "
    "[default: fp32,int8-dynamic]",
)
@click.option(
    "--data-dir",
    type=_PATH,
    help="The data the model was trained for; its images check the artifacts and travel with them. "
    "Without it: CIFAR-10 images that ship with cifarq.",
)
@click.option("--out", type=_PATH, help="The bundle's folder.  [default: ./MODEL-bundle]")
@click.option("--overwrite", is_flag=True, help="Replace the bundle in --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest instead of a table.")
def bundle(
    checkpoint: Path | None,
    format_: str | None,
    precisions: str | None,
    data_dir: Path | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Export CHECKPOINT (a folder that `cifarq train` wrote) as a bundle."""
    import torch  # noqa: F401  named first, so that a missing PyTorch is what the message names

    from cifarq import checkpoint as checkpoints
    from cifarq import models
    from cifarq.progress import counting
    from cifarq_export import bundle as bundles
    from cifarq_export import images, selection

    selected = selection.choose(format_, precisions)
    for format_name, precision in selected.skipped:
        click.echo(f"Skipped: {format_name} cannot be written as {precision}.", err=True)
    for precision in dict.fromkeys(p for _, p in selected.pairs if p in _WARNINGS):
        click.echo(f"Warning: {precision}: {_WARNINGS[precision]}", err=True)
    source = checkpoint or models.pretrained(_DEFAULT_MODEL)
    assert source is not None
    loaded = checkpoints.load(source)
    out = out or Path(f"{loaded.architecture}-bundle")
    with bundles.staged(out, overwrite=overwrite) as folder:
        gathered = images.gather(loaded, data_dir)
        total = len(selected.pairs) * len(gathered.validation)
        with counting(total, "checking") as advance:
            content = bundles.build(
                folder, loaded, selected.pairs, gathered, lambda file, count: advance(count)
            )
    click.echo(content.to_json() if as_json else _summary(content, out))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def formats(as_json: bool) -> None:
    """List the formats and the precisions each can be written in."""
    from cifarq_export import formats as registry

    pairs = {name: list(registry.get(name).PRECISIONS) for name in registry.names()}
    if as_json:
        click.echo(json.dumps(pairs, indent=1))
        return
    for name, precisions in pairs.items():
        click.echo(f"{name}: {', '.join(precisions)}")


def _summary(content: "Manifest", out: Path) -> str:
    width = max(len(artifact.file) for artifact in content.artifacts)
    images = content.images["validation"]["images"]
    lines = [
        f"{content.model}: {out}, checked on {images:,} validation images against FP32 PyTorch "
        f"({100 * content.artifacts[0].accuracy['fp32_top1']:.1f} % top-1)",
        "",
        f"{'artifact':{width}}    size KB  weights INT8   top-1 %  same class  logits differ by",
    ]
    for artifact in content.artifacts:
        share = artifact.quantized.get("weight_share", 0)
        lines.append(
            f"{artifact.file:{width}}  {artifact.size_bytes / 1024:9,.1f}  {100 * share:10.1f} %  "
            f"{100 * artifact.accuracy['top1']:8.1f}  "
            f"{100 * artifact.parity['top1_agreement']:8.1f} %  "
            f"{artifact.parity['largest_logit_difference']:16.0e}"
        )
    lines += [
        f"{record.file:{width}}  {record.size_bytes / 1024:9,.1f}" for record in content.files
    ]
    engines = " and ".join(sorted({artifact.engine for artifact in content.artifacts}))
    return "\n".join(
        [
            *lines,
            "",
            f"Next, copy it and run it (there: Python 3.11 or newer, numpy, {engines}):",
            f"  scp -r {out} pi@raspberrypi.local:",
            f"  ssh -t pi@raspberrypi.local python3 {out.resolve().name}/edge-bench.pyz",
        ]
    )


def main() -> None:
    """Run the command."""
    cli(prog_name="cifarq-export")
