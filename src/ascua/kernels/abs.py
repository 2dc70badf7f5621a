"""Kernels of ABS: the absolute value, rescaled to the output."""

from __future__ import annotations

from collections.abc import Callable

from ascua.fixed import quantize_multiplier
from ascua.kernels._lines import Lines, LinesS16
from ascua.kernels._lut import LutS8
from ascua.kernels._rounding import rescale
from ascua.ops.abs import Abs


class AbsS16(LinesS16[Abs]):
    """Turns the sign before it rounds."""

    def lines(self, op: Abs) -> Lines:
        real = op.x.q.scale / op.y.q.scale
        return Lines(real, real, sign=-1)


class AbsS8(LutS8[Abs]):
    """The distance from the zero point, rescaled."""

    def function(self, op: Abs) -> Callable[[int], int]:
        zero, out = op.x.q.zero_point, op.y.q.zero_point
        multiplier, shift = quantize_multiplier(op.x.q.scale / op.y.q.scale)
        return lambda x: rescale(abs(x - zero), multiplier, shift) + out
