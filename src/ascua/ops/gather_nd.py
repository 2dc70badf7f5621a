"""GATHER_ND: slices of a tensor at listed coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 8
"""TFLM takes any number."""

MOST_COORDINATES = 5
"""Of one slice, as in TFLM."""


@dataclass(frozen=True, eq=False)
class GatherNd(Op):
    """y[i, ...] = x[indices[i], ...]; the indices, whose last axis is of coordinates, are constant.

    Coordinates are of the first dimensions of x.
    """

    tflite = "GATHER_ND"
    options = "GatherNdOptions"
    max_version = 5
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    @property
    def indices(self) -> Tensor:
        """The coordinates (..., n)."""
        assert self.inputs[1] is not None
        return self.inputs[1]

    def check(self) -> str | None:
        if reason := self.malformed():
            return reason
        if self.indices.shape[-1] > MOST_COORDINATES:
            return f"it has {self.indices.shape[-1]} coordinates; TFLM takes {MOST_COORDINATES}"
        return _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _moves.integers(self.inputs[1], "indices")
        if reason:
            return reason
        if not self.indices.shape or 0 in self.indices.shape:
            return f"its indices have the shape {list(self.indices.shape)}"
        n = self.indices.shape[-1]
        if n > len(self.x.shape):
            return f"it has {n} coordinates in a tensor of {len(self.x.shape)} dimensions"
        if ((self.indices.values < 0) | (self.indices.values >= self.x.shape[:n])).any():
            return f"it takes slices outside {list(self.x.shape)}"
        expected = (*self.indices.shape[:-1], *self.x.shape[n:])
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

    def eval(self, *xs: Array) -> Array:
        y: Array = xs[0][:, *self.indices.values.reshape(-1, self.indices.shape[-1]).T]
        return y.reshape(len(xs[0]), *self.y.shape)

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
