"""TILE: a tensor repeated as a whole, so often along each dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 8


@dataclass(frozen=True, eq=False)
class Tile(Op):
    """y = x, and again, `multiples` times along each dimension: the second input, constant.

    TFLM has no such operator; it moves values of any type as LiteRT does.
    """

    tflite = "TILE"
    options = "TileOptions"
    max_version = 3
    types = ("int8", "int16")
    floats = True
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    @property
    def multiples(self) -> list[int]:
        """How often the input stands along each dimension."""
        return _moves.listed(self.inputs[1])

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _moves.integers(self.inputs[1], "multiples")
        if reason:
            return reason
        if len(self.multiples) != len(self.x.shape) or any(m < 1 for m in self.multiples):
            return "its multiples are not one positive number a dimension"
        expected = tuple(n * m for n, m in zip(self.x.shape, self.multiples, strict=True))
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

    def eval(self, *xs: Array) -> Array:
        return np.tile(xs[0], (1, *self.multiples))

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
