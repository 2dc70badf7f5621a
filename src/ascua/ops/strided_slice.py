"""STRIDED_SLICE of shapes: every n-th element between two positions, known before any input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import conditions

MOST_DIMENSIONS = 4
"""As in TFLM."""

Index = tuple[slice | int, ...]


@dataclass(frozen=True, eq=False)
class StridedSlice(Op):
    """y = x[begin:end:stride] a dimension.

    Bit i of a mask is for dimension i: begin or end are ignored, or the dimension is dropped.
    """

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False

    tflite = "STRIDED_SLICE"
    options = "StridedSliceOptions"
    max_version = 8

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(
            node.inputs,
            node.outputs,
            begin_mask=int(o["begin_mask"]),
            end_mask=int(o["end_mask"]),
            ellipsis_mask=int(o["ellipsis_mask"]),
            new_axis_mask=int(o["new_axis_mask"]),
            shrink_axis_mask=int(o["shrink_axis_mask"]),
            offset=bool(o["offset"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "begin_mask": self.begin_mask,
            "end_mask": self.end_mask,
            "ellipsis_mask": self.ellipsis_mask,
            "new_axis_mask": self.new_axis_mask,
            "shrink_axis_mask": self.shrink_axis_mask,
            "offset": self.offset,
        }

    def check(self) -> str | None:
        if reason := self._malformed():
            return reason
        if self.constant() is not None:
            return None
        return (
            f"it slices the data '{self.x.name}'; only slices of shapes are taken: slice before"
            " the model's input or after its output"
        )

    def eval(self, *xs: Array) -> Array:
        return xs[0][(slice(None), *self._index())]

    def constant(self) -> Array | None:
        if self._malformed() or not self.x.const:
            return None
        values: Array = np.asarray(self.x.values[self._index()])
        return values if values.shape == self.y.shape else None

    def _malformed(self) -> str | None:
        if reason := conditions.arity(self, 4):
            return reason
        if self.ellipsis_mask or self.new_axis_mask or self.offset:
            return "its ellipsis, new axes or offsets are not taken"
        rank = len(self.x.shape)
        if rank > MOST_DIMENSIONS:
            return f"'{self.x.name}' has {rank} dimensions; at most {MOST_DIMENSIONS} are taken"
        for t in self.inputs[1:]:
            assert t is not None
            if not t.const or t.dtype not in ("int32", "int64") or t.shape != (rank,):
                return f"'{t.name}' is not a constant of one integer a dimension of its input"
        _, _, strides = self._positions()
        if 0 in strides:
            return "a stride is 0"
        for i, (at, size) in enumerate(zip(self._positions()[0], self.x.shape, strict=True)):
            if self.shrink_axis_mask >> i & 1 and not -size <= at < size:
                return f"it takes element {at} of a dimension of {size}"
        return None

    def _positions(self) -> list[list[int]]:
        """Begin, end and stride of each dimension."""
        return [[int(v) for v in t.values] for t in self.inputs[1:4] if t is not None]

    def _index(self) -> Index:
        """The index that does it in NumPy, whose rules for negative and far positions are TF's."""
        index: list[slice | int] = []
        for i, (begin, end, stride) in enumerate(zip(*self._positions(), strict=True)):
            if self.shrink_axis_mask >> i & 1:
                index.append(0 if self.begin_mask >> i & 1 else begin)
            else:
                index.append(
                    slice(
                        None if self.begin_mask >> i & 1 else begin,
                        None if self.end_mask >> i & 1 else end,
                        stride,
                    )
                )
        return tuple(index)
