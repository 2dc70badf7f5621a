"""Kernels of LOGISTIC: the sigmoid."""

from __future__ import annotations

from ascua.kernels._exponential import logistic
from ascua.kernels._rounding import shift_right
from ascua.kernels._sigmoids import SigmoidS8, SigmoidS16
from ascua.ops.logistic import Logistic


class LogisticS8(SigmoidS8[Logistic]):
    """In steps of 1/256 from -128 on."""

    def curve(self, x: int) -> int:
        return shift_right(logistic(x), 23) - 128


class LogisticS16(SigmoidS16[Logistic]):
    """The table itself."""

    bits = 9
    exact = (-12,)
