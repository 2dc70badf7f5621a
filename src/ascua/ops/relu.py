"""RELU: the positive part, rescaled to the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _lut


@dataclass(frozen=True, eq=False)
class Relu(Op):
    """y = max(x, 0)."""

    tflite = "RELU"
    floats = True
    max_version = 3
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)

    def check(self) -> str | None:
        return _lut.condition(self) or _lut.factor(self._factor(), self.x.dtype)

    def _factor(self) -> float:
        # In double precision, as tflite-micro 0.dev20261023 has it; in 2023 it was single.
        return _lut.ratio(self, self.x.q.scale, by=self.y.q.scale)

    def eval(self, *xs: Array) -> Array:
        def function(x: Array) -> Array:
            return np.maximum(_lut.rescaled(self, x, self._factor()), self.y.q.zero_point)

        return _lut.over_values(self, xs[0], function)

    def eval_float(self, *xs: Array) -> Array:
        return np.maximum(xs[0], 0)
