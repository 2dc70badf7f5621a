"""Kernels of HARD_SWISH: x times a sigmoid made of three straight lines."""

from __future__ import annotations

from collections.abc import Callable

from ascua.fixed import quantize_multiplier
from ascua.kernels._lut import LutS8, clip
from ascua.kernels._rounding import shift_right
from ascua.kernels._unary import quotient
from ascua.ops.hard_swish import HardSwish


class HardSwishS8(LutS8[HardSwish]):
    """In int16: inputs are 128 times as fine, and 2**15 stands for 3 in the sigmoid."""

    def function(self, op: HardSwish) -> Callable[[int], int]:
        zero, out = op.x.q.zero_point, op.y.q.zero_point
        fine = op.x.q.scale / 128
        slope, shift = _halfword(quotient(op, fine, 3 / 2**15))
        factor, down = _halfword(quotient(op, fine, op.y.q.scale))

        def value(x: int) -> int:
            x = (x - zero) * 128
            # The last bit to the left waits until after the product, lest that saturates.
            ramp = high_mul(clip(x << max(shift - 1, 0), 16), slope)
            ramp = clip(ramp << 1, 16) if shift > 0 else shift_right(ramp, -shift)
            product = ((ramp + 2**15) >> 1) * high_mul(x, factor)
            whole = abs(product) >> 15
            return shift_right(whole if product > 0 else -whole, -down) + out

        return value


def high_mul(a: int, b: int) -> int:
    """a * b / 2**15, half up."""
    return (a * b + 2**14) >> 15


def _halfword(real: float) -> tuple[int, int]:
    """A multiplier of 15 bits, and a shift."""
    multiplier, shift = quantize_multiplier(real)
    return min(shift_right(multiplier, 16), 2**15 - 1), shift
