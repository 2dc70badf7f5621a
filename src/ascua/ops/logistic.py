"""LOGISTIC: the sigmoid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut, _sigmoids
from ascua.ops.softmax import exp_of_negative, reciprocal_of_one_plus

INTEGER_BITS = 4
"""Of the fixed-point number that TFLM takes the sigmoid of; 27 are after the binary point."""


@dataclass(frozen=True, eq=False)
class Logistic(Op):
    """y = 1 / (1 + exp(-x)), in steps of 1/256."""

    tflite = "LOGISTIC"
    floats = True
    max_version = 3
    types = ("int8", "int16")
    elementwise = True
    output_range = (0.0, 1.0)

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        if self.x.dtype == "int16":
            return _sigmoids.condition(self)
        if (self.y.q.scale, self.y.q.zero_point) != (1 / 256, -128):
            return (
                f"its output has the scale {self.y.q.scale:g} and the zero point"
                f" {self.y.q.zero_point}; an int8 sigmoid has 1/256 and -128"
            )
        scale = self.x.q.scale
        # From 8 on, the first step is beyond both ends; LiteRT's uint8 zero differs there.
        if not 2**-27 <= scale <= 2**20 or (self.uint8 and scale >= 8):
            return f"its input's scale {scale:g} is beyond what TFLM computes with"
        return None

    def eval(self, *xs: Array) -> Array:
        if self.x.dtype == "int16":
            return _lut.over_values(self, xs[0], lambda x: _sigmoids.logistic(self, x))
        fraction, shift = math.frexp(self.x.q.scale * 2 ** (31 - INTEGER_BITS))
        radius = math.floor((2**INTEGER_BITS - 1) * 2 ** (31 - INTEGER_BITS) / 2**shift)

        def function(x: Array) -> Array:
            x = x - self.x.q.zero_point
            inside = np.clip(x, -radius, radius)
            scaled = fixed.multiply_by_quantized_multiplier(inside, round(fraction * 2**31), shift)
            y = fixed.rounding_divide_by_pot(sigmoid(scaled), 23) - 128
            return np.where(x <= -radius, -128, np.where(x >= radius, 127, y))

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        return _lut.sigmoid(xs[0].astype(np.float64)).astype(np.float32)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) in Q0 for x in Q4, as gemmlowp has it."""
    positive = reciprocal_of_one_plus(exp_of_negative(-np.abs(x), INTEGER_BITS))
    y: Array = np.where(x > 0, positive, 2**31 - 1 - positive)
    return np.where(x == 0, 2**30, y)
