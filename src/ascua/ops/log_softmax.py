"""LOG_SOFTMAX: logarithms of the probabilities of the classes along the last axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut
from ascua.ops.softmax import exp_of_negative, reciprocal_of_one_plus

MOST_CLASSES = 4095
"""A sum of more exponentials could pass int32."""

_HIGH_MUL = fixed.rounding_doubling_high_mul
_ROUNDING_SHIFT = fixed.rounding_divide_by_pot
_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class LogSoftmax(Op):
    """y[row, i] = x[row, i] - log(sum over j of exp(x[row, j]))."""

    tflite = "LOG_SOFTMAX"
    options = "LogSoftmaxOptions"
    max_version = 2
    output_range = (-16.0, 0.0)

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self) or _conditions.vectors(self.x)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        if self.x.shape[-1] > MOST_CLASSES:
            return f"it has {self.x.shape[-1]} classes; at most {MOST_CLASSES} are taken"
        if (self.y.q.scale, self.y.q.zero_point) != (16 / 256, 127):
            return (
                f"its output has the scale {self.y.q.scale:g} and the zero point"
                f" {self.y.q.zero_point}; int8 log-softmax has 16/256 and 127"
            )
        if not self.x.q.scale * 2.0**26 > 1.0:
            return f"its input's scale {self.x.q.scale:g} is too small"
        return None

    def scaling(self) -> tuple[int, int]:
        """Multiplier and left shift from a difference of inputs to Q5."""
        return fixed.quantize_multiplier(min(self.x.q.scale * 2.0**26, 2.0**31 - 1))

    def eval(self, *xs: Array) -> Array:
        multiplier, shift = self.scaling()
        radius = math.floor(31 * 2.0 ** (26 - shift))
        steps = np.arange(256)
        near = steps <= radius
        scaled = fixed.multiply_by_quantized_multiplier(
            np.where(near, -steps, 0), multiplier, shift
        )
        exps = np.where(near, _ROUNDING_SHIFT(exp_of_negative(scaled), 12), 0)
        x = xs[0].reshape(-1, self.x.shape[-1]).astype(np.int64)
        below = x.max(axis=1, keepdims=True) - x
        log = logarithm(exps[below].sum(axis=1, keepdims=True))
        # TFLM leaves out what overflows less the logarithm: the least value as well.
        shares = _ROUNDING_SHIFT(scaled[below] - log, 22) + 127
        y = np.where(near[below], np.clip(shares, -128, 127), -128)
        return y.astype(np.int8).reshape(len(xs[0]), *self.y.shape)

    def eval_float(self, *xs: Array) -> Array:
        x = xs[0] - xs[0].max(axis=-1, keepdims=True)
        y: Array = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
        return y


def logarithm(x: Array) -> Array:
    """log(x) in Q5 for x in Q12, at least 1.

    x is a power of two and a factor near 2**(-1/4), whose logarithm a fraction of polynomials
    gives. Of the two ways to part x, with and without a root of two, the one with the smaller
    factor is taken.
    """
    root_half, middle = round(2**31 * 0.5**0.5), round(2**31 * 0.5**0.25)
    zeros = 32 - _bits(x)
    a = np.minimum(2 * _HIGH_MUL(x << (zeros - 1), root_half), _MOST)
    a_power = ((12 - zeros) << 25) + 2**23
    headroom = 31 - _bits(_HIGH_MUL(x, root_half))
    b = np.minimum(x << headroom, _MOST)
    b_power = ((12 - headroom) << 25) - 2**23
    r, power = np.minimum(a, b), np.maximum(a_power, b_power)
    mean = (r + middle + 1) >> 1
    q = 2 * (r - middle)
    square = _HIGH_MUL(q, q)
    fourth = 2.0**0.25
    n, d, i, f = (
        round(2**31 * v) for v in (11 / 240 * fourth, fourth / 20, 2 / fourth - fourth, fourth / 4)
    )
    numerator = _HIGH_MUL(q, r) + _HIGH_MUL(_HIGH_MUL(q, square), n)
    denominator = _HIGH_MUL(mean, i + q + _HIGH_MUL(square, d)) + _HIGH_MUL(q, f)
    part = _HIGH_MUL(_ROUNDING_SHIFT(numerator, 6), reciprocal_of_one_plus(denominator))
    return 2 * (_HIGH_MUL(power, round(2**31 * math.log(2))) + part)


def _bits(x: Array) -> Array:
    """How many bits positive whole numbers have."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)
