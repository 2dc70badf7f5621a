"""How large a Keras model is: parameters and MACs exactly; int8 weights and arena from shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from ascua.zoo.rescaling import leading

PRODUCTS = (
    "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Conv1D", "DepthwiseConv1D",
    "SeparableConv1D", "Dense",
)  # fmt: skip
"""Layers with products, which take the normalisation after them into their weights."""
FUSED = ("BatchNormalization", "ReLU")
"""Layers that a converter merges into the one with products, or the sum, before them."""
VIEWS = ("Dropout", "Flatten", "Reshape", "InputLayer")
"""Layers without an operator of their own in int8."""
MERGING = (
    *PRODUCTS, "Add", "BatchNormalization", "Multiply", "MaxPooling2D", "AveragePooling2D",
    "MaxPooling1D", "AveragePooling1D",
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """Of one model, for one image."""

    parameters: int
    """All of them, a normalisation's running means and variances too."""
    macs: int
    """Multiply-accumulates of convolutions and dense layers."""
    weights_bytes: int | None
    """int8 weights and int32 biases after conversion, estimated; None where that is unknown."""
    arena_bytes: int | None
    """int8 tensors alive together at the fullest operator, estimated; None where unknown."""


def size(model: Any) -> Size:
    """The size of a Keras `model` that takes one image; nothing is converted for it."""
    known = not any(nested(x) or type(x).__name__ == "TFSMLayer" for x in model.operations)
    return Size(
        parameters=model.count_params(),
        macs=macs(model),
        weights_bytes=weights_bytes(model) if known else None,
        arena_bytes=arena_bytes(model) if known else None,
    )


def macs(model: Any) -> int:
    """Multiply-accumulates of one image. A layer that is used twice counts twice."""
    return sum(_macs(op, node) for op, node in _calls(model) if node.input_tensors)


def _macs(op: Any, node: Any) -> int:
    """Of one call."""
    if nested(op):
        return macs(op)
    x, y = node.input_tensors[0].shape[1:], node.output_tensors[0].shape[1:]
    match type(op).__name__:
        case "Conv2D" | "DepthwiseConv2D" | "Conv1D" | "DepthwiseConv1D":
            return int(prod(y[:-1]) * prod(op.kernel.shape))
        case "Conv2DTranspose":
            return int(prod(x[:-1]) * prod(op.kernel.shape))
        case "SeparableConv2D" | "SeparableConv1D":
            kernels = (op.depthwise_kernel, op.pointwise_kernel)
            return int(prod(y[:-1]) * sum(prod(kernel.shape) for kernel in kernels))
        case "Dense":
            return int(prod(y[:-1]) * prod(op.kernel.shape))
    return 0


def weights_bytes(model: Any) -> int:
    """Bytes of int8 weights and int32 biases, as a converter would write them.

    A normalisation behind a layer with products goes into its weights; elsewhere it is a product
    and a sum with a constant for each channel.
    """
    total, merged = 0, _merged(model)
    for op, node in _calls(model):
        kind = type(op).__name__
        channels = node.output_tensors[0].shape[-1]
        if kind.startswith("SeparableConv"):
            total += prod(op.depthwise_kernel.shape) + prod(op.pointwise_kernel.shape)
            total += 4 * (prod(op.depthwise_kernel.shape[-2:]) + channels)
        elif kind in PRODUCTS:
            total += prod(op.kernel.shape) + 4 * channels
        elif kind == "BatchNormalization" and id(node) not in merged:
            total += 2 * channels
        elif kind == "Rescaling" and id(node) not in merged:
            total += (op.scale != 1.0) + (op.offset != 0.0)
    return total


def arena_bytes(model: Any) -> int:
    """Bytes of int8 tensors that are alive together at the fullest operator.

    Operators run in the order of the model's layers; `ascua analyze` calls it whole tensors.
    """
    root: dict[int, int] = {}
    held: dict[int, tuple[int, int, int]] = {}  # bytes, first and last step
    merged, step = _merged(model), 0
    for _, node in _calls(model):
        inputs = [root[id(x)] for x in node.input_tensors]
        if inputs and id(node) in merged:
            root[id(node.output_tensors[0])] = inputs[0]
            continue
        for i in inputs:
            held[i] = (*held[i][:2], step)
        for y in node.output_tensors:
            root[id(y)] = id(y)
            held[id(y)] = (prod(y.shape[1:]), step, step)
        step += 1 if inputs else 0
    for y in model.outputs:
        held[root[id(y)]] = (*held[root[id(y)]][:2], step)
    return max(
        sum(size for size, first, last in held.values() if first <= at <= last)
        for at in range(step + 1)
    )


def nested(op: Any) -> bool:
    """Whether the layer `op` is itself a model."""
    return hasattr(op, "operations") or hasattr(op, "layers")


def _merged(model: Any) -> set[int]:
    """The calls (by id) that have no operator of their own in int8."""
    users: dict[int, int] = {}
    made: dict[int, Any] = {}
    for op, node in _calls(model):
        for x in node.input_tensors:
            users[id(x)] = users.get(id(x), 0) + 1
        for y in node.output_tensors:
            made[id(y)] = op
    free = {id(layer) for layer in leading(model)}
    merged = set()
    for op, node in _calls(model):
        kind = type(op).__name__
        if kind in VIEWS or id(op) in free:
            merged.add(id(node))
        elif kind in FUSED:
            x = node.input_tensors[0]
            if users[id(x)] == 1 and type(made[id(x)]).__name__ in MERGING:
                merged.add(id(node))
    return merged


def _calls(model: Any) -> Iterator[tuple[Any, Any]]:
    """Each operation of the functional `model` with each of its calls, in the order they run."""
    for nodes in sorted(model._nodes_by_depth.items(), reverse=True):
        for node in nodes[1]:
            yield node.operation, node
