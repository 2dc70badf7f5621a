"""What every element of every activation can be, whatever the input: its least and greatest value.

They hold for each input of the graph's types and each state. Padding comes out exactly, so what is
constant may be another constant at the borders. All of it rests on what operators state in `eval`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor, each, limits
from ascua.ops import Pool2D, Weighted
from ascua.ops.abs import Abs
from ascua.ops.add import Add
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.broadcast_to import BroadcastTo
from ascua.ops.concatenation import Concatenation
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.elu import Elu
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.gather import Gather
from ascua.ops.gather_nd import GatherNd
from ascua.ops.hard_swish import HardSwish
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.maximum import Maximum
from ascua.ops.mean import Mean
from ascua.ops.minimum import Minimum
from ascua.ops.mirror_pad import MirrorPad
from ascua.ops.mul import Mul
from ascua.ops.pack import Pack
from ascua.ops.pad import Pad
from ascua.ops.prelu import Prelu
from ascua.ops.quantize import Quantize
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.reshape import Reshape
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.reverse_v2 import ReverseV2
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.slice import Slice
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.split import Split
from ascua.ops.squeeze import Squeeze
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.sub import Sub
from ascua.ops.sum import Sum
from ascua.ops.tanh import Tanh
from ascua.ops.transpose import Transpose
from ascua.ops.unpack import Unpack

RISING = (
    Add, BatchToSpaceND, BroadcastTo, Concatenation, DepthToSpace, ExpandDims, Gather,
    GatherNd, Maximum, Mean, Minimum, MirrorPad, Pack,
    Pad, Pool2D, ReduceMax, ReduceMin, Reshape, ResizeBilinear, ResizeNearestNeighbor, ReverseV2,
    Slice, SpaceToBatchND, SpaceToDepth, Split, Squeeze, StridedSlice, Sum, Transpose, Unpack,
)  # fmt: skip
"""Operators none of whose outputs falls where an input rises: scales are positive."""

OF_ONE_VALUE = (Abs, Elu, HardSwish, LeakyRelu, Logistic, Quantize, Relu, Relu6, Rsqrt, Tanh)
"""Operators that map each value to one."""

HELD = ("int8", "int16")
"""The types of activations that there are ranges of."""

EVERY = np.arange(-128, 128).astype(np.int8)


class Range(NamedTuple):
    """The least and the greatest values of a tensor, in its shape and type."""

    low: Array
    high: Array

    @property
    def constant(self) -> Array:
        """Where an element has one value for every input: booleans in its shape."""
        same: Array = self.low == self.high
        return same


Ranges: TypeAlias = Mapping[Tensor, Range]
"""Of each activation of int8 or int16."""


def ranges(graph: Graph) -> Ranges:
    """The range of each int8 or int16 activation of a graph that `passes.check` takes."""
    found = {t: whole(t) for t in graph.given if t.dtype in HELD}
    for op in graph.ops:
        found |= {y: r for y, r in zip(op.outputs, outputs(op, found), strict=True) if r}
    return found


def whole(t: Tensor) -> Range:
    """All that the type of `t` can hold."""
    low, high = limits(t.dtype)
    return Range(*(np.broadcast_to(np.array(v, t.dtype), t.shape) for v in (low, high)))


def outputs(op: Op, known: Ranges) -> list[Range | None]:
    """The range of each output of `op`, or None for one of another type."""
    found: list[Range] | None = None
    if all(t in known for t in op.activations) and not op.uint8:
        inputs = [known[t] for t in op.activations]
        if rule := _rule(op):
            found = rule(op, inputs)
    if found is None or any(y.dtype not in HELD for y in op.outputs):
        return [whole(y) if y.dtype in HELD else None for y in op.outputs]
    return list(found)


Rule: TypeAlias = Callable[[Op, list[Range]], list[Range] | None]


def _rule(op: Op) -> Rule | None:
    """How the ranges of outputs follow from those of the inputs; None where nothing is known."""
    if op.x.dtype not in HELD or op.y.dtype not in HELD:
        return None
    if isinstance(op, RISING):
        return _rising
    if op.x.dtype != "int8":
        return None
    if isinstance(op, OF_ONE_VALUE):
        return _of_one_value
    if isinstance(op, Weighted):
        return _weighted
    if isinstance(op, Mul | Sub):
        return _corners
    return _bent if isinstance(op, Prelu) else None


def _rising(op: Op, inputs: list[Range]) -> list[Range]:
    """The least inputs give the least outputs."""
    return [Range(*y) for y in each(op.eval(*map(np.stack, inputs)))]


def _of_one_value(op: Op, inputs: list[Range]) -> list[Range]:
    """The least and the greatest entry of the operator's table between two values."""
    line = replace(
        op,
        inputs=(replace(op.x, shape=EVERY.shape),),
        outputs=(replace(op.y, shape=EVERY.shape),),
    )
    table = each(line.eval(EVERY[None]))[0][0].astype(np.int64)
    behind = np.arange(256) >= np.arange(256)[:, None]
    least, greatest = limits(op.y.dtype)
    low = np.minimum.accumulate(np.where(behind, table, greatest), axis=1)
    high = np.maximum.accumulate(np.where(behind, table, least), axis=1)
    at = tuple(v.astype(np.int64) + 128 for v in inputs[0])
    return [Range(low[at].astype(op.y.dtype), high[at].astype(op.y.dtype))]


def _corners(op: Op, inputs: list[Range]) -> list[Range]:
    """A product or a difference is least and greatest at ends of both inputs."""
    return _extremes(op, product(*inputs))


def _bent(op: Op, inputs: list[Range]) -> list[Range]:
    """A PRELU may also turn where its input passes the zero point."""
    low, high = inputs[0]
    zero = op.x.q.zero_point
    turns = [np.clip(v, low, high).astype(low.dtype) for v in (zero, max(zero - 1, -128))]
    return _extremes(op, product((low, high, *turns), *inputs[1:]))


def _extremes(op: Op, cases: product[tuple[Array, ...]]) -> list[Range]:
    """The least and the greatest outputs of some inputs."""
    stacked = [np.stack(xs) for xs in zip(*cases, strict=True)]
    (y,) = each(op.eval(*stacked))
    return [Range(y.min(axis=0), y.max(axis=0))]


def _weighted(op: Op, inputs: list[Range]) -> list[Range] | None:
    """Positive weights take the least input for the least sum, negative ones the greatest.

    What padding is read adds 0. The sums are exact; where they might pass 32 bits, nothing is
    said, and where they do not, requantisation rises with them.
    """
    assert isinstance(op, Weighted)
    low, high = (v[None].astype(np.float64) - op.x.q.zero_point for v in inputs[0])
    w = op.matrices().astype(np.float64).transpose(0, 2, 1)
    above, below = np.maximum(w, 0), np.minimum(w, 0)
    least, most = op.patches(low), op.patches(high)
    ends = [least @ above + most @ below, most @ above + least @ below]
    sums = [v.transpose(1, 0, 2).reshape(-1, op.channels) for v in ends]
    bias = 0 if op.bias is None else op.biases.astype(np.float64)
    if any(np.abs(v + bias).max(initial=0) >= 2.0**31 for v in sums):
        return None
    return [Range(*(op.finish(v.astype(np.int64), 1)[0] for v in sums))]
