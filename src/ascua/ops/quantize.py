"""QUANTIZE: float32 to int8 or int16 at the edge of a network, or from one scale to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.errors import brief
from ascua.ir import Array, Node, Op, limits
from ascua.ops import _conditions, _lut

FARTHEST = 2**17
"""Steps from zero that count as many: far beyond int16, and float32 still has halves."""


@dataclass(frozen=True, eq=False)
class Quantize(Op):
    """y = x / scale + zero point, rounded half away from zero.

    Infinities saturate and NaN gives the zero point. (TFLM's conversion to int32 is undefined
    for these, and for quotients from 2**31 on.)
    """

    tflite = "QUANTIZE"
    options = "QuantizeOptions"
    max_version = 3
    types = ("int8", "int16", "float32")

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        if reason := _conditions.arity(self, 1):
            return reason
        if self.shifts:
            return self.malformed() or self._check_shift()
        reason = _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x),
            _conditions.dtype(self.x, "float32", *_conditions.QUANTIZED),
            _conditions.quantized(self, self.y),
            self.malformed(),
        )
        if reason or self.x.dtype == "float32":
            return reason
        return _conditions.quantized(self, self.x) or _lut.factor(self.factor(), self.x.dtype)

    def _check_shift(self) -> str | None:
        """None, or how it does more than to add or to subtract 128."""
        for t in (self.x, self.y):
            if t.quant is None:
                return f"'{brief(t.name)}' has no quantisation"
        zeros = [t.q.zero_point - 128 * (t.dtype == "uint8") for t in (self.x, self.y)]
        if self.x.q.scale != self.y.q.scale or zeros[0] != zeros[1]:
            return "it rescales between uint8 and int8"
        return None

    @property
    def shifts(self) -> bool:
        """Whether it moves between uint8 and int8, each value 128 from the other."""
        return {self.x.dtype, self.y.dtype} == {"int8", "uint8"}

    @property
    def identity(self) -> bool:
        """Whether it gives what it takes."""
        return self.x.dtype == self.y.dtype == "int8" and self.x.quant == self.y.quant

    def factor(self) -> float:
        """The real factor from a quantised input to the output."""
        return self.x.q.scale / self.y.q.scale

    def eval(self, *xs: Array) -> Array:
        if self.shifts:
            return (xs[0].view(np.uint8) ^ np.uint8(128)).view(self.y.dtype)
        if self.x.dtype != "float32":
            return _lut.over_values(self, xs[0], lambda x: _lut.rescaled(self, x, self.factor()))
        with np.errstate(over="ignore"):
            steps = xs[0].astype(np.float32) / np.float32(self.y.q.scale)
        # Far beyond int16, and yet exact: half away from zero needs the exact quotient.
        steps = np.clip(np.nan_to_num(steps, nan=0.0), -FARTHEST, FARTHEST).astype(np.float64)
        rounded = np.trunc(steps + np.copysign(0.5, steps)).astype(np.int64)
        y: Array = np.clip(rounded + self.y.q.zero_point, *limits(self.y.dtype))
        return y.astype(self.y.dtype)
