"""SQUARED_DIFFERENCE: the square of the difference of two tensors, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op, limits
from ascua.ops import _elementwise

HEADROOM = {"int8": 7, "int16": 0}
"""Bits that TFLM shifts its inputs to the left, before it scales them to a common scale."""


@dataclass(frozen=True, eq=False)
class SquaredDifference(Op):
    """y = (a - b)^2, one repeated along the other where the shapes differ."""

    tflite = "SQUARED_DIFFERENCE"
    floats = True
    options = "SquaredDifferenceOptions"
    max_version = 2
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def check(self) -> str | None:
        if reason := _elementwise.condition(self):
            return reason
        if fixed.quantize_multiplier(self.out_scale())[1] > 0:
            return (
                f"its output's scale {self.y.q.scale:g} is too fine for the squares of inputs of"
                f" the scale {self.coarsest():g}"
            )
        return None

    @property
    def headroom(self) -> int:
        """Bits that inputs are shifted to the left."""
        return HEADROOM[self.y.dtype]

    def coarsest(self) -> float:
        """The larger of the inputs' scales."""
        return max(t.q.scale for t in _elementwise.operands(self))

    def out_scale(self) -> float:
        """The real factor from the square to the output."""
        twice = 2 * self.coarsest()
        return twice * twice / (self.y.q.scale * (1 << (2 * self.headroom)))

    def eval(self, *xs: Array) -> Array:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        twice = 2 * max(a.q.scale, b.q.scale)
        to_output = fixed.quantize_multiplier(
            twice * twice / ((1 << (2 * self.headroom)) * self.y.q.scale)
        )

        def square(p: Array, q: Array) -> Array:
            scaled = [
                fixed.multiply_by_quantized_multiplier(
                    (x.astype(np.int64) - t.q.zero_point) << self.headroom,
                    *fixed.quantize_multiplier(t.q.scale / twice),
                )
                for x, t in ((p, a), (q, b))
            ]
            y = fixed.multiply_by_quantized_multiplier((scaled[0] - scaled[1]) ** 2, *to_output)
            clipped: Array = np.clip(y + self.y.q.zero_point, *limits(self.y.dtype))
            return clipped

        return _elementwise.over_pairs(self, xs, square)

    def eval_float(self, *xs: Array) -> Array:
        a, b = _elementwise.floats(self, xs)
        y: Array = np.square(a - b)
        return y
