"""Kernels of MAXIMUM: the greater of two values, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel, Run
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum


class MaximumS8(Kernel[Maximum]):
    """Any shapes that go together; those of one shape are one run."""

    name = "maximum_s8"

    def work(self, op: Maximum) -> Run | None:
        return broadcast.work(op)

    def params(self, op: Maximum) -> Mapping[str, int]:
        return broadcast.runs(op)

    def consts(self, op: Maximum) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))


class MaximumS16(Kernel[Maximum | Minimum]):
    """Any shapes that go together; the least of two values is the greatest of the negative ones."""

    name = "maximum_s16"
    types = ("int16",)

    def work(self, op: Maximum | Minimum) -> Run | None:
        return broadcast.work(op)

    def params(self, op: Maximum | Minimum) -> Mapping[str, int]:
        return {**broadcast.runs(op), "sign": -1 if isinstance(op, Minimum) else 1}

    def consts(self, op: Maximum | Minimum) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
