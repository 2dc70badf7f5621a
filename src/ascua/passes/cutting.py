"""Operators and tensors with fewer channels: their weights, biases, scales and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops import Weighted
from ascua.ops.concatenation import Concatenation
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.reshape import Reshape
from ascua.ops.slice import Slice
from ascua.ops.split import Split, SplitV
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.transpose_conv import TransposeConv
from ascua.passes.ties import OF_TWO

N = TypeVar("N", int, float)

Kept: TypeAlias = Mapping[Tensor, Array]
"""The channels (n,) that stay, of each tensor that loses some; none of one that goes."""


@dataclass(frozen=True, eq=False)
class Former:
    """What a tensor was: another one, or these channels of it (None: all)."""

    tensor: Tensor
    channels: tuple[int, ...] | None = None

    def of(self, values: Array) -> Array:
        """The part of the older tensor's values (n, *shape) that stayed."""
        return values if self.channels is None else values[..., list(self.channels)]

    def behind(self, older: Former) -> Former:
        """The same of what the older tensor was before."""
        if self.channels is None or older.channels is None:
            return Former(older.tensor, self.channels or older.channels)
        return Former(older.tensor, tuple(older.channels[i] for i in self.channels))


Origins: TypeAlias = Mapping[Tensor, Former]
"""Of each activation of a graph, what it was in an older one."""


def cut(graph: Graph, kept: Kept, changed: Mapping[Op, Op]) -> tuple[Graph, Origins]:
    """`graph` without the channels that are not `kept`, and with other operators for some.

    Answers what each tensor was, too. What has no channel left goes, and who makes it.
    """
    new: dict[Tensor, Tensor] = {}
    origins: dict[Tensor, Former] = {}
    for t in graph.tensors():
        if t not in kept:
            origins[t] = Former(t)
        elif len(kept[t]):
            new[t] = replace(t, shape=(*t.shape[:-1], len(kept[t])))
            origins[new[t]] = Former(t, tuple(map(int, kept[t])))
    stay = (op for op in graph.ops if any(t not in kept or len(kept[t]) for t in op.outputs))
    ops = [_cut(changed.get(op, op), kept, new) for op in stay]
    made = replace(graph, ops=tuple(ops))
    there = set(made.tensors())
    return made, {t: o for t, o in origins.items() if t in there and not t.const}


def _cut(op: Op, kept: Kept, new: Mapping[Tensor, Tensor]) -> Op:
    """`op` between the new tensors."""
    if not any(t in kept for t in (*op.inputs, *op.outputs)):
        return op
    inputs = tuple(new.get(t, t) if t else t for t in op.inputs)
    outputs = tuple(new.get(t, t) for t in op.outputs)
    whole = replace(op, inputs=inputs, outputs=outputs)
    if isinstance(op, Weighted) and isinstance(whole, Weighted):
        return _weighted(op, whole, kept)
    if isinstance(op, OF_TWO) and op.y in kept:
        return replace(whole, inputs=tuple(t and _beside(t, op.y, kept[op.y]) for t in inputs))
    if isinstance(op, Concatenation):
        left = (new.get(t, t) for t in op.inputs if t and (t not in kept or len(kept[t])))
        return replace(whole, inputs=tuple(left))
    if isinstance(op, Split) and op.x in kept and op.at == len(op.x.shape) - 1:
        return _split(op, kept, new)
    if isinstance(op, Reshape):
        shape = [t and replaced(t, whole.y.shape) for t in inputs[1:]]
        assert isinstance(whole, Reshape)
        return replace(whole, inputs=(whole.x, *shape), new_shape=op.new_shape and whole.y.shape)
    return _positions(op, whole, kept)


def replaced(t: Tensor, values: tuple[int, ...]) -> Tensor:
    """The constant of integers `t` with other values; as it is where it has not as many.

    Such a shape, as old exporters write for one without dimensions, is read by nobody.
    """
    if t.size != len(values):
        return t
    data = np.array(values, t.values.dtype).reshape(t.shape)
    return t if np.array_equal(data, t.values) else replace(t, data=data)


