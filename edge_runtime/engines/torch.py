"""PyTorch running TorchScript.

A TorchScript file can run code: ``load`` is for bytes whose hash matched their manifest.
"""

import io
import platform
import time
import warnings
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from edge_runtime.engines import Check, Options, Session
from edge_runtime.errors import EngineError
from edge_runtime.operators import macs
from edge_runtime.operators.operator import Call, Calls, Operator

if TYPE_CHECKING:  # what is missing is said without numpy, which may be missing too
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("torchscript",)
PRECISIONS = ("fp32", "int8-dynamic")
REQUIRES = "torch"
# Above 2.9.1 PyPI's aarch64 wheels bring CUDA packages of several GB.
INSTALL = "pip install torch==2.9.1" if platform.machine() == "aarch64" else "pip install torch"
WHEEL = "torch==2.9.1"
ASKED_FOR = "--with-torch"
WHEEL_NOTE = "115 MB more to copy, 500 MB installed"
PROCESS_BYTES = 400 * 2**20
KNOBS = {"layout": ("channels first", "channels last")}
"""Source: PyTorch's "Channels Last Memory Format"."""

_MOST_EVENTS = 5_000
"""Of a profile: it is kept in memory, and read slowly."""

_WARM_UP_CALLS = 5
"""More than TorchScript takes to optimize a graph, which has other operators then."""

_CALL = "edge-bench call"
_CONVOLUTIONS = ("aten::conv2d", "aten::_convolution", "aten::convolution")


class _TorchSession:
    def __init__(self, content: bytes, options: Options) -> None:
        import torch

        torch.set_num_threads(options.threads)
        choose_quantized_backend()
        with warnings.catch_warnings():
            # torch.jit still works and says it will go: pytorch#177239.
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
            # So do quantized tensors (pytorch#184982); unpickled by C++ they say it once, past
            # Python's filters, unless it has been said before.
            warnings.filterwarnings("ignore", r"torch\.quantize_per_tensor, ", UserWarning)
            torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.qint8)
            self._module = torch.jit.load(io.BytesIO(content), map_location="cpu")
        self._module.eval()
        self._from_numpy = reader(options)
        self._inference_mode = torch.inference_mode

    def run(self, batch: "NDArray[np.float32]") -> "NDArray[Any]":
        with self._inference_mode():
            logits: NDArray[Any] = self._module(self._from_numpy(batch)).numpy()
        return logits


def reader(options: Options) -> Callable[[Any], Any]:
    """Return what makes a tensor of an array (N, C, H, W), in the layout that was chosen."""
    import torch

    if options.knobs.get("layout") != "channels last":
        return torch.from_numpy

    def read(batch: Any) -> Any:
        return torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)

    return read


def choose_quantized_backend() -> None:
    """Use qnnpack on Arm where PyTorch has it: quantized weights are packed for the chosen backend.

    To be called before a model is quantized, or a quantized file is loaded.
    """
    import torch

    arm = platform.machine() in ("aarch64", "arm64")
    if arm and "qnnpack" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "qnnpack"


def no_wheel(machine: str) -> str:
    """Return why no wheel of PyTorch can travel to a machine; '' if one can."""
    if machine == "aarch64":
        return ""
    return (
        f"on PyPI the {machine} wheels of PyTorch are CUDA builds of several GB; the device can "
        "install the CPU build from PyTorch's own package index"
    )


def checks(precisions: Collection[str]) -> list[Check]:
    """Check that quantized files can run: without a quantized backend they are refused or wrong."""
    if not set(precisions) - {"fp32"}:
        return []
    import torch

    choose_quantized_backend()
    names = list(torch.backends.quantized.supported_engines)
    text = f"PyTorch's quantized backends here: {', '.join(names) or 'none'}"
    if set(names) - {"none"}:
        return [Check("quantized", f"{text}; {torch.backends.quantized.engine} is used")]
    return [Check("quantized", text, "install another build of PyTorch, or use other artifacts")]


def load(content: bytes, name: str, options: Options) -> Session:
    """Load a TorchScript file from its bytes, whose hash has been checked.

    Raises:
        EngineError: PyTorch refuses it.
    """
    try:
        return _TorchSession(content, options)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise EngineError(f"PyTorch {version()} refuses {name}: {reason}") from error


