"""gemmlowp's exponential of one value, and what sigmoids make of it; Qn as in `rounding.py`."""

from __future__ import annotations

from ascua.kernels._rounding import MOST, high_mul, shift_right

POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-2**i / 4) in Q0."""

AT_EIGHTH, THIRD = 1895147668, 715827883
"""exp(-1/8) and 1/3 in Q0."""


def reach(bits: int, shift: int) -> int:
    """How far from zero inputs count that come into Q`bits` by a shift to the left."""
    return (((1 << bits) - 1) << (31 - bits)) >> shift


def exp(x: int, bits: int) -> int:
    """exp(x) in Q0 of x <= 0 in Q`bits`."""
    if x == 0:
        return MOST
    quarter = 1 << (29 - bits)
    rest = x % quarter - quarter
    # The series around -1/8, up to the fourth power.
    t = (rest << bits) + (1 << 28)
    t2 = high_mul(t, t)
    t4 = shift_right(high_mul(t2, t2), 2)
    tail = shift_right(high_mul(t4 + high_mul(t2, t), THIRD) + t2, 1)
    y = AT_EIGHTH + high_mul(AT_EIGHTH, t + tail)
    quarters = (rest - x) // quarter
    for i, power in enumerate(POWERS):
        if quarters >> i & 1:
            y = high_mul(y, power)
    return y


def reciprocal(x: int) -> int:
    """1 / (1 + x) in Q1 of x >= 0 in Q0: three steps of Newton's method."""
    half = (x + MOST + 1) >> 1
    y = 1515870810 - high_mul(half, 1010580540)  # 48/17 - 32/17 half in Q2
    for _ in range(3):
        y += high_mul(y, (1 << 29) - high_mul(half, y)) << 2
    return y


def logistic(x: int) -> int:
    """1 / (1 + exp(-x)) in Q0 of x in Q4."""
    if x == 0:
        return 1 << 30
    y = min(reciprocal(exp(-abs(x), 4)) << 1, MOST)
    return y if x > 0 else MOST - y


def tanh(x: int) -> int:
    """tanh(x) in Q0 of x in Q4, by exp(-2 |x|): twice a number in Q4 has the same bits in Q5."""
    if x == 0:
        return 0
    y = (reciprocal(exp(-abs(x), 5)) - (1 << 29)) << 2
    return y if x > 0 else -y
