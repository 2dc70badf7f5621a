"""Which channels go together: how each operator carries the last axis of its tensors.

Where an operator computes a channel of its output from the same channel of its inputs, none of
them can go without the others. Operators with weights make every channel anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor, each
from ascua.ops import Pool2D, Reduction, Weighted
from ascua.ops.add import Add
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.concatenation import Concatenation
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.dequantize import Dequantize
from ascua.ops.div import Div
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum
from ascua.ops.mul import Mul
from ascua.ops.pack import Pack
from ascua.ops.pad import Pad
from ascua.ops.prelu import Prelu
from ascua.ops.reshape import Reshape
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.slice import Slice
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.ops.split import Split
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.squeeze import Squeeze
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.sub import Sub
from ascua.ops.transpose import Transpose
from ascua.ops.unpack import Unpack
from ascua.passes.ranges import OF_ONE_VALUE

Tie: TypeAlias = list[tuple[Tensor, Array]]
"""Tensors, each with as many channels as the others: element i of all of them go together."""

OF_TWO = (Add, Div, Maximum, Minimum, Mul, Prelu, SquaredDifference, Sub)
"""Operators on pairs of elements, one side repeated where it has fewer."""

IN_PLACE = (
    *OF_ONE_VALUE, BatchToSpaceND, Dequantize, Pool2D, ResizeBilinear, ResizeNearestNeighbor,
    SpaceToBatchND,
)  # fmt: skip
"""Operators of one input that do the same with every channel."""

MOVES = (Concatenation, Pack, Slice, Split, StridedSlice, Transpose, Unpack)
"""Operators that copy; where the last axis stays whole, they tie it."""

VIEWS = (ExpandDims, Reshape, Squeeze)


def makes_anew(op: Op) -> bool:
    """Whether each channel that `op` makes is a sum over all channels that it reads.

    A matrix that has fewer columns than its input has channels mixes them otherwise.
    """
    whole = isinstance(op, Weighted) and not op.w.shape[op.in_axis] % op.x.shape[-1]
    return whole and not isinstance(op, DepthwiseConv2D)


def ties(op: Op) -> list[Tie] | None:
    """What `op`, which does not make channels anew, ties; None where it needs all as they are.

    A tensor that no tie has is needed whole.
    """
    if any(not t.shape for t in (*op.activations, *op.outputs)):
        return None
    x, y = op.x, op.y
    if isinstance(op, DepthwiseConv2D):
        if x.shape[-1] == 1:  # a lower multiplier makes fewer of it
            return [[(y, _all(y))]]
        return [[(x, np.repeat(_all(x), op.multiplier)), (y, _all(y))]]
    if isinstance(op, OF_TWO):
        full = [t for t in op.activations if t.shape[-1] == y.shape[-1]]
        return [[(t, _all(t)) for t in (*full, y)]]
    if isinstance(op, IN_PLACE):
        return [[(x, _all(x)), (y, _all(y))]] if x.shape[-1] == y.shape[-1] else None
    if isinstance(op, Pad):
        return None if any(op.pads()[-1]) else [[(x, _all(x)), (y, _all(y))]]
    if isinstance(op, Reduction):
        rank = len(x.shape)
        reduced = {int(a) % rank for a in op.named.values.reshape(-1)}
        return None if rank - 1 in reduced else [[(x, _all(x)), (y, _all(y))]]
    if isinstance(op, VIEWS):
        return _of_view(x, y)
    return _of_move(op) if isinstance(op, MOVES) else None


def _all(t: Tensor) -> Array:
    return np.arange(t.shape[-1])


def _of_view(x: Tensor, y: Tensor) -> list[Tie] | None:
    """The same bytes: the longer last axis holds the shorter one several times."""
    short, long = sorted((x.shape[-1], y.shape[-1]))
    if long % short:
        return None
    return [[(t, np.arange(long) % t.shape[-1]) for t in (x, y)]]


def _of_move(op: Op) -> list[Tie] | None:
    """Parts of the last axis beside each other, or the whole of it."""
    if isinstance(op, Concatenation) and op.at == len(op.y.shape) - 1:
        return _parts(op.y, op.activations)
    if isinstance(op, Split) and op.at == len(op.x.shape) - 1:
        return _parts(op.x, op.outputs)
    if isinstance(op, Slice):
        begin = op.begin()[-1]
        return [[(op.x, begin + _all(op.y)), (op.y, _all(op.y))]]
    return [[(t, _all(t)) for t in (*op.activations, *op.outputs)]] if _stays(op) else None


def _stays(op: Op) -> bool:
    """Whether what `op` copies from channel i of its inputs lies in channel i of its outputs.

    It is asked to copy the numbers of channels.
    """
    tensors = (*op.activations, *op.outputs)
    if {t.shape[-1] for t in tensors} != {op.y.shape[-1]}:
        return False
    numbers = [np.broadcast_to(_all(t), (1, *t.shape)) for t in op.activations]
    return all((y == _all(op.y)).all() for y in each(op.eval(*numbers)))


def _parts(whole: Tensor, parts: Iterable[Tensor]) -> list[Tie]:
    found: list[Tie] = []
    start = 0
    for t in parts:
        found.append([(whole, start + _all(t)), (t, _all(t))])
        start += t.shape[-1]
    return found


class Channels:
    """The channels of all activations of a graph, each with a number, and which go together."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.numbers: dict[Tensor, Array] = {}
        count = 0
        for t in graph.tensors():
            if not t.const:
                n = t.shape[-1] if t.shape else 1
                self.numbers[t] = np.arange(count, count + n)
                count += n
        self._above = np.arange(count)
        needed = [t for t in (*graph.given, *graph.left) if not t.const]
        filters = Counter(op.w for op in graph.ops if isinstance(op, Weighted))
        for op in graph.ops:
            if isinstance(op, Weighted) and filters[op.w] > 1:
                # Cut for each of its readers, a tensor would be there several times.
                needed += [op.x, op.y]
            if not makes_anew(op):
                needed += self._tie(op)
        self.group = np.array([self._top(i) for i in range(count)], int)
        """The group of each channel: the number of one of them."""
        self.pinned = np.zeros(count, bool)
        """By group: whether something needs one of its channels, whatever its values."""
        for t in needed:
            self.pinned[self.of(t)] = True

    def of(self, t: Tensor) -> Array:
        """The group of each channel of `t` (channels,)."""
        found: Array = self.group[self.numbers[t]]
        return found

    def _tie(self, op: Op) -> list[Tensor]:
        """Tie what `op` ties; answers the tensors that it needs whole."""
        found = ties(op)
        tied: set[Tensor] = set()
        for tie in found or ():
            (first, at), *others = tie
            for t, there in others:
                for i, j in zip(self.numbers[first][at], self.numbers[t][there], strict=True):
                    self._above[self._top(int(i))] = self._top(int(j))
            tied.update(t for t, _ in tie)
        return [t for t in (*op.activations, *op.outputs) if t not in tied]

    def _top(self, i: int) -> int:
        while self._above[i] != i:
            self._above[i] = self._above[self._above[i]]
            i = int(self._above[i])
        return i
