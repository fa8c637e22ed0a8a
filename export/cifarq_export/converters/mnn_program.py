"""MNN's converters, called as its own commands call them, less what those do besides.

The commands install a package with pip and send what was converted to a server of their maker's
(``MNN/tools/utils/log.py`` of MNN 3.6.1); this calls nothing of that.

    python -m cifarq_export.converters.mnn_program convert MODEL.onnx MODEL.mnn [--fp16]
    python -m cifarq_export.converters.mnn_program quantize MODEL.mnn INT8.mnn CONFIG.json
"""

import sys


def main() -> None:
    """Run one of them."""
    import _tools

    what, given, made, *more = sys.argv[1:]
    if what == "convert":
        options = ["-f", "ONNX", "--modelFile", given, "--MNNModel", made, "--bizCode", "cifarq"]
        _tools.mnnconvert(["mnnconvert", *options, *more])
    else:
        _tools.mnnquant(["mnnquant", given, made, *more])


if __name__ == "__main__":
    main()
