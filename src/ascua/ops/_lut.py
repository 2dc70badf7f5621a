"""What operators share that map each int8 value to one: their kernel is a table of 256 bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ascua import fixed
from ascua.ir import Array, Op, limits
from ascua.ops import _conditions

MOST_SCALE = {"int8": 2.0**22, "int16": 2.0**15}
"""From this factor on, TFLM's int32 arithmetic overflows."""


def condition(op: Op) -> str | None:
    """None, or why `op`, of one quantised input and output of one shape, cannot be taken."""
    return _conditions.arity(op, 1) or _conditions.first(
        _conditions.computed(op.x),
        _conditions.filled(op.x),
        _conditions.quantized(op, op.x, op.y),
        op.malformed(),
    )


def factor(real: float, dtype: str = "int8") -> str | None:
    """None, or why a rescaling of `dtype` by `real` cannot be taken."""
    if not abs(real) < MOST_SCALE[dtype]:
        return f"it rescales by {real:g}: its scales are too far apart"
    return None


def ratio(op: Op, *factors: float, by: float) -> float:
    """The product of `factors` over `by`: in double precision, in single where LiteRT has uint8."""
    number = np.float32 if op.uint8 else np.float64
    with np.errstate(over="ignore"):
        product = number(factors[0])
        for factor in factors[1:]:
            product = product * number(factor)
        return float(product / number(by))


def over_values(op: Op, x: Array, function: Callable[[Array], Array]) -> Array:
    """`function` of int64 values, for x of any shape, clipped to the output's dtype.

    It is computed once for each value that the dtype of x has, and looked up.
    """
    bits = np.dtype(f"uint{8 * x.itemsize}")
    every = np.arange(1 << (8 * x.itemsize)).astype(bits).view(x.dtype)
    table = np.clip(function(every.astype(np.int64)), *limits(op.y.dtype)).astype(op.y.dtype)
    return np.take(table, np.ascontiguousarray(x).view(bits))


def rescaled(op: Op, x: Array, real: float) -> Array:
    """x - the input's zero point, times `real`, with double rounding, + the output's zero point."""
    multiplier, shift = fixed.quantize_multiplier(real)
    y = fixed.multiply_by_quantized_multiplier(x - op.x.q.zero_point, multiplier, shift)
    return y + op.y.q.zero_point


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) of floats."""
    # exp of a negative number cannot overflow.
    e = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, e) / (1 + e)
    return y
