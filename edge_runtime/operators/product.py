"""An ONNX file of one matrix product, written without the onnx package.

What a CPU computes at most is measured with it: no network reaches more than one large product.

Source: onnx.proto (field numbers); Protocol Buffers, Encoding (varints, wire types).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    from numpy.typing import NDArray

_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}
_IR_VERSION, _OPSET = 8, 13
_BYTES = 2


def write(kind: str, weights: "NDArray[Any]", given: str, made: str) -> bytes:
    """Return an ONNX file that multiplies x (side, side) by square weights, to y.

    Args:
        kind: ``MatMul`` or ``MatMulInteger``.
        weights: (side, side).
        given: numpy's name of the type of x.
        made: of the type of y.
    """
    side = len(weights)
    node = _field(1, b"x") + _field(1, b"w") + _field(2, b"y") + _field(4, kind.encode())
    tensor = _number(1, side) + _number(1, side) + _number(2, _TYPES[str(weights.dtype)])
    tensor += _field(8, b"w") + _field(9, weights.tobytes())
    graph = _field(1, node) + _field(2, b"product") + _field(5, tensor)
    graph += _field(11, _value(b"x", given, side)) + _field(12, _value(b"y", made, side))
    return _number(1, _IR_VERSION) + _field(7, graph) + _field(8, _number(2, _OPSET))


def _value(name: bytes, type_: str, side: int) -> bytes:
    dimension = _field(1, _number(1, side))
    tensor = _number(1, _TYPES[type_]) + _field(2, dimension + dimension)
    return _field(1, name) + _field(2, _field(1, tensor))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))
