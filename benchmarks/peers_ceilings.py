"""How many multiply-accumulates a second one core of this CPU comes to, in FP32 and in INT8.

The fastest of some products of large matrices in ONNX Runtime, one thread: what a network's calls
are held against. No network reaches it, as none is one large product.
"""

import time
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 1024
CALLS = 40


def measure() -> dict[str, float]:
    """Return multiply-accumulates per second, by precision."""
    draw = np.random.default_rng(0)
    fp32 = draw.normal(size=(SIDE, SIDE)).astype(np.float32)
    given = draw.integers(0, 255, (SIDE, SIDE)).astype(np.uint8)
    weights = draw.integers(-64, 64, (SIDE, SIDE)).astype(np.int8)
    return {
        "fp32": _fastest("MatMul", TensorProto.FLOAT, fp32, fp32),
        "int8": _fastest("MatMulInteger", TensorProto.UINT8, given, weights),
    }


def _fastest(kind: str, type_: int, batch: Any, weights: Any) -> float:
    import onnxruntime

    node = helper.make_node(kind, ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", type_, batch.shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx.shape_inference.infer_shapes(model).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    seconds = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        session.run(None, {"x": batch})
        seconds.append(time.perf_counter() - begin)
    return SIDE**3 / min(seconds)
