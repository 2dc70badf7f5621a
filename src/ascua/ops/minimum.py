"""MINIMUM: the lesser of two values, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _elementwise


@dataclass(frozen=True, eq=False)
class Minimum(Op):
    """y = min(a, b), one repeated along the other where the shapes differ."""

    tflite = "MINIMUM"
    floats = True
    options = "MaximumMinimumOptions"
    max_version = 4
    types = ("int8", "int16")
    elementwise = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def check(self) -> str | None:
        return _elementwise.condition(self) or _conditions.same_quantization(
            self.y, *_elementwise.operands(self)
        )

    def eval(self, *xs: Array) -> Array:
        return _elementwise.over_pairs(self, xs, np.minimum)

    def eval_float(self, *xs: Array) -> Array:
        return np.minimum(*_elementwise.floats(self, xs))
