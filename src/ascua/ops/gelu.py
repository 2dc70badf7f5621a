"""GELU: the value times the part of a normal distribution that is below it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut

_ERF = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True, eq=False)
class Gelu(Op):
    """y = x Phi(x), or where `approximate`, with a tanh in place of the error function.

    TFLM has no such operator: of int8, it is computed as LiteRT does.
    """

    approximate: bool = False

    tflite = "GELU"
    options = "GeluOptions"
    max_version = 2
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, bool(node.options["approximate"]))

    def write(self) -> Mapping[str, Any]:
        return {"approximate": self.approximate}

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        return _lut.condition(self)

    def eval(self, *xs: Array) -> Array:
        f = np.float32

        def function(x: Array) -> Array:
            real = f(self.x.q.scale) * (x - self.x.q.zero_point).astype(f)
            steps = (self._real(real) * (f(1) / f(self.y.q.scale))).astype(np.float64)
            whole = np.trunc(steps + np.copysign(0.5, steps))
            return np.asarray(whole + self.y.q.zero_point, np.int64)

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        return self._real(xs[0])

    def _real(self, x: Array) -> Array:
        """Of float32, in double precision, rounded at the end."""
        v = x.astype(np.float64)
        if self.approximate:
            part = np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))
        else:
            part = _ERF(v * math.sqrt(0.5))
        y: Array = (0.5 * v * (1 + part)).astype(np.float32)
        return y
