"""Where the elements of an ONNX array lie in a tensor: ONNX has channels first, TFLite last.

A node of ONNX that only moves or renames axes costs nothing here: its value is the same tensor,
seen with other axes. What needs a layout of its own asks for it, and gets a TRANSPOSE only where
no other view will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Tensor

Shape = tuple[int, ...]


class Axis(NamedTuple):
    """An axis of memory: how many elements, and how far apart these are in the flat ONNX array."""

    size: int
    stride: int


@dataclass(frozen=True)
class Value:
    """An array of ONNX with this `shape`, in a tensor whose memory has these axes."""

    tensor: Tensor
    shape: Shape
    axes: tuple[Axis, ...]

    def seen_as(self, shape: Shape) -> Value:
        """The same elements in the same order under another shape, as Reshape has it."""
        return replace(self, shape=shape)

    @property
    def places(self) -> Array:
        """Where each element of the flat tensor stands in the flat array: (size,) int64."""
        found = np.zeros(1, np.int64)
        for axis in self.axes:
            found = (found[:, None] + np.arange(axis.size) * axis.stride).ravel()
        return found


def value(tensor: Tensor, shape: Shape, order: Sequence[int] | None = None) -> Value:
    """A tensor whose axis i is axis `order[i]` of an array of `shape`; without, as it is."""
    apart = strides(shape)
    order = range(len(shape)) if order is None else order
    return Value(tensor, shape, tuple(Axis(shape[a], apart[a]) for a in order))


def strides(shape: Shape) -> Shape:
    """How far apart, in a flat array, the elements along each axis are."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def merged(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The same memory in the fewest axes: tensors with equal ones differ in their shape alone."""
    found: list[Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        if found and found[-1].stride == axis.size * axis.stride:
            found[-1] = Axis(found[-1].size * axis.size, axis.stride)
        else:
            found.append(axis)
    return tuple(found)


def order(v: Value) -> tuple[int, ...] | None:
    """The axes of the array in the order in which they lie in memory; None where they do not.

    Axes of one element can lie anywhere; they are put where the usual layouts have them.
    """
    by_stride = {s: a for a, s in enumerate(strides(v.shape)) if v.shape[a] > 1}
    found: list[int] = []
    for size, stride in merged(v.axes):
        parts: list[int] = []
        while size > 1:
            axis = by_stride.get(stride)
            if axis is None or size % v.shape[axis]:
                return None
            parts.insert(0, axis)
            size, stride = size // v.shape[axis], stride * v.shape[axis]
        found += parts
    rank = len(v.shape)
    for usual in (channels_last(rank), tuple(range(rank))):
        if [a for a in usual if v.shape[a] > 1] == found:
            return usual
    return (*(a for a in range(rank) if v.shape[a] == 1), *found)


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of axes with ONNX' second one at the end."""
    return (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))


def transposition(a: Sequence[Axis], b: Sequence[Axis]) -> tuple[Shape, tuple[int, ...]] | None:
    """How memory with the axes `a` becomes one with the axes `b`: a shape, an order of its axes.

    None where no common axes divide them.
    """
    ends = {end for axis in (*a, *b) for end in (axis.stride, axis.stride * axis.size)}
    one, other = _split(merged(a), ends), _split(merged(b), ends)
    if one is None or other is None:
        return None
    return tuple(axis.size for axis in one), tuple(one.index(axis) for axis in other)


def _split(axes: Sequence[Axis], ends: set[int]) -> list[Axis] | None:
    """The axes, cut at each of the `ends`; None where one cannot be."""
    found: list[Axis] = []
    for size, stride in axes:
        inside = sorted(e for e in ends if stride <= e <= stride * size)
        if any(q % p for p, q in pairwise(inside)):
            return None
        parts = [Axis(q // p, p) for p, q in pairwise(inside)]
        found += reversed(parts)
    return found


def cut(axes: Sequence[Axis], sizes: Sequence[int]) -> list[Axis] | None:
    """The same memory as axes of these `sizes`; None where it does not divide so."""
    found: list[Axis] = []
    rest = [s for s in sizes if s > 1]
    for size, stride in merged(axes):
        while size > 1:
            if not rest or size % rest[0]:
                return None
            size //= rest[0]
            found.append(Axis(rest.pop(0), stride * size))
    return found
