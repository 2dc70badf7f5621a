"""RSQRT: one over the square root."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut
from ascua.ops.l2_normalization import inverse_square_root

HEADROOM = 20
"""Bits behind the binary point of 1 / sqrt(x)."""


@dataclass(frozen=True, eq=False)
class Rsqrt(Op):
    """y = 1 / sqrt(x); 127 for x = 0. TFLM stops at negative inputs: none can be here."""

    tflite = "RSQRT"
    floats = True
    elementwise = True
    max_version = 3

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        if self.x.q.zero_point != -128:
            return (
                f"its input may be negative, where TFLM stops: its zero point is"
                f" {self.x.q.zero_point} and not -128"
            )
        if not -31 <= self._factor()[1] - HEADROOM < 10:
            return (
                f"its scales {self.x.q.scale:g} and {self.y.q.scale:g} are beyond what TFLM"
                " computes with"
            )
        return None

    def _factor(self) -> tuple[int, int]:
        # In double precision, as tflite-micro 0.dev20261023 has it.
        return fixed.quantize_multiplier(1 / (math.sqrt(self.x.q.scale) * self.y.q.scale))

    def eval(self, *xs: Array) -> Array:
        multiplier, shift = self._factor()

        def function(x: Array) -> Array:
            x = x - self.x.q.zero_point
            root, root_shift = inverse_square_root(np.maximum(x, 1))
            root = fixed.multiply_by_quantized_multiplier(
                np.ones_like(x), root, root_shift + HEADROOM
            )
            y = fixed.multiply_by_quantized_multiplier(root, multiplier, shift - HEADROOM)
            return np.where(x == 0, 127, y + self.y.q.zero_point)

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            y: Array = 1 / np.sqrt(xs[0])
            return y
