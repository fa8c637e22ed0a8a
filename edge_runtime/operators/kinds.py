"""What a kind of operator means, whatever the engine that names it."""

DEPTHWISE = " (depthwise)"
"""Added to the kind of a convolution that has a group for each channel."""

_PRODUCTS = ("conv", "gemm", "matmul", "::linear", "addmm", "::mm", "::bmm", "fullyconnected")
_CONVERT = "convert"
_TO_INT8 = ("quantizelinear", "dynamicquantizelinear", "fakequantize", "aten::quantize")
_TO_FLOAT = ("dequantizelinear", "aten::dequantize")
_LAYOUTS = ("reorder", "transpose", "permute", "contiguous", "cast", "convert")


def is_product(kind: str) -> bool:
    """Whether it is a convolution or a matrix product."""
    name = kind.lower()
    return any(part in name for part in _PRODUCTS) and not name.startswith(_CONVERT)


def is_depthwise(kind: str) -> bool:
    """Whether it is a convolution with a group for each channel."""
    return kind.endswith(DEPTHWISE)


def is_to_int8(kind: str) -> bool:
    """Whether it makes 8-bit integers of numbers in float."""
    return kind.lower().startswith(_TO_INT8)


def is_to_float(kind: str) -> bool:
    """Whether it makes numbers in float of 8-bit integers."""
    return kind.lower().startswith(_TO_FLOAT)


def is_conversion(kind: str) -> bool:
    """Whether it computes nothing of the network: another type, or another order in memory."""
    name = kind.lower().removeprefix("aten::")
    return is_to_int8(kind) or is_to_float(kind) or name.startswith(_LAYOUTS)
