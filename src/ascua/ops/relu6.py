"""RELU6: values clamped to 0 and 6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op, limits
from ascua.ops import _activation, _conditions, _lut


@dataclass(frozen=True, eq=False)
class Relu6(Op):
    """y = min(max(x, 0), 6), of one quantisation with x."""

    tflite = "RELU6"
    floats = True
    max_version = 3
    types = ("int8", "int16")
    elementwise = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        if reason := _lut.condition(self):
            return reason
        if (self.x.q.scale, self.x.q.zero_point) != (self.y.q.scale, self.y.q.zero_point):
            return (
                "its output's quantisation differs from its input's, and TFLM rescales nothing"
                " here; fuse it into the layer before, or use a ReLU"
            )
        return _lut.factor(6 / self.x.q.scale)

    def bound(self) -> int:
        """What 6 is, and at most the greatest value of the dtype."""
        return min(_activation.quantized(6.0, self.x), limits(self.x.dtype)[1])

    def eval(self, *xs: Array) -> Array:
        def function(x: Array) -> Array:
            return np.clip(x, self.x.q.zero_point, self.bound())

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        return np.clip(xs[0], 0, 6)
