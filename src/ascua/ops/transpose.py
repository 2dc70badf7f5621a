"""TRANSPOSE: the dimensions in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 5
"""As in TFLM."""


@dataclass(frozen=True, eq=False)
class Transpose(Op):
    """Dimension i of y is dimension order[i] of x; the order is the second input."""

    tflite = "TRANSPOSE"
    floats = True
    options = "TransposeOptions"
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
        reason = _conditions.arity(self, 2) or _moves.integers(
            self.inputs[1], "order of dimensions"
        )
        if reason:
            return reason
        rank = len(self.x.shape)
        if sorted(self.order()) != list(range(rank)):
            return f"its order {self.order()} is not one of dimensions 0 to {rank - 1}"
        expected = tuple(self.x.shape[i] for i in self.order())
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

    def order(self) -> list[int]:
        """The dimension of x for each dimension of y."""
        return _moves.listed(self.inputs[1])

    def eval(self, *xs: Array) -> Array:
        return xs[0].transpose(0, *(1 + i for i in self.order()))

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
