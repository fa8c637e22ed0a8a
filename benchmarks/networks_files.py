"""Twelve ONNX classifiers that PyTorch did not write: the trained seed CNN, as exporters leave it.

Each is written node by node with the shipped weights, and differs from the others in one thing that
files from elsewhere have: see ``networks.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CIFAR10 = ("--mean", "0.4914,0.4822,0.4465", "--std", "0.2470,0.2435,0.2616")
_IR_WITH_WEIGHTS_AS_INPUTS = 3
_AUXILIARY = 20  # an auxiliary head's outputs: its classes are others


@dataclass(frozen=True)
class Graph:
    """A model on its way to a file: changed by ``replace``, written by ``model``.

    Attributes:
        nodes: in the order in which they run.
        weights: by name.
        input_shape, input_type: of ``image``; a batch of ``N`` or a number.
        outputs: names and shapes.
        opset, ir_version: of the file.
    """

    nodes: tuple[Any, ...]
    weights: Mapping[str, NDArray[Any]]
    input_shape: tuple[int | str, ...] = ("N", 3, 32, 32)
    input_type: int = TensorProto.FLOAT
    outputs: Mapping[str, tuple[int | str, ...]] = field(
        default_factory=lambda: {"scores": ("N", 10)}
    )
    output_type: int = TensorProto.FLOAT
    opset: int = 17
    ir_version: int = 8

    def model(self) -> Any:
        """Return it as a ``ModelProto``."""
        used = {name for node in self.nodes for name in node.input}
        weights = [numpy_helper.from_array(v, n) for n, v in self.weights.items() if n in used]
        given = helper.make_tensor_value_info("image", self.input_type, self.input_shape)
        listed = [given]
        if self.ir_version <= _IR_WITH_WEIGHTS_AS_INPUTS:
            listed += [helper.make_tensor_value_info(w.name, w.data_type, w.dims) for w in weights]
        answers = [
            helper.make_tensor_value_info(name, self.output_type, shape)
            for name, shape in self.outputs.items()
        ]
        return helper.make_model(
            helper.make_graph(list(self.nodes), "seed-cnn", listed, answers, weights),
            opset_imports=[helper.make_opsetid("", self.opset)],
            ir_version=self.ir_version,
            producer_name="by hand",
        )


def plain() -> Graph:
    """Return the seed CNN with the shipped weights."""
    from safetensors.numpy import load_file

    from cifarq import models

    folder = models.pretrained("seed-cnn")
    assert folder is not None
    weights: dict[str, NDArray[Any]] = dict(load_file(folder / "model.safetensors"))
    weights["flat"] = np.array([0, -1], np.int64)
    nodes = [
        *_convolution("conv1", "image"),
        *_convolution("conv2", "conv1_relu"),
        helper.make_node("MaxPool", ["conv2_relu"], ["pool1"], **_POOL),
        *_convolution("conv3", "pool1"),
        *_convolution("conv4", "conv3_relu"),
        helper.make_node("MaxPool", ["conv4_relu"], ["pool2"], **_POOL),
        helper.make_node("Reshape", ["pool2", "flat"], ["features"]),
        helper.make_node("Gemm", ["features", "fc1.weight", "fc1.bias"], ["fc1"], transB=1),
        helper.make_node("Relu", ["fc1"], ["fc1_relu"]),
        helper.make_node("Gemm", ["fc1_relu", "fc2.weight", "fc2.bias"], ["scores"], transB=1),
    ]
    return Graph(tuple(nodes), weights)


_POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}


def _convolution(name: str, given: str) -> Sequence[Any]:
    inputs = [given, f"{name}.weight", f"{name}.bias"]
    return (
        helper.make_node("Conv", inputs, [name], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Relu", [name], [f"{name}_relu"]),
    )


def _with_opset(opset: int, ir_version: int) -> Any:
    return replace(plain(), opset=opset, ir_version=ir_version).model()


def _before(*nodes: Any, graph: Graph, **weights: NDArray[Any]) -> Graph:
    """Put nodes that end in ``ready`` between the input and the first layer."""
    first, *rest = graph.nodes
    moved = onnx.NodeProto()
    moved.CopyFrom(first)
    moved.input[0] = "ready"
    return replace(graph, nodes=(*nodes, moved, *rest), weights={**graph.weights, **weights})


def _nhwc() -> Any:
    turn = helper.make_node("Transpose", ["image"], ["ready"], perm=[0, 3, 1, 2])
    return replace(_before(turn, graph=plain()), input_shape=("N", 32, 32, 3)).model()


def _uint8() -> Any:
    from cifarq.data import cifar10

    std = np.asarray(cifar10.STD, np.float32)[:, None, None]
    mean = np.asarray(cifar10.MEAN, np.float32)[:, None, None]
    nodes = (
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["ready"]),
    )
    graph = _before(*nodes, graph=plain(), scale=np.float32(255)[None], mean=mean, std=std)
    return replace(graph, input_type=TensorProto.UINT8).model()


def _fp16() -> Any:
    graph = plain()
    weights = {
        name: value.astype(np.float16) if value.dtype.kind == "f" else value
        for name, value in graph.weights.items()
    }
    half = TensorProto.FLOAT16
    return replace(graph, weights=weights, input_type=half, output_type=half).model()


def _fixed_batch() -> Any:
    graph = plain()
    weights = {**graph.weights, "flat": np.array([4, 8192], np.int64)}
    return replace(
        graph, weights=weights, input_shape=(4, 3, 32, 32), outputs={"scores": (4, 10)}
    ).model()


def _softmax() -> Any:
    graph = plain()
    end = helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1)
    return replace(graph, nodes=(*graph.nodes, end), outputs={"probabilities": ("N", 10)}).model()


def _two_heads() -> Any:
    """The auxiliary head comes first, as some exporters write it."""
    graph = plain()
    draw = np.random.default_rng(0)
    extra = {"aux.weight": draw.normal(0, 0.01, (_AUXILIARY, 8192)).astype(np.float32)}
    aux = helper.make_node("Gemm", ["features", "aux.weight"], ["auxiliary"], transB=1)
    return replace(
        graph,
        nodes=(*graph.nodes, aux),
        weights={**graph.weights, **extra},
        outputs={"auxiliary": ("N", _AUXILIARY), "scores": ("N", 10)},
    ).model()


def _trailing_axes() -> Any:
    """The Linear layers as convolutions, as mobile networks have them."""
    graph = plain()
    weights = {
        **graph.weights,
        "fc1.weight": graph.weights["fc1.weight"].reshape(256, 128, 8, 8),
        "fc2.weight": graph.weights["fc2.weight"].reshape(10, 256, 1, 1),
    }
    nodes = [node for node in graph.nodes if node.op_type not in ("Reshape", "Gemm")]
    body, relu = nodes[:-1], nodes[-1]
    nodes = [
        *body,
        helper.make_node("Conv", ["pool2", "fc1.weight", "fc1.bias"], ["fc1"]),
        relu,
        helper.make_node("Conv", ["fc1_relu", "fc2.weight", "fc2.bias"], ["scores"]),
    ]
    return replace(
        graph, nodes=tuple(nodes), weights=weights, outputs={"scores": ("N", 10, 1, 1)}
    ).model()


def _quantized() -> Any:
    from cifarq_export.int8 import qdq
    from cifarq_export.int8.calibrate import float_activations
    from cifarq_export.int8.onnx_graph import prepare
    from edge_runtime.probes import target

    model = prepare(_with_opset(17, 8))
    ranges = dict.fromkeys(float_activations(model), (-4.0, 4.0))
    return qdq.quantize(model, ranges, target.X86_VNNI)


@dataclass(frozen=True)
class File:
    """A file: how it is made, and what the command is told of it.

    Attributes:
        what: in what it differs from the others.
        make: returns the model.
        options: of ``cifarq-export``.
        external: whether its weights lie in a file beside it.
    """

    what: str
    make: Callable[[], Any]
    options: tuple[str, ...] = CIFAR10
    external: bool = False

    def write(self, folder: Path, name: str) -> Path:
        """Write it to a folder, and return its path."""
        path = folder / f"{name}.onnx"
        onnx.save(
            self.make(),
            path,
            save_as_external_data=self.external,
            location=f"{name}.bin",
            size_threshold=1024,
        )
        return path


FILES = {
    "opset-7": File("opset 7, weights listed as inputs", lambda: _with_opset(7, 3)),
    "opset-13": File("opset 13", lambda: _with_opset(13, 7)),
    "opset-26": File("opset 26", lambda: _with_opset(26, 13)),
    "external-data": File("weights in a file beside it", lambda: plain().model(), external=True),
    "nhwc": File("channels last", _nhwc),
    "uint8": File("takes raw pixels, normalises them itself", _uint8, ()),
    "fp16": File("16-bit weights, input and output", _fp16),
    "fixed-batch": File("a fixed batch of 4", _fixed_batch),
    "softmax": File("answers probabilities", _softmax),
    "two-heads": File("an auxiliary head first", _two_heads),
    "trailing-axes": File("answers (N, 10, 1, 1)", _trailing_axes),
    "quantized": File("already quantized", _quantized),
}

FOREIGN = {
    "tf2onnx": ("--mean", "0", "--std", "0.00392156862745098"),  # takes pixels of 0 to 255
    "skl2onnx": ("--mean", "0", "--std", "1"),
}
"""Files that ``networks_foreign.py`` writes, and what the command is told of them."""
