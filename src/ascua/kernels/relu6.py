"""Kernels of RELU6: values clamped to 0 and 6."""

from __future__ import annotations

from collections.abc import Callable

from ascua.kernels._bounds import bounds
from ascua.kernels._lines import Lines, LinesS16
from ascua.kernels._lut import LutS8
from ascua.ops.relu6 import Relu6


class Relu6S16(LinesS16[Relu6]):
    """The values themselves, within their bounds."""

    def lines(self, op: Relu6) -> Lines:
        return Lines(1.0, 1.0, **bounds("RELU6", op.y))


class Relu6S8(LutS8[Relu6]):
    """The values themselves, within their bounds."""

    def function(self, op: Relu6) -> Callable[[int], int]:
        low, high = bounds("RELU6", op.y).values()
        return lambda x: min(max(x, low), high)
