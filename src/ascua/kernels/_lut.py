"""The kernel of functions of one int8 value: a table of 256 bytes.

An operator's class, beside its other kernels, says what TFLM's kernel computes of one value. That
is written apart from `eval`, which the tests compare with TFLM on all 256 values: the table of an
operator that went wrong in either place shows in every run.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from ascua.fixed import quantize_multiplier
from ascua.ir import Op
from ascua.kernels._kernel import Const, O
from ascua.kernels._rounding import rescale
from ascua.kernels._unary import Unary

BITS = (*range(128), *range(-128, 0))
"""Every int8 value, in the order of their bits."""


class LutS8(Unary[O]):
    """Looks each value up."""

    name = "lut_s8"

    @abstractmethod
    def function(self, op: O) -> Callable[[int], int]:
        """What `op` makes of an int8 value, before it is clipped to int8."""

    def consts(self, op: O) -> tuple[Const, ...]:
        function = self.function(op)
        return (Const("table", np.array([clip(function(x), 8) for x in BITS], np.int8)),)


def rescaled(op: Op, real: float) -> Callable[[int], int]:
    """The function of an input value that multiplies it by a `real` factor >= 0."""
    zero, out = op.x.q.zero_point, op.y.q.zero_point
    multiplier, shift = quantize_multiplier(real)
    return lambda x: rescale(x - zero, multiplier, shift) + out


def clip(x: int, bits: int) -> int:
    """x in the range of signed numbers of `bits`."""
    half = 1 << (bits - 1)
    return min(max(x, -half), half - 1)
