"""Which of a model's outputs is the classifier's: the one with a number for each class.

One number stands for two classes; axes of size 1 after the numbers do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_runtime.errors import ExportError, UsageError, did_you_mean


@dataclass(frozen=True)
class Output:
    """One output of a model, as it answers a batch.

    Attributes:
        name: what ``--output`` calls it; empty if it is the only one and has no name.
        shape: of the answer, the batch first.
        dtype: the type of its elements.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        sizes = ", ".join(["N", *map(str, self.shape[1:])]) if self.shape else ""
        kind = "" if "float" in self.dtype else f" {self.dtype}"
        return f"{self.name} ({sizes}){kind}".lstrip()

    def width(self, images: int) -> int:
        """Return how many numbers it has for each of ``images`` images; 0 if it is no such list."""
        batch, *sizes = self.shape or (0,)
        is_list = batch == images and all(size == 1 for size in sizes[1:])
        return (sizes[0] if sizes else 1) if is_list and "float" in self.dtype else 0


@dataclass(frozen=True)
class Head:
    """The output that is exported.

    Attributes:
        name: see ``Output``.
        width: how many numbers it has for an image.
        flatten: whether it has another shape than (N, width).
        changes: what choosing and flattening it means, a sentence each.
    """

    name: str
    width: int
    flatten: bool
    changes: tuple[str, ...]


def choose(
    outputs: Sequence[Output], wanted: str | None, *, images: int, classes: int, given: str
) -> Head:
    """Choose the classifier's output.

    Args:
        outputs: all there are, as they answer ``images`` images.
        wanted: the name of one; None if it is to be told from the shapes.
        images: how many images were answered.
        classes: how many classes there are.
        given: what the model is called in messages.

    Raises:
        UsageError: there is no output of that name.
        ExportError: it has no number for each class, or several have.
    """
    if wanted is not None:
        return _head(_find(outputs, wanted, given), images, classes, given)
    if len(outputs) == 1:
        return _head(outputs[0], images, classes, given)
    fitting = [output for output in outputs if _fits(output.width(images), classes)]
    listed = ", ".join(map(str, outputs))
    if len(fitting) == 1:
        chosen = f"{fitting[0].name} is exported: it alone has a number for each class."
        return _head(
            fitting[0], images, classes, given, f"The model has the outputs {listed}; {chosen}"
        )
    widest = max((output.width(images) for output in outputs), default=0)
    raise ExportError(
        f"{given} has {len(outputs)} outputs, {len(fitting) or 'none'} of them with a number for "
        f"each of {classes} classes: {listed}.",
        "Name one with --output." if fitting else _remedy(widest, classes),
    )


def _find(outputs: Sequence[Output], wanted: str, given: str) -> Output:
    by_name = {output.name: output for output in outputs}
    if wanted and wanted in by_name:
        return by_name[wanted]
    known = [name for name in by_name if name]
    raise UsageError(
        f"--output {wanted}: {given} has no output of that name.",
        did_you_mean(wanted, known) if known else "Leave --output out: it has only one.",
    )


def _head(output: Output, images: int, classes: int, given: str, *changes: str) -> Head:
    width = output.width(images)
    if not width:
        raise ExportError(
            f"{given} answers a batch of {images} images with an array {output.shape} of "
            f"{output.dtype}; a classifier answers ({images}, {classes}) of float32."
        )
    if not _fits(width, classes):
        plural = "s" if width > 1 else ""
        raise ExportError(
            f"{given} has {width} output{plural} for {classes} classes.", _remedy(width, classes)
        )
    if len(output.shape) > 2:
        changes = (*changes, f"The model's output {output} is flattened to (N, {width}).")
    return Head(output.name, width, len(output.shape) != 2, changes)


def _fits(width: int, classes: int) -> bool:
    return width == classes or (width == 1 and classes == 2)


def _remedy(width: int, classes: int) -> str:
    """Return what to do with a model of ``width`` outputs where there are ``classes`` classes."""
    if width > classes:
        return (
            f"Name the classes of all {width} with --classes, in the order of the outputs and "
            "those of the data among them."
        )
    fewer = f", or {max(width, 2)} classes in --data-dir and --classes" if width else ""
    return (
        f"Give a model with {classes} outputs (torchvision's take --model-arg num_classes){fewer}."
    )
