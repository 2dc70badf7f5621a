"""REVERSE_V2: the elements along some axes in the other direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 6
"""As in TFLM."""


@dataclass(frozen=True, eq=False)
class ReverseV2(Op):
    """y[..., i, ...] = x[..., n - 1 - i, ...] along each axis of the second input."""

    tflite = "REVERSE_V2"
    floats = True
    options = "ReverseV2Options"
    max_version = 3
    types = ("int8", "int16")
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _moves.integers(self.inputs[1], "axes")
        if reason:
            return reason
        rank, axes = len(self.x.shape), _moves.listed(self.inputs[1])
        if not axes or any(not -rank <= a < rank for a in axes):
            return f"its axes {axes} do not exist in a tensor of {rank} dimensions"
        found = self.axes()
        if found != list(range(found[0], found[0] + len(axes))):
            return f"its axes {axes} do not follow one another, as TFLM wants"
        return _conditions.output_shape(self, self.x.shape) or _moves.one_type(self.x, self.y)

    def axes(self) -> list[int]:
        """The axes, counted from the first, ascending."""
        return sorted(a % len(self.x.shape) for a in _moves.listed(self.inputs[1]))

    def eval(self, *xs: Array) -> Array:
        return np.flip(xs[0], tuple(1 + a for a in self.axes()))

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
