"""Kernels of TANH: the hyperbolic tangent."""

from __future__ import annotations

from ascua.kernels._exponential import tanh
from ascua.kernels._rounding import shift_right
from ascua.kernels._sigmoids import SigmoidS8, SigmoidS16
from ascua.ops.tanh import Tanh


class TanhS8(SigmoidS8[Tanh]):
    """In steps of 1/128."""

    def curve(self, x: int) -> int:
        return shift_right(tanh(x), 24)


class TanhS16(SigmoidS16[Tanh]):
    """2 sigmoid(2 x) - 1."""

    bits = 8
    exact = (-12, -11)
