"""Rewrites a float graph into what is quantised: constants folded, activations and scales fused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ascua import geometry
from ascua.errors import InputError, brief
from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import Convolution, Weighted
from ascua.ops.add import Add
from ascua.ops.concatenation import Concatenation
from ascua.ops.dequantize import Dequantize
from ascua.ops.l2_normalization import L2Normalization
from ascua.ops.mul import Mul
from ascua.ops.pad import Pad, PadV2
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.sub import Sub
from ascua.passes import (
    check_outputs,
    check_stateless,
    drop_dead,
    fold_constants,
    fuse_dilations,
    without_tiles,
)
from ascua.quantize.floats import MOST_REAL, check, sane

Fuse = Callable[[Op, Op], Op | None]


def simplify(graph: Graph, where: str | None = None) -> Graph:
    """`graph`, of the file `where`, as the quantiser takes it: the same within float rounding.

    Raises InputError where a constant holds NaN or infinities, Unsupported where one is an output
    and where there are states, ModelError as `folded`.
    """
    where = where or graph.name
    for op in graph.ops:
        for t in op.inputs:
            if not t or not t.const or t.values.dtype.kind != "f":
                continue
            if not sane(t.values):
                raise InputError(
                    f"{where}: {op.said}: its constant '{brief(t.name)}' has"
                    f" NaN or infinite values, or some beyond {MOST_REAL:.0e}.",
                    ["Train the model again: its weights are lost."],
                )
    graph = fuse_dilations(without_tiles(folded(graph, where)))
    check_stateless(graph, where)
    for rule in (fused_scale, fused_activation, fused_padding):
        graph = fuse(graph, rule)
    check_outputs(graph, where)
    return drop_dead(graph)


def folded(graph: Graph, where: str) -> Graph:
    """`graph` with all that is known before any input, in float32.

    Raises ModelError unless every operator can be computed then.
    """
    graph = fold_constants(_float_constants(graph))
    check(graph, where)
    return graph


def _float_constants(graph: Graph) -> Graph:
    """Constants of int8 or float16 that float operators read become float32."""

    def real(t: Tensor | None, op: Op) -> Tensor | None:
        if t is None or not t.const or op.y.dtype != "float32" or op.tflite == "DEQUANTIZE":
            return t
        y = replace(t, dtype="float32", quant=None)
        values = Dequantize((t,), (y,)).constant()
        return t if values is None else replace(y, data=values)

    ops = tuple(replace(op, inputs=tuple(real(t, op) for t in op.inputs)) for op in graph.ops)
    return replace(graph, ops=ops)


def fuse(graph: Graph, rule: Fuse) -> Graph:
    """Put `rule(first, second)` in place of pairs, where only `second` reads what `first` makes."""
    ops = list(graph.ops)
    while (found := next(_pairs(graph, ops, rule), None)) is not None:
        i, j, fused = found
        ops[j] = fused
        del ops[i]
    return replace(graph, ops=tuple(ops))


def _pairs(graph: Graph, ops: list[Op], rule: Fuse) -> Iterator[tuple[int, int, Op]]:
    readers = replace(graph, ops=tuple(ops)).readers
    for i, op in enumerate(ops):
        reading = readers[op.y]
        if len(op.outputs) == len(reading) == 1 and op.y not in graph.outputs:
            fused = rule(op, reading[0])
            if fused is not None:
                yield i, ops.index(reading[0]), fused


def fused_activation(first: Op, second: Op) -> Op | None:
    """A RELU or RELU6 becomes the activation of the operator before it."""
    if not isinstance(second, Relu | Relu6) or getattr(first, "activation", None) != "NONE":
        return None
    if isinstance(first, Concatenation | L2Normalization):
        return None
    change: dict[str, Any] = {"activation": "RELU" if isinstance(second, Relu) else "RELU6"}
    return replace(first, outputs=second.outputs, **change)


def fused_scale(first: Op, second: Op) -> Op | None:
    """A product or sum with a constant a channel goes into the weights and the bias before it."""
    if not isinstance(first, Weighted) or first.activation != "NONE":
        return None
    values = by_channel(second, first.y)
    if values is None or not isinstance(second, Mul | Add | Sub):
        return None
    weights, bias = first.w.values, first.biases
    if isinstance(second, Mul):
        weights, bias = weights * first.along_outputs(values), bias * values
    else:
        bias = bias + values if isinstance(second, Add) else bias - values
    fused = first.with_weights(weights, bias)
    change: dict[str, Any] = {"activation": second.activation}
    return replace(fused, outputs=second.outputs, **change)


def by_channel(op: Op, x: Tensor) -> Array | None:
    """The constant (channels,) that a MUL, ADD or SUB has for each channel of `x`, which it reads.

    None of another operator, and where it is no constant a channel.
    """
    if not isinstance(op, Mul | Add | Sub) or op.y.shape != x.shape:
        return None
    a, b = op.inputs
    constant = b if a is x else a
    if constant is None or not constant.const or (isinstance(op, Sub) and a is not x):
        return None
    channels = x.shape[-1]
    if constant.size != 1 and (constant.size, constant.shape[-1]) != (channels, channels):
        return None
    values: Array = np.broadcast_to(constant.values.reshape(-1), (channels,))
    return values


def fused_padding(first: Op, second: Op) -> Op | None:
    """A PAD with zeros before a convolution without padding becomes SAME, where that is equal."""
    if not isinstance(first, Pad) or isinstance(first, PadV2) or len(first.x.shape) != 4:
        return None
    if not isinstance(second, Convolution) or second.padding != "VALID":
        return None
    (_, *frame, _), ends = first.pads(), (first.pads()[0], first.pads()[3])
    for size, pads, axis in zip(
        first.x.shape[1:3], frame, (second.rows, second.columns), strict=True
    ):
        same = geometry.axis(size, axis.kernel, axis.stride, axis.dilation, "SAME")
        if (same.out, same.before, max(0, same.after)) != (axis.out, *pads):
            return None
    if any(ends[0]) or any(ends[1]):
        return None
    return replace(second, inputs=(first.x, *second.inputs[1:]), padding="SAME")
