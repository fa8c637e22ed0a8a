"""TFLite files in LiteRT, for ``pareto.py``: how often they are right, and what is timed."""

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray


class Interpreter:
    """A TFLite classifier of 32x32 pixels whose input is INT8, one image a call.

    Args:
        path: the file.
        threads: for XNNPACK.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter as LiteRt

        self._run = LiteRt(model_path=str(path), num_threads=threads)
        self._run.allocate_tensors()
        (self._input,) = self._run.get_input_details()
        (self._output,) = self._run.get_output_details()
        if self._input["dtype"] is not np.int8:
            given = np.dtype(self._input["dtype"])
            raise click.UsageError(f"--tflite {path}: its input is {given}, not int8.")

    def __call__(self, image: NDArray[np.int8]) -> NDArray[Any]:
        """Return the answers (1, classes), quantized, to an image (1, H, W, 3)."""
        self._run.set_tensor(self._input["index"], image)
        self._run.invoke()
        answers: NDArray[Any] = self._run.get_tensor(self._output["index"])
        return answers


def evaluate(path: Path, data_dir: Path | None) -> dict[str, Any]:
    """Return what a file comes to on the test images: a point of ``pareto.py``, untimed."""
    from cifarq.data import datasets

    run, test = Interpreter(path), datasets.load(data_dir).test
    # MLPerf Tiny's models take pixels as they are, less 128.
    pixels = (test.images.transpose(0, 2, 3, 1).astype(np.int16) - 128).astype(np.int8)
    answers = np.concatenate([run(pixels[i : i + 1]) for i in range(len(pixels))])
    right = int((answers.argmax(axis=1) == test.labels).sum())
    return {"ours": False, "top1": right / len(test), "bytes": path.stat().st_size}


def subject(path: Path) -> Any:
    """Return what ``interleaving`` times of a file."""
    from cifarq_export.check.interleaving import Subject

    return Subject({"file": str(path.resolve())}, f"{__name__}:timed")


def timed(file: str) -> Any:
    """Load a file in the process that is timed; it is given one image whatever the batch."""
    run = Interpreter(Path(file))
    image = np.zeros((1, 32, 32, 3), np.int8)
    return lambda batch: run(image)
