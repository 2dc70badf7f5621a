"""SOFTMAX: probabilities of the classes along the last axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut

MOST_CLASSES = 4095
"""A sum of more exponentials could pass int32."""

MOST_FACTOR = 2.0**14
"""From this factor on, differences of int16 overflow TFLM's int32 arithmetic."""

_HIGH_MUL = fixed.rounding_doubling_high_mul
_ROUNDING_SHIFT = fixed.rounding_divide_by_pot


@dataclass(frozen=True, eq=False)
class Softmax(Op):
    """y[row, i] = exp(beta * x[row, i]) / sum over j of exp(beta * x[row, j])."""

    beta: float

    tflite = "SOFTMAX"
    floats = True
    options = "SoftmaxOptions"
    max_version = 3
    types = ("int8", "int16")
    output_range = (0.0, 1.0)

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, beta=float(node.options["beta"]))

    def write(self) -> Mapping[str, Any]:
        return {"beta": self.beta}

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self) or _conditions.vectors(self.x)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        if self.x.shape[-1] > MOST_CLASSES:
            return f"it has {self.x.shape[-1]} classes; at most {MOST_CLASSES} are taken"
        return self._check_s16() if self.x.dtype == "int16" else self._check_s8()

    def _check_s8(self) -> str | None:
        if (self.y.q.scale, self.y.q.zero_point) != (1 / 256, -128):
            return (
                f"its output has the scale {self.y.q.scale:g} and the zero point"
                f" {self.y.q.zero_point}; int8 softmax has 1/256 and -128"
            )
        if not self._factor() > 1.0:
            return f"beta {self.beta:g} times the input's scale {self.x.q.scale:g} is too small"
        return None

    def _check_s16(self) -> str | None:
        if abs(self.y.q.scale * 2**15 - 1) > 0.001:
            return f"its output has the scale {self.y.q.scale:g}; int16 softmax has 1/32768"
        if not 0 < self._wide_factor() < MOST_FACTOR:
            return (
                f"beta {self.beta:g} times the input's scale {self.x.q.scale:g} is beyond what"
                " TFLM computes with"
            )
        return None

    def _wide_factor(self) -> float:
        """From a difference of int16 inputs to steps of 10/65535."""
        return self.x.q.scale * float(np.float32(self.beta)) / (10.0 / 65535.0)

    def wide_scaling(self) -> tuple[int, int]:
        """Multiplier and shift of differences of int16 inputs."""
        return fixed.quantize_multiplier(self._wide_factor())

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
        return self._eval_s16(xs[0]) if self.x.dtype == "int16" else self._eval_s8(xs[0])

    def _eval_s16(self, x: Array) -> Array:
        rows = x.reshape(-1, self.x.shape[-1]).astype(np.int64)
        differences = rows - rows.max(axis=1, keepdims=True)
        scaled = fixed.multiply_by_quantized_multiplier(differences, *self.wide_scaling())
        exps = interpolated(EXPONENTIALS, np.clip(scaled + 32767, -(2**15), 2**15 - 1))
        total = exps.sum(axis=1, keepdims=True)
        bits = np.frexp(total.astype(np.float64))[1]
        # 1 + x in Q16 for x from 0 to 1, as which the sum is taken; the table is of x.
        mantissa = ((total << (31 - bits)) + 2**13) >> 14
        inverse = interpolated(RECIPROCALS, np.clip(mantissa - 2**16 - 2**15, -(2**15), 2**15 - 1))
        shares = (exps * inverse + (np.int64(1) << (bits - 2))) >> (bits - 1)
        y: Array = np.clip(shares, 0, 2**15 - 1).astype(np.int16)
        return y.reshape(len(x), *self.y.shape)

    def _eval_s8(self, values: Array) -> Array:
        table = self.exponentials()
        x = values.reshape(-1, self.x.shape[-1]).astype(np.int64)
        exps = table[x.max(axis=1, keepdims=True) - x]
        total = _ROUNDING_SHIFT(exps, 12).sum(axis=1, keepdims=True)
        bits = np.frexp(total.astype(np.float64))[1]
        scale = reciprocal_of_one_plus((total << (32 - bits)) - 2**31)
        shift = bits + 3
        # TFLM aborts where the shift passes 31 (512 equal classes); all are 0 then.
        product = np.where(shift <= 31, _HIGH_MUL(exps, scale), 0)
        shares = _ROUNDING_SHIFT(product, np.minimum(shift, 31)) - 128
        y: Array = np.minimum(shares, 127).astype(np.int8)
        return y.reshape(len(values), *self.y.shape)

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


def _wide_table(width: float, zero: int, function: Callable[[float], float]) -> Array:
    """TFLM's table of `function` over int16 with a zero point, `width` in all: 513 values in Q15.

    Each value is moved by half of the error that interpolation makes in the middle of its step.
    """
    f = np.float32
    scale = f(width) / f(65535)
    low, high = (scale * f(v - zero) for v in (-(2**15), 2**15 - 1))
    step = (high - low) / f(512)
    # 65536 steps of the output over its range, which is 65535 of them.
    unit = f(2.0 / 65535.0)
    inverse = f(65536) / (unit * f(2**15 - 1) - unit * f(-(2**15)))

    def at(x: np.float32) -> np.float32:
        # In double precision and rounded once: the same on every computer.
        return f(function(float(x)))

    table = []
    for i in range(512):
        x = low + f(i) * step
        value, middle, after = (at(v) for v in (x, x + step / f(2), low + f(i + 1) * step))
        first = _away(value * inverse)
        between = _away((after * inverse + first) / f(2))
        bias = _away((between - _away(middle * inverse)) / f(2))
        table.append(float(first - bias))
    table.append(float(_away(at(high) * inverse)))
    values: Array = np.clip(np.array(table), -(2**15), 2**15 - 1).astype(np.int16)
    return values


def _away(x: np.float32) -> np.float32:
    """Rounded to a whole number, half away from zero."""
    return np.float32(np.trunc(float(x) + math.copysign(0.5, x)))


def interpolated(table: Array, x: Array) -> Array:
    """The value of a table of 513 for x in int16: 9 bits of index, 7 to interpolate."""
    index, rest = (x >> 7) + 256, x & 127
    base = table[index].astype(np.int64)
    slope = table[index + 1] - base
    y: Array = base + ((slope * rest + 64) >> 7)
    return y


EXPONENTIALS = _wide_table(10.0, 2**15 - 1, math.exp)
"""exp(x) in Q15 for x from -10 to 0."""
RECIPROCALS = _wide_table(1.0, -(2**15), lambda x: 1 / (1 + x))
"""1 / (1 + x) in Q15 for x from 0 to 1."""
