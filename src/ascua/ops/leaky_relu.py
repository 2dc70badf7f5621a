"""LEAKY_RELU: negative values times alpha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut


@dataclass(frozen=True, eq=False)
class LeakyRelu(Op):
    """y = x where x >= 0, alpha * x elsewhere."""

    alpha: float

    tflite = "LEAKY_RELU"
    floats = True
    options = "LeakyReluOptions"
    max_version = 2
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, float(node.options["alpha"]))

    def write(self) -> Mapping[str, Any]:
        return {"alpha": self.alpha}

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        factors = (self._identity(), self._slope())
        return _conditions.first(*(_lut.factor(f, self.x.dtype) for f in factors))

    # In double precision, as tflite-micro 0.dev20261023 has it; in 2023 both were single.
    def _identity(self) -> float:
        return _lut.ratio(self, self.x.q.scale, by=self.y.q.scale)

    def _slope(self) -> float:
        return _lut.ratio(self, self.x.q.scale, self.alpha, by=self.y.q.scale)

    def eval(self, *xs: Array) -> Array:
        slope = self._slope()

        def function(x: Array) -> Array:
            multiplier, shift = fixed.quantize_multiplier(abs(slope))
            below = fixed.multiply_by_quantized_multiplier(
                x - self.x.q.zero_point, multiplier, shift
            )
            # A negative slope turns the sign after the rounding.
            below = self.y.q.zero_point + (-below if slope < 0 else below)
            return np.where(
                x >= self.x.q.zero_point, _lut.rescaled(self, x, self._identity()), below
            )

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        return np.where(xs[0] >= 0, xs[0], xs[0] * np.float32(self.alpha))
