"""pnnx, which makes ncnn's two files of an ONNX file."""

from collections.abc import Sequence
from pathlib import Path

from cifarq_export import converters

PARAM, WEIGHTS = "model.ncnn.param", "model.ncnn.bin"


def convert(model: Path, shape: Sequence[int], *, fp16: bool) -> tuple[bytes, bytes]:
    """Return the network and the weights of ncnn's own format.

    Args:
        model: an ONNX file, ``model.onnx`` in a folder that may be written to.
        shape: of what it takes.
        fp16: whether weights are stored in 16 bits.

    Raises:
        ExportError: pnnx fails.
    """
    import pnnx

    sizes = ",".join(map(str, shape))
    program = Path(pnnx.__file__).parent / "pnnx"
    command: list[str | Path] = [
        program,
        model.name,
        f"inputshape=[{sizes}]f32",
        f"fp16={int(fp16)}",
    ]
    converters.convert("pnnx", command, model.parent, (PARAM, WEIGHTS))
    param, weights = ((model.parent / name).read_bytes() for name in (PARAM, WEIGHTS))
    return param, weights
