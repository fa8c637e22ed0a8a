"""Whether an ONNX file is all there is of its model, without the onnx package.

A tensor may keep its numbers in another file, which the engine would read and no hash covers. An
ONNX file is a protocol buffer: only the messages that may hold tensors are walked through, and the
numbers of a tensor are stepped over.

Source: onnx.proto (field numbers); Protocol Buffers, Encoding (varints, wire types).
"""

_TENSOR = "TensorProto"
_DATA_LOCATION, _EXTERNAL = 14, 1
_INT32 = 2**32 - 1  # of a longer number the low bits count

HOLDS = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: _TENSOR,
        6: "GraphProto",
        10: _TENSOR,
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
"""The fields of each message that hold tensors, or messages with tensors in them."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def keeps_weights_elsewhere(content: bytes) -> bool:
    """Say whether some tensor of an ONNX model is in another file.

    Args:
        content: of the file. What is no protocol buffer has no such tensor: the engine refuses it.
    """
    waiting = [("ModelProto", 0, len(content))]
    try:
        while waiting:
            kind, at, end = waiting.pop()
            while at < end:
                tag, at = _varint(content, at)
                field, wire = tag >> 3, tag & 7
                value = 0
                if wire in (_VARINT, _BYTES):
                    value, at = _varint(content, at)
                if (kind, field, wire) == (_TENSOR, _DATA_LOCATION, _VARINT):
                    if value & _INT32 == _EXTERNAL:
                        return True
                elif wire == _BYTES:
                    if inner := HOLDS[kind].get(field):
                        waiting.append((inner, at, at + value))
                    at += value
                else:
                    at += {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
    except IndexError:  # cut off, or no protocol buffer
        return False
    return False


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError("no number is longer than 10 bytes")
