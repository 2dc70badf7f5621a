"""SELECT_V2: one of two values, element by element, as a condition says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 5
"""The most that TFLM broadcasts."""


@dataclass(frozen=True, eq=False)
class SelectV2(Op):
    """y = a where the condition is true, b elsewhere; each is repeated where it has fewer."""

    tflite = "SELECT_V2"
    options = "SelectV2Options"
    max_version = 2
    types = ("int8", "int16", "bool")
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    @property
    def condition(self) -> Tensor:
        """What says which value is taken: bool."""
        return self.x

    @property
    def values(self) -> tuple[Tensor, Tensor]:
        """What is taken where the condition is true, and elsewhere."""
        _, a, b = self.inputs
        assert a is not None
        assert b is not None
        return a, b

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 3):
            return reason
        a, b = self.values
        reason = _conditions.first(
            *(_conditions.filled(t, MOST_DIMENSIONS) for t in (self.condition, a, b, self.y)),
            _conditions.dtype(self.condition, "bool"),
            _moves.one_type(self.y, a, b),
        )
        if reason:
            return reason
        shapes = self.condition.shape, a.shape, b.shape
        try:
            expected = np.broadcast_shapes(*shapes)
        except ValueError:
            return f"the shapes {', '.join(str([*s]) for s in shapes)} do not go together"
        return _conditions.output_shape(self, expected)

    def check(self) -> str | None:
        return (
            self.malformed()
            or _conditions.quantized(self, self.y, *self.values)
            or _conditions.same_quantization(self.y, *self.values)
            or self._constant()
        )

    def _constant(self) -> str | None:
        """None, or that nothing is computed."""
        return None if self.activations else "its inputs are constants; let the exporter fold it"

    def eval(self, *xs: Array) -> Array:
        computed = iter(xs)
        rank = len(self.y.shape)
        found = []
        for t in (self.condition, *self.values):
            x = t.values[None] if t.const else next(computed)
            found.append(x.reshape(len(x), *(1,) * (rank - len(t.shape)), *t.shape))
        y = np.where(*found)
        whole = (max(map(len, found)), *self.y.shape)
        return np.ascontiguousarray(np.broadcast_to(y, whole))

    def constant(self) -> Array | None:
        return None if self.activations else self.eval()[0]
