"""MNN's converters: an ONNX file becomes an MNN file, and that one in INT8."""

import json
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cifarq_export import converters
from edge_runtime.bundle.preprocess import Channels, Preprocessing

_PROGRAM = "cifarq_export.converters.mnn_program"
_IDENTITY = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What MNN draws at random for each file that it writes."""

_FORMATS = {Channels.RGB: "RGB", Channels.BGR: "BGR", Channels.GREY: "GRAY"}

FP32_FILE, INT8_FILE = "model.mnn", "int8.mnn"


def convert(model: Path, *, fp16: bool = False) -> bytes:
    """Return an ONNX file as an MNN file.

    Args:
        model: in a folder that may be written to.
        fp16: whether weights are stored in 16 bits.

    Raises:
        ExportError: MNN fails.
    """
    options = ["convert", model.name, FP32_FILE, *(["--fp16"] if fp16 else [])]
    return _run(options, model.parent, FP32_FILE)


def quantize(folder: Path, images: NDArray[np.uint8], how: Preprocessing) -> bytes:
    """Return the MNN file that was written to a folder, in INT8 with MNN's own quantizer.

    Args:
        folder: where the FP32 file is; may be written to.
        images: (N, C, H, W), RGB or grey, that it is calibrated on.
        how: they are prepared for the model.

    Raises:
        ExportError: MNN fails.
    """
    photographs = folder / "images"
    photographs.mkdir()
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        Image.fromarray(pixels).save(photographs / f"{number:06}.png")
    factor, offset = (numbers.reshape(-1) for numbers in how.factor_and_offset())
    config = {
        "format": _FORMATS[how.color],
        "mean": (-offset / factor).tolist(),
        "normal": factor.tolist(),
        "width": images.shape[3],
        "height": images.shape[2],
        "path": f"{photographs}/",
        "used_image_num": len(images),
        "feature_quantize_method": "KL",
        "weight_quantize_method": "MAX_ABS",
    }
    (folder / "config.json").write_text(json.dumps(config))
    return _run(["quantize", FP32_FILE, INT8_FILE, "config.json"], folder, INT8_FILE)


def _run(options: list[str], folder: Path, made: str) -> bytes:
    converters.convert("MNN", [sys.executable, "-m", _PROGRAM, *options], folder, [made])
    return _IDENTITY.sub(b"0" * 36, (folder / made).read_bytes(), count=1)
