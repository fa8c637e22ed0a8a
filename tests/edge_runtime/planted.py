"""Networks with a planted cause of their speed, as ONNX files: (N, 3, 32, 32) -> (N, 10)."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 10
PIXELS = 32
LAYERS = 4
DEPTHWISE_CHANNELS = 62


class Network:
    """A network that grows a node at a time; ``last`` is what the next one is given."""

    def __init__(self):
        self.nodes, self.initializers, self.last = [], [], "x"
        self.draw = np.random.default_rng(0)

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        given = [self.last, *inputs]
        self.nodes.append(helper.make_node(kind, given, [name], name, **attributes))
        self.last = name
        return name

    def convolve(self, channels, inputs, **attributes):
        scale = np.sqrt(1 / (9 * inputs))
        weights = self.draw.normal(size=(channels, inputs, 3, 3)) * scale
        name = self.constant(f"w{len(self.nodes)}", weights.astype(np.float32))
        self.add("Conv", name, pads=[1] * 4, **attributes)

    def quantize(self):
        """Quantize and dequantize what was computed last."""
        scale, zero = self._scale()
        self.add("QuantizeLinear", scale, zero)
        self.add("DequantizeLinear", scale, zero)

    def convolve_in_int8(self, channels, inputs):
        """A convolution whose weights are 8-bit integers, as static INT8 has it."""
        weights = self.draw.integers(-40, 40, (channels, inputs, 3, 3)).astype(np.int8)
        number = len(self.nodes)
        scale = self.constant(f"ws{number}", np.float32(0.03 / np.sqrt(9 * inputs)))
        name = self.constant(f"w{number}", weights)
        zero = self.constant(f"wz{number}", np.int8(0))
        dequantized = f"dequantized{number}"
        node = helper.make_node("DequantizeLinear", [name, scale, zero], [dequantized])
        self.nodes.append(node)
        self.add("Conv", dequantized, pads=[1] * 4)

    def convolve_with_integers(self, channels, inputs):
        """A convolution as dynamic INT8 has it."""
        number = len(self.nodes)
        outputs = [f"q{number}", f"s{number}", f"z{number}"]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [self.last], outputs))
        weights = self.draw.integers(-40, 40, (channels, inputs, 3, 3)).astype(np.int8)
        name = self.constant(f"w{number}", weights)
        zero = self.constant(f"wz{number}", np.int8(0))
        self.last = outputs[0]
        node = helper.make_node(
            "ConvInteger", [outputs[0], name, outputs[2], zero], [f"i{number}"], pads=[1] * 4
        )
        self.nodes.append(node)
        self.last = f"i{number}"
        self.add("Cast", to=TensorProto.FLOAT)
        self.add("Mul", outputs[1])
        self.add("Mul", self.constant(f"ws{number}", np.float32(0.01)))
        self.add("Relu")

    def _scale(self):
        number = len(self.nodes)
        scale = self.constant(f"s{number}", np.float32(0.05))
        return scale, self.constant(f"z{number}", np.uint8(128))

    def end(self, channels):
        """Return the file of the network, closed by a classifier."""
        self.add("GlobalAveragePool")
        self.add("Flatten")
        weights = self.draw.normal(size=(channels, CLASSES)).astype(np.float32)
        self.add("MatMul", self.constant("classifier", weights))
        self.nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            self.nodes,
            "planted",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, PIXELS, PIXELS])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", CLASSES])],
            self.initializers,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made)
        return made.SerializeToString()


def hard_swish():
    """Static INT8 with HardSwish in float."""
    network, inputs = Network(), 3
    network.quantize()
    for _ in range(LAYERS):
        network.convolve_in_int8(32, inputs)
        network.quantize()
        network.add("HardSwish")
        network.quantize()
        inputs = 32
    return network.end(32)


def plain(activation="Relu"):
    """FP32."""
    network, inputs = Network(), 3
    for _ in range(LAYERS):
        network.convolve(32, inputs)
        network.add(activation)
        inputs = 32
    return network.end(32)


def conv_integer():
    """Dynamic INT8 with Conv."""
    network, inputs = Network(), 3
    for _ in range(LAYERS):
        network.convolve_with_integers(32, inputs)
        inputs = 32
    return network.end(32)


def depthwise():
    """FP32 with depthwise convolutions between two dense ones.

    Of 62 channels: for 60 or 64 ONNX Runtime has a kernel on AVX-512 CPUs that is too good to be
    named.
    """
    channels = DEPTHWISE_CHANNELS
    network = Network()
    network.convolve(channels, 3)
    for _ in range(LAYERS):
        network.convolve(channels, 1, group=channels)
        network.add("Relu")
    network.convolve(channels, channels)
    network.add("Relu")
    return network.end(channels)


def tiny():
    """A classifier of so few numbers that the call costs more than they do."""
    network = Network()
    corner = {"starts": [0, 0], "ends": [2, 2], "axes": [2, 3]}
    names = [network.constant(k, np.array(values, np.int64)) for k, values in corner.items()]
    network.add("Slice", *names)
    return network.end(3)