def profile(
    content: bytes, name: str, options: Options, batch: "NDArray[np.float32]", seconds: float
) -> Calls:
    """Return the outermost operators of some calls; what these call in turn is in their time.

    Args:
        content: as ``load`` takes it.
        name: as ``load`` takes it.
        options: as ``load`` takes them.
        batch: (N, C, H, W).
        seconds: how long it may call.

    Raises:
        EngineError: PyTorch refuses it.
    """
    return profile_session(load(content, name, options), batch, seconds)


def profile_session(session: Session, batch: "NDArray[np.float32]", seconds: float) -> Calls:
    """Return the outermost operators of some calls of a session of PyTorch's.

    Shapes are told by another call than those that are timed: recording them takes time.
    """
    end, warm = time.perf_counter() + seconds / 4, 0
    while warm < _WARM_UP_CALLS or time.perf_counter() < end:
        session.run(batch)
        warm += 1
    (shaped,), events = _profile_calls(session, batch, 1, seconds, shapes=True)
    most = max(10, _MOST_EVENTS // events)
    told, _ = _profile_calls(session, batch, most, seconds, shapes=False)
    return Calls(tuple(_call(events, shaped) for events in told), 0)


def _profile_calls(
    session: Session, batch: "NDArray[np.float32]", most: int, seconds: float, *, shapes: bool
) -> tuple[list[list[Any]], int]:
    """Return each call's own event with those of its outermost operators, and how many there are.

    Those within operators are counted too.
    """
    from torch.profiler import ProfilerActivity, profile, record_function

    with profile(activities=[ProfilerActivity.CPU], record_shapes=shapes) as profiler:
        end = time.perf_counter() + seconds
        for _ in range(most):
            with record_function(_CALL):
                session.run(batch)
            if time.perf_counter() > end:
                break
    calls: list[list[Any]] = []
    events = profiler.events() or []
    for event in sorted(events, key=lambda event: event.time_range.start):
        if event.name == _CALL:
            calls.append([event])
        elif calls and "::" in event.name and not _is_inner(event):
            calls[-1].append(event)
    return calls, len(events)


def _is_inner(event: Any) -> bool:
    """Whether another operator called it."""
    while (event := event.cpu_parent) is not None:
        if "::" in event.name:
            return True
    return False


def _call(timed: list[Any], shaped: list[Any]) -> Call:
    same = [event.name for event in timed] == [event.name for event in shaped]
    whole, *operators = timed
    return Call(
        whole.time_range.elapsed_us() * 1000,
        tuple(
            _operator(event, shaped[i] if same else event, i)
            for i, event in enumerate(operators, 1)
        ),
    )


def _operator(event: Any, shaped: Any, number: int) -> Operator:
    shapes: list[list[int]] = [*(shaped.input_shapes or ()), [], []]
    given, weights = shapes[:2]
    kind, output, count = event.name, [], None
    if kind in _CONVOLUTIONS:
        output = _convolved(given, weights, shaped.concrete_inputs)
        kind, count = macs.convolution(kind, given, weights, output)
    elif kind == "aten::linear" and given and weights:
        output = [*given[:-1], weights[0]]
        count = macs.of_product(given, output)
    return Operator(
        f"operator {number}",
        kind,
        event.time_range.elapsed_us() * 1000,
        macs=count,
        int8=kind.startswith("quantized::"),
        output=tuple(output),
    )


def _convolved(given: list[int], weights: list[int], arguments: list[Any]) -> list[int]:
    """Return the shape of a convolution's output, which a profile does not show; [] if unknown.

    Args:
        given: (N, channels, height, width).
        weights: (outputs, inputs of one group, height, width).
        arguments: of the operator: stride, padding and dilation are the third to fifth, after 0.
    """
    axes = len(given) - 2
    steps = [value if isinstance(value, list) else [] for value in arguments[3:6]]
    transposed = len(arguments) > 6 and arguments[6] is True
    if axes < 1 or transposed or [len(step) for step in steps] != [axes] * 3:
        return []
    sizes = zip(given[2:], weights[2:], *steps, strict=True)
    return [
        given[0],
        weights[0],
        *((n + 2 * pad - dilation * (k - 1) - 1) // by + 1 for n, k, by, pad, dilation in sizes),
    ]


def version() -> str:
    """Return PyTorch's version."""
    import torch

    return str(torch.__version__)