def _weighted(op: Weighted, whole: Weighted, kept: Kept) -> Weighted:
    """Its weights, biases and scales without the channels that go."""
    w, bias = op.w, op.bias
    if op.x in kept and not isinstance(op, DepthwiseConv2D):
        # Of a matrix, each channel has several columns where the image is not flat.
        stays = np.isin(np.arange(w.shape[op.in_axis]) % op.x.shape[-1], kept[op.x])
        w = sliced(w, op.in_axis, np.flatnonzero(stays))
    inputs = list(whole.inputs)
    if op.y in kept:
        w = sliced(w, op.out_axis, kept[op.y])
        if bias is not None:
            flat = replace(bias, shape=(bias.size,), data=bias.values.reshape(-1))
            bias = sliced(flat, 0, kept[op.y])
            if w.quant is not None and len(w.q.scales) == 1:
                # Of one scale TFLM looks whether the bias has it, too.
                scale = float(np.float32(op.x.q.scale * w.q.scale))
                bias = replace(bias, quant=Quant((scale,), (0,)))
            inputs[op.optional[0]] = bias
    inputs[1] = w
    if isinstance(whole, DepthwiseConv2D) and op.x.shape[-1] == 1:
        return replace(whole, inputs=tuple(inputs), multiplier=w.shape[op.out_axis])
    shape = inputs[0]
    if isinstance(op, TransposeConv) and shape is not None:
        inputs[0] = replaced(shape, whole.y.shape)
    return replace(whole, inputs=tuple(inputs))


def sliced(t: Tensor, axis: int, at: Array) -> Tensor:
    """The constant `t` with the slices `at` of an axis alone, and their scales."""
    data = np.ascontiguousarray(np.take(t.values, at, axis))
    q = t.quant
    if q is not None and q.per_channel and q.axis == axis:
        n = len(q.scales)
        least, most = (_picked(v, at) if len(v) == n else v for v in (q.min, q.max))
        q = Quant(_picked(q.scales, at), _picked(q.zero_points, at), axis, least, most)
    return replace(t, shape=data.shape, data=data, quant=q)


def _picked(values: tuple[N, ...], at: Array) -> tuple[N, ...]:
    return tuple(values[i] for i in at)


def _beside(t: Tensor, y: Tensor, at: Array) -> Tensor:
    """The constant operand `t` beside what makes `y`, unless it is repeated along channels."""
    if not t.const or t.shape[-1:] != y.shape[-1:] or t.shape[-1] == 1:
        return t
    return sliced(t, len(t.shape) - 1, at)


def _split(op: Split, kept: Kept, new: Mapping[Tensor, Tensor]) -> Op:
    """Parts of any sizes, without those of which nothing stays."""
    left = tuple(new.get(t, t) for t in op.outputs if t not in kept or len(kept[t]))
    sizes = np.array([t.shape[-1] for t in left], np.int32)
    listed = Tensor(f"{op.name}/sizes", sizes.shape, "int32", None, sizes)
    return SplitV((new.get(op.x, op.x), listed, op.axis), left, uint8=op.uint8)


def _positions(op: Op, whole: Op, kept: Kept) -> Op:
    """The positions of a slice among the channels that stay."""
    if isinstance(op, Slice):
        begin, size = op.begin(), op.size()
        stay = kept.get(op.x, np.arange(op.x.shape[-1]))
        begin[-1], size[-1] = int((stay < begin[-1]).sum()), whole.y.shape[-1]
        b, s = (t and replaced(t, tuple(v)) for t, v in zip(op.inputs[1:], (begin, size),
                                                            strict=True))  # fmt: skip
        return replace(whole, inputs=(whole.x, b, s))
    if isinstance(op, StridedSlice):
        end = op.inputs[2]
        assert end is not None
        ends = (*map(int, end.values[:-1]), whole.x.shape[-1])
        return replace(whole, inputs=(whole.x, op.inputs[1], replaced(end, ends), op.inputs[3]))
    return whole
