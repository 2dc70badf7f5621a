"""Kernels of SQUARED_DIFFERENCE: squares of differences, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels import broadcast
from ascua.kernels.broadcast import operands
from ascua.kernels.kernel import Const, Kernel, Run
from ascua.kernels.scales import factor, meeting
from ascua.ops.squared_difference import SquaredDifference

HEADROOM = {"int8": 7, "int16": 0}
"""Bits that the C shifts inputs to the left, as TFLM does, before it scales them."""


def to_output(op: SquaredDifference) -> float:
    """The factor from squares of what the inputs are where they meet to the output."""
    unit = meeting(op) * meeting(op)
    return unit / ((1 << 2 * HEADROOM[op.y.dtype]) * op.y.q.scale)


class SquaredDifferenceS8(Kernel[SquaredDifference]):
    """Any shapes that go together."""

    name = "squared_difference_s8"

    def work(self, op: SquaredDifference) -> Run | None:
        return broadcast.work(op)

    def params(self, op: SquaredDifference) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **broadcast.runs(op),
            "a_zero": a.q.zero_point,
            **factor(a.q.scale / meeting(op), "a_"),
            "b_zero": b.q.zero_point,
            **factor(b.q.scale / meeting(op), "b_"),
            **factor(to_output(op), "out_"),
            "zero": op.y.q.zero_point,
        }

    def consts(self, op: SquaredDifference) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))


class SquaredDifferenceS16(Kernel[SquaredDifference]):
    """Any shapes that go together."""

    name = "squared_difference_s16"
    types = ("int16",)

    def work(self, op: SquaredDifference) -> Run | None:
        return broadcast.work(op)

    def params(self, op: SquaredDifference) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **broadcast.runs(op),
            **factor(a.q.scale / meeting(op), "a_"),
            **factor(b.q.scale / meeting(op), "b_"),
            **factor(to_output(op), "out_"),
        }

    def consts(self, op: SquaredDifference) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
