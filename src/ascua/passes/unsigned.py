"""Restates uint8 networks, as TensorFlow 1 wrote them, in int8: every value less 128; and back.

What is known of int8 then holds; where LiteRT's uint8 arithmetic differs, operators look at their
field `uint8`. The network's own inputs and outputs stay uint8, with a QUANTIZE at each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Graph, Op, Tensor
from ascua.ops.dequantize import Dequantize
from ascua.ops.quantize import Quantize

TAKEN = frozenset(
    """ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_TO_SPACE_ND CONCATENATION CONV_2D DEPTHWISE_CONV_2D
    DEPTH_TO_SPACE DEQUANTIZE EXPAND_DIMS FULLY_CONNECTED HARD_SWISH LEAKY_RELU LOGISTIC MAXIMUM
    MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PADV2 PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6
    RESHAPE RESIZE_NEAREST_NEIGHBOR SHAPE SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT
    SPLIT_V SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV
    UNPACK""".split()  # noqa: SIM905
)
"""The operators whose uint8 arithmetic has been compared with LiteRT's."""

EDGE = "/int8"
"""What is added to the name of an input or output where it is restated."""


def is_uint8(graph: Graph) -> bool:
    """Whether more than the edges of a network, as `as_int8` gives it, was uint8."""
    return any(op.uint8 and not isinstance(op, (Quantize, Dequantize)) for op in graph.ops)


def condition(op: Op) -> str | None:
    """None, or why `op`, of uint8 tensors in the file, cannot be taken."""
    if op.uint8 and op.tflite not in TAKEN:
        return "LiteRT has no uint8 form of it, or one that Ascua does not compute"
    return None


def as_int8(graph: Graph) -> Graph:
    """`graph` with int8 in place of quantised uint8, but for its inputs and outputs.

    An operator that mixes both stays as it is: its own check refuses it.
    """
    known: dict[Tensor, Tensor] = {}

    def shifted(t: Tensor) -> Tensor:
        return known.setdefault(t, _shifted(t)) if _quantised(t) else t

    edges = [t for t in (*graph.inputs, *graph.outputs) if _quantised(t) and not t.const]
    for t in edges:
        known[t] = replace(_shifted(t), name=t.name + EDGE)
    ops: list[Op] = []
    for op in graph.ops:
        if any(_quantised(t) for t in (*op.inputs, *op.outputs)) and not _mixed(op):
            inputs = tuple(t and shifted(t) for t in op.inputs)
            outputs = tuple(shifted(t) for t in op.outputs)
            op = replace(op, inputs=inputs, outputs=outputs, uint8=True, version=None)
        ops.append(op)
    before = [Quantize((t,), (shifted(t),)) for t in graph.inputs if _quantised(t)]
    last = dict.fromkeys(t for t in edges if t not in graph.inputs)
    after = [Quantize((shifted(t),), (t,)) for t in last]
    states = tuple(
        replace(s, tensor=shifted(s.tensor), after=shifted(s.after)) for s in graph.states
    )
    return _with_first_values(replace(graph, ops=(*before, *ops, *after), states=states))


def _with_first_values(graph: Graph) -> Graph:
    """`graph` with the first values of its states in the types of their tensors."""
    states = tuple(
        replace(s, initial=(s.initial.view(np.uint8) ^ np.uint8(128)).view(s.tensor.dtype))
        if {s.tensor.dtype, str(s.initial.dtype)} == {"int8", "uint8"}
        else s
        for s in graph.states
    )
    return replace(graph, states=states)


def as_uint8(graph: Graph) -> Graph:
    """`graph`, all of whose int8 stands for uint8, as its file has it."""
    known: dict[Tensor | None, Tensor | None] = {None: None}

    def restated(t: Tensor | None) -> Tensor | None:
        return known.setdefault(t, t and _unshifted(t))

    def whole(ts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(u for t in ts if (u := restated(t)))

    ops = [
        replace(
            op,
            inputs=tuple(map(restated, op.inputs)),
            outputs=whole(op.outputs),
            uint8=False,
            version=None,
        )
        for op in graph.ops
    ]
    instead = {t: u for t in (*graph.given, *graph.left) if (u := restated(t))}
    return _with_first_values(graph.replaced(instead, ops))


def _quantised(t: Tensor | None) -> bool:
    return t is not None and t.dtype == "uint8" and t.quant is not None


def _mixed(op: Op) -> bool:
    if isinstance(op, (Quantize, Dequantize)):
        return False
    return any(t is not None and t.dtype in ("int4", "int8") for t in (*op.inputs, *op.outputs))


def _shifted(t: Tensor) -> Tensor:
    """`t` less 128."""
    quant = replace(t.q, zero_points=tuple(z - 128 for z in t.q.zero_points))
    data = None if t.data is None else (t.data ^ np.uint8(128)).view(np.int8)
    return replace(t, dtype="int8", quant=quant, data=data)


def _unshifted(t: Tensor) -> Tensor:
    """The int8 `t` and 128; others as they are."""
    if t.dtype != "int8" or t.quant is None:
        return t
    quant = replace(t.q, zero_points=tuple(z + 128 for z in t.q.zero_points))
    data = None if t.data is None else t.data.view(np.uint8) ^ np.uint8(128)
    return replace(t, dtype="uint8", quant=quant, data=data)
