"""What operators share that compute a truth of two others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _elementwise


@dataclass(frozen=True, eq=False)
class Logical(Op):
    """y = what `connects` makes of a and b, one repeated along the other."""

    types = ("bool",)

    connects: ClassVar[np.ufunc]
    """The truth of two."""

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        if reason := _elementwise.malformed(self):
            return reason
        pair = _elementwise.operands(self)
        return _conditions.first(*(_conditions.dtype(t, "bool") for t in (*pair, self.y)))

    def check(self) -> str | None:
        if reason := self.malformed():
            return reason
        return _conditions.filled(self.y, _elementwise.MOST_DIMENSIONS)

    def eval(self, *xs: Array) -> Array:
        return _elementwise.over_pairs(self, xs, lambda a, b: np.asarray(self.connects(a, b)))
