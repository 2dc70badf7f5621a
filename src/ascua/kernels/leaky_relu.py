"""Kernels of LEAKY_RELU: negative values times alpha."""

from __future__ import annotations

from collections.abc import Callable

from ascua.fixed import quantize_multiplier
from ascua.kernels._lines import Lines, LinesS16
from ascua.kernels._lut import LutS8, rescaled
from ascua.kernels._rounding import rescale
from ascua.kernels._unary import quotient
from ascua.ops.leaky_relu import LeakyRelu


class LeakyReluS16(LinesS16[LeakyRelu]):
    """A negative slope turns the sign after the rounding."""

    def lines(self, op: LeakyRelu) -> Lines:
        above, below = _factors(op)
        return Lines(above, abs(below), sign_after=-1 if below < 0 else 1)


class LeakyReluS8(LutS8[LeakyRelu]):
    """Rescales values below zero by alpha too; the sign of alpha comes after the rounding."""

    def function(self, op: LeakyRelu) -> Callable[[int], int]:
        zero, out = op.x.q.zero_point, op.y.q.zero_point
        above, below = _factors(op)
        positive, sign = rescaled(op, above), -1 if below < 0 else 1
        multiplier, shift = quantize_multiplier(abs(below))

        def value(x: int) -> int:
            return positive(x) if x >= zero else sign * rescale(x - zero, multiplier, shift) + out

        return value


def _factors(op: LeakyRelu) -> tuple[float, float]:
    """The real factors of values from 0 on, and of those below."""
    scale, out = op.x.q.scale, op.y.q.scale
    return quotient(op, scale, out), quotient(op, scale * op.alpha, out)
