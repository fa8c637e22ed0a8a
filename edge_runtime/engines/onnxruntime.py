"""ONNX Runtime on the CPU."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.documents import onnx_file
from edge_runtime.engines import Options, Session
from edge_runtime.errors import EngineError, reason
from edge_runtime.operators import kinds, macs, product
from edge_runtime.operators.operator import Call, Calls, Operator

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("onnx",)
PRECISIONS = ("fp32", "int8-dynamic", "int8-static")
REQUIRES = "onnxruntime"
INSTALL = "pip install onnxruntime"
WHEEL = "onnxruntime"
ASKED_FOR = ""
PROCESS_BYTES = 100 * 2**20
KNOBS = {
    "graph": ("all", "extended", "basic"),
    "spinning": ("yes", "no"),
    "memory pattern": ("yes", "no"),
    "memory arena": ("yes", "no"),
}
"""Source: ONNX Runtime's "Thread management" and "Graph optimizations"."""

_MOST_EVENTS = 20_000
"""Lines of a profile, 1 KB each: it is written at the end, from memory."""

_RESOLUTION_NS = 1000.0
"""Its profile has whole microseconds, cut off."""

_NODE = "_kernel_time"
_WITH_SUBGRAPHS = ("If", "Loop", "Scan")


class OrtSession:
    """A session that maps a batch to the first output; ``inner`` is ONNX Runtime's own."""

    def __init__(self, content: bytes, threads: int, options: Any) -> None:
        import onnxruntime

        # Explicit counts: left to itself ORT pins a thread to each core, which containers refuse.
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # nothing: errors are raised, and said once
        # Its own format, which it would take bytes for, may name files beside the model.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self.inner = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        # It keeps the file's bytes to open it again on another provider: there is none.
        self.inner._model_bytes = None
        self._input = self.inner.get_inputs()[0].name
        self._outputs = [self.inner.get_outputs()[0].name]

    def run(self, batch: "NDArray[Any]") -> "NDArray[Any]":
        """Map (N, C, H, W) float32 to the first output; ONNX Runtime's errors are its own."""
        logits: NDArray[Any] = self.inner.run(self._outputs, {self._input: batch})[0]
        return logits


def open_session(content: bytes, name: str, threads: int = 1, options: Any = None) -> OrtSession:
    """Open an ONNX model that is whole.

    Args:
        content: what its file holds. Weights in another one would be looked for in the current
            folder, and no hash covers them.
        name: what to call it in the error.
        threads: of the session.
        options: ``SessionOptions``, if other than the default ones; threads are set in them.

    Raises:
        EngineError: ONNX Runtime refuses it, an unsupported operator for instance; or it has
            weights elsewhere.
    """
    import onnxruntime

    if onnx_file.keeps_weights_elsewhere(content):
        what = f"{name} has its weights in another file, which no hash covers."
        raise EngineError(what, "Export it again.")
    try:
        return OrtSession(content, threads, options or onnxruntime.SessionOptions())
    except Exception as error:  # its exceptions share no base class of its own
        raise EngineError(f"ONNX Runtime {version()} refuses {name}: {reason(error)}") from error


def load(content: bytes, name: str, options: Options) -> Session:
    """Load an ONNX model.

    Raises:
        EngineError: ONNX Runtime refuses it, or it is not whole.
    """
    return open_session(content, name, options.threads, _session_options(options.knobs))


def _session_options(knobs: Mapping[str, str]) -> Any:
    import onnxruntime

    given = onnxruntime.SessionOptions()
    if "graph" in knobs:
        level = f"ORT_ENABLE_{knobs['graph'].upper()}"
        given.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    if "spinning" in knobs:
        key = "session.intra_op.allow_spinning"
        given.add_session_config_entry(key, str(int(knobs["spinning"] == "yes")))
    given.enable_mem_pattern = knobs.get("memory pattern") != "no"
    given.enable_cpu_mem_arena = knobs.get("memory arena") != "no"
    return given


