"""MINIMUM: the lesser of two values, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import conditions, elementwise


@dataclass(frozen=True, eq=False)
class Minimum(Op):
    """y = min(a, b), one repeated along the other where the shapes differ."""

    tflite = "MINIMUM"
    options = "MaximumMinimumOptions"
    max_version = 4
    types = ("int8", "int16")
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return elementwise.malformed(self)

    def check(self) -> str | None:
        return elementwise.condition(self) or conditions.same_quantization(
            self.y, *elementwise.operands(self)
        )

    def eval(self, *xs: Array) -> Array:
        return elementwise.over_pairs(self, xs, np.minimum)

    def eval_float(self, *xs: Array) -> Array:
        return np.minimum(*elementwise.floats(self, xs))
