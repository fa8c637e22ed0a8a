"""A network as its static INT8 file computes it, in FP32 that gradients pass through.

``FakeQuantized`` traces a network and rounds its values where the exporter puts QuantizeLinear and
DequantizeLinear nodes; how they are rounded is in ``rounding``.
"""

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from cifarq.learned_ranges import INPUT, Range, place
from cifarq.training.rounding import LearnedRange, round_bias, round_weight
from edge_runtime.errors import CheckpointError, reason
from edge_runtime.probes import target as targets

_OPERATORS = {
    "conv2d": "Conv",
    "linear": "Gemm",
    "relu": "Relu",
    "add": "Add",
    "adaptive_avg_pool2d": "GlobalAveragePool",
}
"""PyTorch's operators that INT8 kernels compute, with ONNX's names."""

_SAME_RANGE = ("max_pool2d", "flatten", "view", "reshape", "dropout")
"""Operators whose results are among the values that they take."""

_LAYERS = ("Conv", "Gemm")
_QUANTIZE_RESULT = ("Conv", "Add", "GlobalAveragePool")
_TAKE = (*_QUANTIZE_RESULT, "Gemm")
"""Operators whose inputs are quantized. ReLU is computed as one with what is before it."""

_RANGES = "learned_ranges"


class FakeQuantized(nn.Module):
    """(N, C, H, W) float32 normalised -> (N, classes) logits, as static INT8 computes them.

    Args:
        model: in eval mode, as it is deployed; its weights are shared.
        input_shape: (C, H, W).
        target: a name in ``edge_runtime.probes.target``.

    Raises:
        CheckpointError: it cannot be traced, or has an operator of which it is not known where the
            exporter quantizes.
    """

    def __init__(self, model: nn.Module, input_shape: tuple[int, int, int], target: str) -> None:
        super().__init__()
        self.traced = _trace(model, input_shape)
        _insert(self.traced, targets.LARGEST_WEIGHT[target])

    def forward(self, images: Tensor) -> Tensor:
        """Return logits; in FP32, because bfloat16 itself rounds to 8 bits."""
        with torch.autocast(images.device.type, enabled=False):
            logits: Tensor = self.traced(images)
        return logits

    @torch.no_grad()
    def start(self, images: Tensor) -> None:
        """Begin all ranges with what one batch shows, each after those before it."""

        def see(learned: nn.Module, given: tuple[Tensor, ...]) -> None:
            assert isinstance(learned, LearnedRange)
            learned.start(*given)

        hooks = [learned.register_forward_pre_hook(see) for learned in self._ranges()]
        self(images)
        for hook in hooks:
            hook.remove()

    def weights(self) -> dict[str, Tensor]:
        """Return the state_dict of the model that was given."""
        tensors = self.traced.state_dict()
        return {name: t for name, t in tensors.items() if not name.startswith(f"{_RANGES}.")}

    def ranges(self) -> dict[str, Range]:
        """Return the learned ranges by their places."""
        return {learned.name: tuple(learned.limits().tolist()) for learned in self._ranges()}

    def _ranges(self) -> list[LearnedRange]:
        return [module for module in self.modules() if isinstance(module, LearnedRange)]


def _trace(model: nn.Module, input_shape: tuple[int, int, int]) -> GraphModule:
    """Return a model as a graph of PyTorch's own operators, which shares its weights."""
    batch = torch.zeros(2, *input_shape, device=next(model.parameters()).device)
    size = torch.export.Dim("N")
    try:
        traced = torch.export.export(model, (batch,), dynamic_shapes=({0: size},)).module()
    except Exception as error:  # the model's own code may raise anything
        raise CheckpointError(f"PyTorch cannot trace this model: {reason(error)}") from error
    for node in traced.graph.find_nodes(op="call_module", target="_guards_fn"):
        traced.graph.erase_node(node)  # it checks the input's shape
    return GraphModule(traced, traced.graph)


def _insert(traced: GraphModule, largest: int) -> None:
    """Put the roundings into a graph.

    Args:
        traced: is changed.
        largest: multiple of its step that a channel's largest weight is.
    """
    graph = traced.graph
    names = _name_places(graph)
    head = _head(graph)
    rounded = [node for node in names if _is_rounded(node, head)]
    layers = {node: names[node.all_input_nodes[0]] for node in names if _operator(node) in _LAYERS}
    paths = {names[node]: f"{_RANGES}.{number}" for number, node in enumerate(rounded)}
    _require_distinct([names[node] for node in {*rounded, *layers}])
    for node in rounded:
        traced.add_submodule(paths[names[node]], LearnedRange(names[node]))
        with graph.inserting_after(node):
            after = graph.call_module(paths[names[node]], (node,))
        for user in [user for user in node.users if user is not after]:
            user.replace_input_with(node, after)
    for node, given in layers.items():
        _round_layer(graph, node, largest, paths[given])
    traced.recompile()


