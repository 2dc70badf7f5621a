"""BROADCAST_TO: a tensor repeated along dimensions of 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 5
"""As in TFLM."""


@dataclass(frozen=True, eq=False)
class BroadcastTo(Op):
    """y = x, whose dimensions are those of y or 1, aligned at the last; the shape is constant."""

    tflite = "BROADCAST_TO"
    floats = True
    options = "BroadcastToOptions"
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
        reason = _conditions.arity(self, 2) or _moves.integers(
            self.inputs[1], "sizes", "int32", "int64"
        )
        if reason:
            return reason
        shape = tuple(_moves.listed(self.inputs[1]))
        own = (1,) * (len(shape) - len(self.x.shape)) + self.x.shape
        if len(own) != len(shape) or any(a not in (1, b) for a, b in zip(own, shape, strict=True)):
            return f"its input {list(self.x.shape)} cannot be broadcast to {list(shape)}"
        return _conditions.output_shape(self, shape) or _moves.one_type(self.x, self.y)

    def eval(self, *xs: Array) -> Array:
        filled = (1,) * (len(self.y.shape) - len(self.x.shape)) + self.x.shape
        whole = (len(xs[0]), *self.y.shape)
        return np.ascontiguousarray(np.broadcast_to(xs[0].reshape(-1, *filled), whole))

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
