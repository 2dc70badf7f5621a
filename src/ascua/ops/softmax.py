"""SOFTMAX: probabilities of the classes along the last axis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Kernel, Node, Op
from ascua.ops import conditions

MOST_CLASSES = 4095
"""A sum of more exponentials could pass int32."""

_HIGH_MUL = fixed.rounding_doubling_high_mul
_ROUNDING_SHIFT = fixed.rounding_divide_by_pot


class SoftmaxS8(Kernel):
    """gemmlowp's exponential and reciprocal, computed: no table of the exponential is stored."""

    name = "softmax_s8"

    def params(self, op: Softmax) -> Mapping[str, int]:
        multiplier, shift, least = op.scaling()
        depth = op.x.shape[-1]
        return {
            "rows": op.x.size // depth,
            "depth": depth,
            "multiplier": multiplier,
            "shift": shift,
            "least": least,
        }


@dataclass(frozen=True, eq=False)
class Softmax(Op):
    """y[row, i] = exp(beta * x[row, i]) / sum over j of exp(beta * x[row, j])."""

    beta: float

    tflite = "SOFTMAX"
    options = "SoftmaxOptions"
    max_version = 3
    kernels = (SoftmaxS8(),)
    output_range = (0.0, 1.0)

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, beta=float(node.options["beta"]))

    def write(self) -> Mapping[str, Any]:
        return {"beta": self.beta}

    def check(self) -> str | None:
        reason = conditions.arity(self, 1) or conditions.first(
            conditions.computed(self.x),
            conditions.filled(self.x),
            conditions.int8(self.x, self.y),
            conditions.output_shape(self, self.x.shape),
        )
        if reason:
            return reason
        if (self.y.q.scale, self.y.q.zero_point) != (1 / 256, -128):
            return (
                f"its output has the scale {self.y.q.scale:g} and the zero point"
                f" {self.y.q.zero_point}; int8 softmax has 1/256 and -128"
            )
        if not self.x.shape:
            return "its input has no dimensions"
        if self.x.shape[-1] > MOST_CLASSES:
            return f"it has {self.x.shape[-1]} classes; at most {MOST_CLASSES} are taken"
        if not self._factor() > 1.0:
            return f"beta {self.beta:g} times the input's scale {self.x.q.scale:g} is too small"
        return None

    def _factor(self) -> float:
        """From a difference of inputs to Q5: 5 bits and 26 after the binary point."""
        return float(np.float32(self.beta)) * self.x.q.scale * 2.0**26

    def scaling(self) -> tuple[int, int, int]:
        """Multiplier and left shift of differences, and the least difference that counts."""
        multiplier, shift = fixed.quantize_multiplier(min(self._factor(), 2.0**31 - 1))
        return multiplier, shift, -math.floor(31 * 2.0 ** (26 - shift))

    def exponentials(self) -> Array:
        """exp of the differences 0, -1, ..., -255 of inputs as TFLM has it: (256,) in Q0."""
        multiplier, shift, least = self.scaling()
        differences = -np.arange(256)
        scaled = fixed.multiply_by_quantized_multiplier(
            np.maximum(differences, least), multiplier, shift
        )
        table: Array = np.where(differences >= least, exp_of_negative(scaled), 0)
        return table

    def eval(self, *xs: Array) -> Array:
        table = self.exponentials()
        x = xs[0].reshape(-1, self.x.shape[-1]).astype(np.int64)
        exps = table[x.max(axis=1, keepdims=True) - x]
        total = _ROUNDING_SHIFT(exps, 12).sum(axis=1, keepdims=True)
        bits = np.frexp(total.astype(np.float64))[1]
        scale = reciprocal_of_one_plus((total << (32 - bits)) - 2**31)
        shift = bits + 3
        # TFLM aborts where the shift passes 31 (512 equal classes); all are 0 then.
        product = np.where(shift <= 31, _HIGH_MUL(exps, scale), 0)
        shares = _ROUNDING_SHIFT(product, np.minimum(shift, 31)) - 128
        y: Array = np.minimum(shares, 127).astype(np.int8)
        return y.reshape(len(xs[0]), *self.y.shape)

    def eval_float(self, *xs: Array) -> Array:
        x = xs[0] * np.float32(self.beta)
        exps = np.exp(x - x.max(axis=-1, keepdims=True))
        y: Array = exps / exps.sum(axis=-1, keepdims=True)
        return y


def exp_of_negative(x: Array, integer_bits: int = 5) -> Array:
    """exp(x) in Q0 for x <= 0 in Q4 or Q5: a series below 1/4, then powers of exp(-1/4)."""
    quarter = 1 << (29 - integer_bits)
    f = (x & (quarter - 1)) - quarter
    t = (f << integer_bits) + 2**28
    t2 = _HIGH_MUL(t, t)
    t3 = _HIGH_MUL(t2, t)
    t4 = _ROUNDING_SHIFT(_HIGH_MUL(t2, t2), 2)
    tail = _ROUNDING_SHIFT(_HIGH_MUL(t4 + t3, round(2**31 / 3)) + t2, 1)
    at_eighth = round(math.exp(-1 / 8) * 2**31)
    y = at_eighth + _HIGH_MUL(t + tail, at_eighth)
    for i in range(integer_bits + 2):
        power = round(math.exp(-(2.0 ** (i - 2))) * 2**31)
        y = np.where((f - x) & (quarter << i), _HIGH_MUL(y, power), y)
    result: Array = np.where(x == 0, 2**31 - 1, y)
    return result


def reciprocal_of_one_plus(x: Array) -> Array:
    """1 / (1 + x) in Q0 for x in Q0, not negative: Newton's method in Q2."""
    half = (x + 2**31) >> 1
    y = round(48 / 17 * 2**29) + _HIGH_MUL(half, -round(32 / 17 * 2**29))
    for _ in range(3):
        y = y + 4 * _HIGH_MUL(y, 2**29 - _HIGH_MUL(half, y))
    result: Array = np.minimum(2 * y, 2**31 - 1)
    return result
