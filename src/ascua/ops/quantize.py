"""QUANTIZE: float32 to int8 at the edge of a network, or int8 to another scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Kernel, Node, Op
from ascua.ops import conditions, lut


class QuantizeF32S8(Kernel):
    """Divides and rounds, without libm."""

    name = "quantize_f32_s8"

    def fits(self, op: Quantize) -> bool:
        return op.x.dtype == "float32"

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        return {"n": op.y.size, "zero": op.y.q.zero_point, "scale": op.y.q.scale}


@dataclass(frozen=True, eq=False)
class Quantize(Op):
    """y = x / scale + zero point, rounded half away from zero.

    Infinities saturate and NaN gives the zero point. (TFLM's conversion to int32 is undefined
    for these, and for quotients from 2**31 on.)
    """

    tflite = "QUANTIZE"
    options = "QuantizeOptions"
    max_version = 3
    kernels = (lut.LutS8(), QuantizeF32S8())

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def check(self) -> str | None:
        if reason := conditions.arity(self, 1):
            return reason
        if self.x.dtype == "int8":
            return lut.condition(self) or lut.factor(self._factor())
        return conditions.first(
            conditions.computed(self.x),
            conditions.filled(self.x),
            conditions.dtype(self.x, "float32", "int8"),
            conditions.int8(self.y),
            conditions.output_shape(self, self.x.shape),
        )

    def _factor(self) -> float:
        return self.x.q.scale / self.y.q.scale

    def eval(self, *xs: Array) -> Array:
        if self.x.dtype == "int8":
            return lut.over_values(xs[0], lambda x: lut.rescaled(self, x, self._factor()))
        with np.errstate(over="ignore"):
            steps = xs[0].astype(np.float32) / np.float32(self.y.q.scale)
        # Far beyond int8, and yet exact: half away from zero needs the exact quotient.
        steps = np.clip(np.nan_to_num(steps, nan=0.0), -1024, 1024).astype(np.float64)
        rounded = np.trunc(steps + np.copysign(0.5, steps)).astype(np.int64)
        y: Array = np.clip(rounded + self.y.q.zero_point, -128, 127).astype(np.int8)
        return y
