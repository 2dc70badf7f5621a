"""STRIDED_SLICE: every n-th element between two positions, of each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 4
"""As in TFLM."""

Index = tuple[slice | int, ...]


@dataclass(frozen=True, eq=False)
class StridedSlice(Op):
    """y = x[begin:end:stride] a dimension.

    Bit i of a mask is for dimension i: begin or end are ignored, or the dimension is dropped. TFLM
    reads no other masks.
    """

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False

    tflite = "STRIDED_SLICE"
    floats = True
    options = "StridedSliceOptions"
    max_version = 8
    types = ("int8", "int16")
    any_type = True
    one_scale = True

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
        return self.malformed() or _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def eval(self, *xs: Array) -> Array:
        return xs[0][(slice(None), *self._index())]

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 4):
            return reason
        if self.ellipsis_mask or self.new_axis_mask or self.offset:
            return "its ellipsis, new axes or offsets are not taken"
        rank = len(self.x.shape)
        for t in self.inputs[1:]:
            assert t is not None
            # TFLM reads int32: of one little-endian int64 that is its lower half, and enough.
            dtypes = ("int32", "int64") if rank == 1 else ("int32",)
            if not t.const or t.dtype not in dtypes or t.shape != (rank,):
                return f"'{t.name}' is not a constant of one int32 a dimension of its input"
        begins, _, strides = self._positions()
        if 0 in strides:
            return "a stride is 0"
        for i, (at, size) in enumerate(zip(begins, self.x.shape, strict=True)):
            if not self.shrink_axis_mask >> i & 1:
                continue
            if not self.begin_mask >> i & 1 and not -size <= at < size:
                return f"it takes element {at} of a dimension of {size}"
            if strides[i] < 0:
                return f"it drops dimension {i} with a negative stride: TFLM copies nothing there"
        sizes = zip(self._index(), self.x.shape, strict=True)
        expected = tuple(len(range(d)[k]) for k, d in sizes if isinstance(k, slice))
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

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
