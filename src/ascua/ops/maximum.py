"""MAXIMUM: the greater of two values, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Const, Kernel, Node, Op
from ascua.ops import conditions, elementwise


class MaximumS8(Kernel):
    """Any shapes that go together; those of one shape are one run."""

    name = "maximum_s8"

    def params(self, op: Maximum) -> Mapping[str, int]:
        return elementwise.runs(op)

    def consts(self, op: Maximum) -> tuple[Const, ...]:
        return (*elementwise.constant_operand(op), elementwise.loops_const(op))


class MaximumS16(Kernel):
    """Any shapes that go together; the least of two values is the greatest of the negative ones."""

    name = "maximum_s16"
    types = ("int16",)

    def params(self, op: Op) -> Mapping[str, int]:
        return {**elementwise.runs(op), "sign": -1 if op.tflite == "MINIMUM" else 1}

    def consts(self, op: Op) -> tuple[Const, ...]:
        return (*elementwise.constant_operand(op), elementwise.loops_const(op))


@dataclass(frozen=True, eq=False)
class Maximum(Op):
    """y = max(a, b), one repeated along the other where the shapes differ."""

    tflite = "MAXIMUM"
    options = "MaximumMinimumOptions"
    max_version = 4
    types = ("int8", "int16")
    kernels = (MaximumS8(), MaximumS16())
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def check(self) -> str | None:
        return elementwise.condition(self) or conditions.same_quantization(
            self.y, *elementwise.operands(self)
        )

    def eval(self, *xs: Array) -> Array:
        return elementwise.over_pairs(self, xs, np.maximum)

    def eval_float(self, *xs: Array) -> Array:
        return np.maximum(*elementwise.floats(self, xs))
