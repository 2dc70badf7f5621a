"""ELU: exp(x) - 1 below zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut
from ascua.ops._elementwise import INT8

DOUBT = 2.0**-29
"""Relative error of exp(x) from which on C libraries' float results are no longer certain.

They stay within 0.51 units of the last place, where a correct rounding has 0.5."""


@dataclass(frozen=True, eq=False)
class Elu(Op):
    """y = x where x >= 0, exp(x) - 1 elsewhere; TFLM makes a table in single precision."""

    tflite = "ELU"
    floats = True
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        reason = _lut.condition(self) or _lut.factor(self.x.q.scale / self.y.q.scale)
        if reason:
            return reason
        if 1 / self.y.q.scale > np.finfo(np.float32).max:
            return f"its output's scale {self.y.q.scale:g} is too fine for single precision"
        if (self._table(1 - DOUBT) != self._table(1 + DOUBT)).any():
            return "a value of its table hangs on a bit of exp(x) in which C libraries differ"
        return None

    def _table(self, error: float = 1.0) -> Array:
        """The output of each int8 value; exp(x) is multiplied by `error` before it is rounded."""
        scale, inverse = np.float32(self.x.q.scale), np.float32(1) / np.float32(self.y.q.scale)
        x = scale * (INT8.astype(np.int64) - self.x.q.zero_point).astype(np.float32)
        exp = np.array([math.exp(min(float(v), 0.0)) * error for v in x]).astype(np.float32)
        # The halves are added in double precision: in single, 0.49999997 would come to 1.
        steps = (np.where(x < 0, exp - np.float32(1), x) * inverse).astype(np.float64)
        rounded = np.trunc(steps + np.copysign(0.5, steps))
        table: Array = np.clip(rounded + self.y.q.zero_point, -128, 127)
        return table

    def eval(self, *xs: Array) -> Array:
        return _lut.over_values(self, xs[0], lambda _: self._table())

    def eval_float(self, *xs: Array) -> Array:
        return np.where(xs[0] < 0, np.expm1(np.minimum(xs[0], 0)), xs[0])
