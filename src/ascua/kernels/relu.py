"""Kernels of RELU: the positive part, rescaled to the output."""

from __future__ import annotations

from collections.abc import Callable

from ascua.kernels._lines import Lines, LinesS16
from ascua.kernels._lut import LutS8, rescaled
from ascua.kernels._unary import quotient
from ascua.ops.relu import Relu


class ReluS16(LinesS16[Relu]):
    """One line, cut off at 0."""

    def lines(self, op: Relu) -> Lines:
        real = quotient(op, op.x.q.scale, op.y.q.scale)
        return Lines(real, real, low=0)


class ReluS8(LutS8[Relu]):
    """Rescales, then cuts off."""

    def function(self, op: Relu) -> Callable[[int], int]:
        line = rescaled(op, quotient(op, op.x.q.scale, op.y.q.scale))
        return lambda x: max(line(x), op.y.q.zero_point)