def _round_layer(graph: Graph, layer: Node, largest: int, path: str) -> None:
    """Round the weights and biases of a layer whose input has the range at ``path``."""
    weight, *bias = layer.all_input_nodes[1:]
    with graph.inserting_before(layer):
        layer.update_arg(1, graph.call_function(round_weight, (weight, largest)))
        if bias:
            begin, growth = (graph.get_attr(f"{path}.{name}") for name in ("begin", "growth"))
            given = (bias[0], weight, largest, begin, growth)
            layer.update_arg(2, graph.call_function(round_bias, given))


def _name_places(graph: Graph) -> dict[Node, str]:
    """Return what the results of a graph's operators are called, in their order.

    Raises:
        CheckpointError: of one of them it is not known where the exporter quantizes.
    """
    names: dict[Node, str] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            names[node] = INPUT
        elif node.op == "call_function" and isinstance(node.meta["val"], Tensor):
            _require_known(node)
            names[node] = _name_place(node, names)
    return names


def _name_place(node: Node, names: dict[Node, str]) -> str:
    operator = _operator(node)
    if operator in _LAYERS:
        return str(node.all_input_nodes[1].target).removesuffix(".weight")
    inputs = [names[one] for one in node.args if isinstance(one, Node) and one in names]
    return place(operator, inputs) if operator else inputs[0]


def _require_known(node: Node) -> None:
    """Refuse an operator of which it is not known where the exporter quantizes.

    Raises:
        CheckpointError: it is one.
    """
    name, shape = _name(node), node.meta["val"].shape
    known = {
        "linear": len(shape) == 2,
        "add": len(node.all_input_nodes) == 2 and not node.kwargs,
        "adaptive_avg_pool2d": tuple(shape[2:]) == (1, 1),
    }
    if not known.get(name, name in (*_OPERATORS, *_SAME_RANGE)):
        raise CheckpointError(
            f"quantization-aware training does not know the operator {node.target} of this model.",
            f"It knows {', '.join((*_OPERATORS, *_SAME_RANGE))}, as convolutional networks use "
            "them.",
        )


def _require_distinct(places: list[str]) -> None:
    """Refuse a model that uses a layer twice.

    Raises:
        CheckpointError: two of the places have one name.
    """
    if twice := sorted(place for place in set(places) if places.count(place) > 1):
        raise CheckpointError(
            f"quantization-aware training cannot give {twice[0]} two ranges: the model computes it "
            "twice.",
            "Give each use a layer of its own.",
        )


def _is_rounded(node: Node, head: set[Node]) -> bool:
    """Say whether the exporter quantizes the result of an operator with a range of its own."""
    if node in head or _name(node) in _SAME_RANGE:
        return False
    users = list(node.users)
    if len(users) == 1 and _operator(users[0]) == "Relu" and users[0] not in head:
        return False  # the two are computed as one
    return _operator(node) in _QUANTIZE_RESULT or _is_taken(node, head)


def _is_taken(node: Node, head: set[Node]) -> bool:
    """Say whether an operator takes a result in INT8."""
    users = [user for user in node.users if user not in head]
    return any(_operator(user) in _TAKE or _is_taken(user, head) for user in users)


def _head(graph: Graph) -> set[Node]:
    """Return what is computed from the last layers' results, in FP32: see ``qdq.quantize``."""
    head: set[Node] = set()
    waiting = graph.output_node().all_input_nodes
    while waiting:
        node = waiting.pop()
        if _operator(node) not in _LAYERS and node not in head:
            head.add(node)
            waiting += node.all_input_nodes
    return head


def _name(node: Node) -> str:
    """Return the name of PyTorch's operator, whether it works in place or not; else ''."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return ""
    return node.target._schema.name.removeprefix("aten::").removesuffix("_")


def _operator(node: Node) -> str:
    """Return ONNX's name of an operator that INT8 kernels compute; '' for others."""
    return _OPERATORS.get(_name(node), "")
