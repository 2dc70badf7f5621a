"""HARD_SWISH: x times a sigmoid made of three straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut

HEADROOM = 7
"""Bits that TFLM shifts its int8 inputs to the left, into int16."""

MOST_SHIFT = 15
"""Of an int16 to the right."""


@dataclass(frozen=True, eq=False)
class HardSwish(Op):
    """y = x * min(max(x + 3, 0), 6) / 6, in int16."""

    tflite = "HARD_SWISH"
    floats = True
    elementwise = True
    options = "HardSwishOptions"

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        if not -MOST_SHIFT <= self._to_output()[1] <= 0:
            return (
                f"its scales {self.x.q.scale:g} and {self.y.q.scale:g} are too far apart: TFLM"
                f" takes outputs from 1/{1 << HEADROOM} of the input's scale on"
            )
        if not -MOST_SHIFT <= self._to_bend()[1] <= MOST_SHIFT:
            return f"its input's scale {self.x.q.scale:g} is beyond what TFLM computes with"
        return None

    def _to_output(self) -> tuple[int, int]:
        """Multiplier in int16 and shift to the output's scale."""
        return _halfword(_lut.ratio(self, self.x.q.scale / 2**HEADROOM, by=self.y.q.scale))

    def _to_bend(self) -> tuple[int, int]:
        """Multiplier in int16 and shift to the scale where 2**15 stands for 3."""
        return _halfword(_lut.ratio(self, self.x.q.scale / 2**HEADROOM, by=3 / 2**15))

    def eval(self, *xs: Array) -> Array:
        to_output, out_shift = self._to_output()
        to_bend, shift = self._to_bend()

        def function(x: Array) -> Array:
            wide = (x - self.x.q.zero_point) << HEADROOM
            ramp = _saturate(wide << max(shift - 1, 0))
            ramp = _high_mul(ramp, to_bend)
            ramp = _saturate(ramp << 1) if shift > 0 else ramp
            ramp = fixed.rounding_divide_by_pot(ramp, max(-shift, 0))
            # From [-1, 1] to [0, 1].
            ramp = (ramp + 2**15) >> 1
            product = ramp * _high_mul(wide, to_output)
            # Cut off towards 0, against the bias of the roundings before.
            y = np.sign(product) * (np.abs(product) >> 15)
            return fixed.rounding_divide_by_pot(y, -out_shift) + self.y.q.zero_point

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        y: Array = xs[0] * np.clip(xs[0] + 3, 0, 6) / np.float32(6)
        return y


def _halfword(real: float) -> tuple[int, int]:
    """`real` as a multiplier of 15 bits, and a shift."""
    multiplier, shift = fixed.quantize_multiplier(real)
    return min((multiplier + 2**15) >> 16, 2**15 - 1), shift


def _high_mul(a: Array, b: int) -> Array:
    """round(a * b / 2**15), half up, of int16."""
    return (a * b + 2**14) >> 15


def _saturate(x: Array) -> Array:
    clipped: Array = np.clip(x, -(2**15), 2**15 - 1)
    return clipped
