"""What operators share that compare two values, and answer which of them is the greater."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ascua import fixed
from ascua.errors import brief
from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _conditions, _elementwise

PARTS = 2**8
"""Of a step of an input: what both are rounded to, times their scales."""


@dataclass(frozen=True, eq=False)
class Comparison(Op):
    """y = whether a and b are as `compares` has it, one repeated along the other.

    Both are taken in units of 1/256, rounded: values that lie closer together are equal.
    """

    types = ("int8", "bool")

    compares: ClassVar[np.ufunc]
    """The comparison, of numbers."""

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _elementwise.malformed(self) or _conditions.dtype(self.y, "bool")

    def check(self) -> str | None:
        if reason := _conditions.arity(self, 2):
            return reason
        pair = _elementwise.operands(self)
        reason = _conditions.first(
            *(_conditions.filled(t, _elementwise.MOST_DIMENSIONS) for t in (*pair, self.y)),
            _conditions.quantized(self, *pair),
        )
        return reason or _conditions.first(*map(_coarse, pair), self.malformed())

    def eval(self, *xs: Array) -> Array:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        return _elementwise.over_pairs(
            self, xs, lambda x, y: np.asarray(self.compares(_units(a, x), _units(b, y)))
        )


def _coarse(t: Tensor) -> str | None:
    """None, or that TFLM stops at the scale of `t`."""
    if t.q.scale < 1:
        return None
    return f"'{brief(t.name)}' has the scale {t.q.scale:g}; TFLM compares values of scales below 1"


def _units(t: Tensor, x: Array) -> Array:
    """The values `x` of `t` in units of 1/256."""
    steps = (x.astype(np.int64) - t.q.zero_point) * PARTS
    return fixed.multiply_by_quantized_multiplier(steps, *fixed.quantize_multiplier(t.q.scale))
