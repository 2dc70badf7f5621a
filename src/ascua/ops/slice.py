"""SLICE: a part of a tensor, from one position on, of a given size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 5
"""As in TFLM."""


@dataclass(frozen=True, eq=False)
class Slice(Op):
    """y = x[begin : begin + size] a dimension; a size of -1 goes to the end."""

    tflite = "SLICE"
    floats = True
    options = "SliceOptions"
    max_version = 6
    types = ("int8", "int16")
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 3) or _conditions.first(
            *(
                _moves.integers(t, what, "int32", "int64")
                for t, what in zip(self.inputs[1:], ("positions", "sizes"), strict=True)
            )
        )
        if reason:
            return reason
        begin, size = self.begin(), self.size()
        if len(begin) != len(self.x.shape) or len(size) != len(begin):
            return f"it has {len(begin)} positions and {len(size)} sizes for {len(self.x.shape)}"
        for b, s, d in zip(begin, size, self.x.shape, strict=True):
            if b < 0 or s < -1 or b + s > d:
                return f"it takes {s} elements from {b} of a dimension of {d}"
        sizes = zip(begin, size, self.x.shape, strict=True)
        expected = tuple(d - b if s == -1 else s for b, s, d in sizes)
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

    def begin(self) -> list[int]:
        """The first position of each dimension."""
        return _moves.listed(self.inputs[1])

    def size(self) -> list[int]:
        """The size of each dimension, or -1."""
        return _moves.listed(self.inputs[2])

    def eval(self, *xs: Array) -> Array:
        sizes = zip(self.begin(), self.size(), strict=True)
        index = [slice(b, None if s == -1 else b + s) for b, s in sizes]
        return xs[0][(slice(None), *index)]

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
