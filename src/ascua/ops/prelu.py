"""PRELU: negative values times a learned alpha, as a rule one a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op, Tensor, limits
from ascua.ops import _conditions, _elementwise, _lut

MOST_SLOPE = {"int8": 2**14, "int16": 2**8}
"""From this factor on, TFLM's int32 product of x and alpha would overflow."""


@dataclass(frozen=True, eq=False)
class Prelu(Op):
    """y = x where x >= 0, alpha * x elsewhere."""

    tflite = "PRELU"
    floats = True
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    @property
    def alpha(self) -> Tensor:
        """The slopes of negative values."""
        assert self.inputs[1] is not None
        return self.inputs[1]

    @property
    def dtypes(self) -> frozenset[str]:
        """Alpha, computed or not, is no activation: beside int16 it is int8."""
        return frozenset((self.x.dtype, self.y.dtype))

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def check(self) -> str | None:
        if reason := _elementwise.condition(self, "int8") or _conditions.computed(self.x):
            return reason
        if self.slope() >= MOST_SLOPE[self.x.dtype]:
            return f"its output's scale {self.y.q.scale:g} is too fine for its inputs' scales"
        return _lut.factor(self.identity(), self.x.dtype)

    def identity(self) -> float:
        """The real factor from x to the output."""
        return self.x.q.scale / self.y.q.scale

    def slope(self) -> float:
        """The real factor from the product of x and alpha to the output."""
        return self.x.q.scale * self.alpha.q.scale / self.y.q.scale

    def eval(self, *xs: Array) -> Array:
        identity = fixed.quantize_multiplier(self.x.q.scale / self.y.q.scale)
        slope = fixed.quantize_multiplier(self.x.q.scale * self.alpha.q.scale / self.y.q.scale)

        def bent(p: Array, q: Array) -> Array:
            x = p.astype(np.int64) - self.x.q.zero_point
            alpha = q.astype(np.int64) - self.alpha.q.zero_point
            above = fixed.multiply_by_quantized_multiplier(x, *identity)
            below = fixed.multiply_by_quantized_multiplier(x * alpha, *slope)
            y = np.where(x >= 0, above, below) + self.y.q.zero_point
            clipped: Array = np.clip(y, *limits(self.y.dtype))
            return clipped

        return _elementwise.over_pairs(self, xs, bent)

    def eval_float(self, *xs: Array) -> Array:
        x, alpha = _elementwise.floats(self, xs)
        return np.where(x >= 0, x, x * alpha)
