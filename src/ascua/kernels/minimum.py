"""Kernels of MINIMUM: the lesser of two values, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel, Run
from ascua.ops.minimum import Minimum


class MinimumS8(Kernel[Minimum]):
    """Any shapes that go together; those of one shape are one run."""

    name = "minimum_s8"

    def work(self, op: Minimum) -> Run | None:
        return broadcast.work(op)

    def params(self, op: Minimum) -> Mapping[str, int]:
        return broadcast.runs(op)

    def consts(self, op: Minimum) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
