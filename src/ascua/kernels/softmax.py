"""Kernels of SOFTMAX: probabilities of the classes along the last axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ascua.fixed import quantize_multiplier
from ascua.ir import Array
from ascua.kernels._exponential import reach
from ascua.kernels._kernel import Const, Kernel, Run
from ascua.ops.softmax import Softmax


class SoftmaxS8(Kernel[Softmax]):
    """gemmlowp's exponential and reciprocal, computed: no table of the exponential is stored.

    An exponential takes most of the time: those of a row are kept.
    """

    name = "softmax_s8"

    def work(self, op: Softmax) -> Run:  # noqa: ARG002
        return Run("rows")

    def params(self, op: Softmax) -> Mapping[str, int]:
        # Differences come into Q5; beyond what 31 bits hold, all scales are one.
        real = _single(op.beta) * op.x.q.scale * 2**26
        multiplier, shift = quantize_multiplier(min(real, 2**31 - 1))
        rescaling = {"multiplier": multiplier, "shift": shift}
        return {**_rows(op), **rescaling, "least": -reach(5, shift)}

    def terms(self, op: Softmax) -> Mapping[str, float]:
        # Of random values, one in so many is near enough to the greatest for an exponential.
        near = min(1.0, -self.params(op)["least"] / 255)
        return {
            "line": op.x.size // op.x.shape[-1], "value": op.x.size, "exponential": near * op.x.size
        }  # fmt: skip

    def scratch(self, op: Softmax) -> int:
        return 4 * op.x.shape[-1]


class SoftmaxS16(Kernel[Softmax]):
    """Looks exponentials and reciprocals up in two tables, and interpolates."""

    name = "softmax_s16"
    types = ("int16",)

    def work(self, op: Softmax) -> Run:  # noqa: ARG002
        return Run("rows")

    def params(self, op: Softmax) -> Mapping[str, int]:
        real = op.x.q.scale * _single(op.beta) / (10.0 / 65535.0)
        multiplier, shift = quantize_multiplier(real)
        return {**_rows(op), "multiplier": multiplier, "shift": shift}

    def consts(self, op: Softmax) -> tuple[Const, ...]:  # noqa: ARG002
        return (
            Const("exponentials", EXPONENTIALS, "int16_t"),
            Const("reciprocals", RECIPROCALS, "int16_t"),
        )


def _rows(op: Softmax) -> dict[str, int]:
    depth = op.x.shape[-1]
    return {"rows": op.x.size // depth, "depth": depth}


def _single(x: float) -> float:
    return float(np.float32(x))


def _away(x: float) -> int:
    """x as a whole number, half away from zero."""
    return math.trunc(x + math.copysign(0.5, x))


def _table(function: Callable[[float], float], low: float, high: float) -> Array:
    """TFLM's table of a function from `low` to `high`: 513 values in Q15, a constant.

    Half of the error that interpolation makes in the middle of a step goes to its first value.
    """
    halves = [low + (high - low) * i / 1024 for i in range(1025)]
    exact = [_single(2**15 * function(x)) for x in halves]
    table = []
    for value, middle, after in zip(exact[:-1:2], exact[1::2], exact[2::2], strict=True):
        first = _away(value)
        between = _away(_single((first + after) / 2))
        table.append(first - _away((between - _away(middle)) / 2))
    return np.minimum([*table, _away(exact[-1])], 2**15 - 1).astype(np.int16)


EXPONENTIALS = _table(math.exp, -10, 0)
RECIPROCALS = _table(lambda x: 1 / (1 + x), 0, 1)