def profile(
    content: bytes, name: str, options: Options, batch: "NDArray[np.float32]", seconds: float
) -> Calls:
    """Return the operators of the graph that it runs, fused and converted, in some calls.

    A first session, of one call, does not pack weights beforehand: a profile shows the shapes of
    packed ones no longer. A quarter of the second one's calls warm up.

    Args:
        content: as ``load`` takes it.
        name: as ``load`` takes it.
        options: as ``load`` takes them.
        batch: (N, C, H, W).
        seconds: how long it may call.

    Raises:
        EngineError: ONNX Runtime refuses it, or its profile is not understood.
        OSError: its profile, which is a file, cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = _session_options(options.knobs)
        given.add_session_config_entry("session.disable_prepacking", "1")
        (unpacked,) = _profile_calls(content, name, options, given, batch, Path(folder), 1, 0)
        shapes = {_identity(event): _typed(event, "input") for event in unpacked[1]}
        most = max(10, _MOST_EVENTS // (len(shapes) + 1))
        given = _session_options(options.knobs)
        told = _profile_calls(content, name, options, given, batch, Path(folder), most, seconds)
    kept = told[len(told) // 4 :]
    return Calls(
        tuple(Call(ns, tuple(_operator(e, shapes) for e in events)) for ns, events in kept),
        _RESOLUTION_NS,
    )


def _profile_calls(
    content: bytes,
    name: str,
    options: Options,
    given: Any,
    batch: "NDArray[np.float32]",
    folder: Path,
    most: int,
    seconds: float,
) -> list[tuple[int, list[dict[str, Any]]]]:
    """Return the duration of each call in ns, with its operators' events."""
    given.enable_profiling = True
    given.profile_file_prefix = str(folder / "profile")
    session = open_session(content, name, options.threads, given)
    durations: list[int] = []
    end = time.perf_counter() + seconds
    while not durations or (len(durations) < most and time.perf_counter() < end):
        begin = time.perf_counter_ns()
        session.run(batch)
        durations.append(time.perf_counter_ns() - begin)
    file = Path(session.inner.end_profiling())
    try:
        return list(zip(durations, _events_of_calls(file), strict=True))
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"ONNX Runtime {version()}'s profile is not understood.") from error


def _events_of_calls(file: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the events of each call's operators, from a profile with a line for each event."""
    events: list[dict[str, Any]] = []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().rstrip(",").removeprefix("[").removesuffix("]")
            event = json.loads(text) if text else {}
            if event.get("cat") == "Node" and event["name"].endswith(_NODE):
                if event["args"]["op_name"] in _WITH_SUBGRAPHS:  # whose nodes came before it
                    events = [inner for inner in events if inner["ts"] < event["ts"]]
                events.append(event)
            elif event.get("name") == "model_run":
                yield events
                events = []


def _operator(event: dict[str, Any], shapes: dict[Any, list[tuple[str, list[int]]]]) -> Operator:
    kind = event["args"]["op_name"]
    inputs = shapes.get(_identity(event)) or _typed(event, "input")
    outputs = _typed(event, "output")
    output = outputs[0][1] if outputs else []
    given = inputs[0][1] if inputs else []
    position = 3 if kind.startswith("QLinearConv") else 1
    weights = inputs[position][1] if len(inputs) > position else []
    count = None
    if "Conv" in kind:
        transposed = "Transpose" in kind
        kind, count = macs.convolution(kind, given, weights, output, transposed=transposed)
    elif kinds.is_product(kind):
        count = macs.of_product(given, output)
    in_8_bits = any(type_ in ("int8", "uint8") for type_, _ in inputs)
    return Operator(
        event["name"].removesuffix(_NODE),
        kind,
        event["dur"] * 1000.0,
        macs=count,
        int8=in_8_bits and not kinds.is_conversion(kind),
        output=tuple(output),
    )


def _identity(event: dict[str, Any]) -> tuple[str, str]:
    return event["name"], event["args"]["node_index"]


def _typed(event: dict[str, Any], which: str) -> list[tuple[str, list[int]]]:
    """Return the type and shape of each input or output."""
    return [item for one in event["args"][f"{which}_type_shape"] for item in one.items()]


def products(side: int, threads: int) -> dict[str, Callable[[], object]]:
    """Return calls that multiply two square matrices, in FP32 and in INT8."""
    import numpy

    draw = numpy.random.default_rng(0)
    fp32 = draw.normal(size=(side, side)).astype(numpy.float32)
    given = draw.integers(0, 255, (side, side)).astype(numpy.uint8)
    weights = draw.integers(-64, 64, (side, side)).astype(numpy.int8)
    float_file = product.write("MatMul", fp32, "float32", "float32")
    int8_file = product.write("MatMulInteger", weights, "uint8", "int32")
    in_fp32, in_int8 = (open_session(f, "a product", threads) for f in (float_file, int8_file))
    return {"fp32": lambda: in_fp32.run(fp32), "int8": lambda: in_int8.run(given)}


def version() -> str:
    """Return ONNX Runtime's version."""
    import onnxruntime

    return str(onnxruntime.__version__)
