"""What LOGISTIC and TANH share for int16: one table, as tanh(x) = 2 * sigmoid(2 x) - 1."""

from __future__ import annotations

import math

import numpy as np

from ascua.ir import Array, Op

STEPS = 24
"""Of the table, from one to the next unit of the sigmoid's argument."""

MOST_SCALE = 32767 / (4096 * 3)
"""From this scale on, TFLM's multiplier passes 16 bits."""


def condition(op: Op) -> str | None:
    """None, or why TFLM refuses the scales of an int16 `op`, or computes nonsense with them."""
    if log2(op.y.q.scale) != -15:
        return f"its output has the scale {op.y.q.scale:g}; of int16 it must be 1/32768"
    # A multiplier of 0 stands for "none yet" in TFLM, which then shifts a 3 out of 32 bits.
    if not op.x.q.scale < MOST_SCALE or scaling(op)[0] == 0:
        return f"its input's scale {op.x.q.scale:g} is beyond what TFLM computes with"
    return None


def log2(scale: float) -> int | None:
    """The exponent of a scale that TFLM takes for a power of two: one within 0.07 %."""
    f = np.float32
    exponent = f(math.log(scale)) * (f(1) / f(math.log(2)))
    nearest = math.floor(abs(exponent) + 0.5) * (-1 if exponent < 0 else 1)
    return nearest if abs(exponent - f(nearest)) < f(1e-3) else None


def scaling(op: Op) -> tuple[int, int]:
    """Multiplier and shift to the right from the input to steps of 1 / (3 * 4096)."""
    exponent = log2(op.x.q.scale)
    if exponent == -12 or (exponent == -11 and op.tflite == "TANH"):
        return 3 << (exponent + 12), 0
    real, shift = op.x.q.scale * 4096 * 3, 0
    while real <= 32767 / 2 and shift <= 30:
        real, shift = real * 2, shift + 1
    return int(real), shift


def scaled(op: Op, x: Array) -> Array:
    """Input values x in steps of 1 / (3 * 4096)."""
    multiplier, shift = scaling(op)
    half = 1 << (shift - 1) if shift else 0
    y: Array = (x * multiplier + half) >> shift
    return y


def logistic(op: Op, x: Array) -> Array:
    """The sigmoid in Q15 of int16 values x."""
    v = scaled(op, x)
    y = _interpolated(np.abs(v), 9)
    half = 1 << 9
    result: Array = np.where(v >= 0, y + half, (1 << 25) - y + half - 1) >> 10
    return result


def tanh(op: Op, x: Array) -> Array:
    """The hyperbolic tangent in Q15 of int16 values x."""
    v = scaled(op, x)
    y = _interpolated(np.abs(v), 8) - (1 << 23)
    half = 1 << 7
    result: Array = np.where(v >= 0, y + half, -y + half - 1) >> 8
    return result


def _interpolated(x: Array, bits: int) -> Array:
    """The sigmoid of x, at least 0 and `bits` after the table's step, in Q16 and these bits."""
    index, rest = np.minimum(x >> bits, 254), x & ((1 << bits) - 1)
    base, after = TABLE[index], TABLE[index + 1]
    inside = (base << bits) + rest * (after - base)
    # Both functions end at 1 less one step of their output.
    end = 0x7FFF << 10 if bits == 9 else 0xFFFF << 8
    result: Array = np.where(x >> bits >= 255, end, inside)
    return result


def _table() -> Array:
    """sigmoid(i / 24) in Q16: 256 values, int64.

    Each is moved by half of the error that interpolation makes in the middle of its step.
    """
    half = 1 / (2 * STEPS)

    def sigmoid(x: float) -> float:
        return 2**16 / (1 + math.exp(-x))

    values = []
    for i in range(255):
        x = i / STEPS
        error = (sigmoid(x) + sigmoid(x + 2 * half)) / 2 - sigmoid(x + half)
        values.append(math.floor(sigmoid(x) - error / 2 + 0.5))
    return np.array([*values, 2**16 - 1])


TABLE = _table()
