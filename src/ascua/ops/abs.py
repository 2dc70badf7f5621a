"""ABS: the absolute value, rescaled to the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut


@dataclass(frozen=True, eq=False)
class Abs(Op):
    """y = |x|."""

    tflite = "ABS"
    floats = True
    options = "AbsOptions"
    max_version = 5
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        return _lut.condition(self) or _lut.factor(self._factor(), self.x.dtype)

    def _factor(self) -> float:
        return self.x.q.scale / self.y.q.scale

    def eval(self, *xs: Array) -> Array:
        def function(x: Array) -> Array:
            multiplier, shift = fixed.quantize_multiplier(self._factor())
            distance = np.abs(x - self.x.q.zero_point)
            scaled = fixed.multiply_by_quantized_multiplier(distance, multiplier, shift)
            return scaled + self.y.q.zero_point

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        return np.abs(xs[0])
