"""Kernels of SQUARED_DIFFERENCE: squares of differences, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel
from ascua.ops import elementwise
from ascua.ops.squared_difference import SquaredDifference


class SquaredDifferenceS8(Kernel[SquaredDifference]):
    """Any shapes that go together."""

    name = "squared_difference_s8"

    def params(self, op: SquaredDifference) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        a_multiplier, a_shift = op.scaled(a.q.scale)
        b_multiplier, b_shift = op.scaled(b.q.scale)
        out_multiplier, out_shift = fixed.quantize_multiplier(op.out_scale())
        return {
            **broadcast.runs(op),
            "a_zero": a.q.zero_point,
            "a_multiplier": a_multiplier,
            "a_shift": a_shift,
            "b_zero": b.q.zero_point,
            "b_multiplier": b_multiplier,
            "b_shift": b_shift,
            "out_multiplier": out_multiplier,
            "out_shift": out_shift,
            "zero": op.y.q.zero_point,
        }

    def consts(self, op: SquaredDifference) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))


class SquaredDifferenceS16(Kernel[SquaredDifference]):
    """Any shapes that go together."""

    name = "squared_difference_s16"
    types = ("int16",)

    def params(self, op: SquaredDifference) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        a_multiplier, a_shift = op.scaled(a.q.scale)
        b_multiplier, b_shift = op.scaled(b.q.scale)
        out_multiplier, out_shift = fixed.quantize_multiplier(op.out_scale())
        return {
            **broadcast.runs(op),
            "a_multiplier": a_multiplier,
            "a_shift": a_shift,
            "b_multiplier": b_multiplier,
            "b_shift": b_shift,
            "out_multiplier": out_multiplier,
            "out_shift": out_shift,
        }

    def consts(self, op: SquaredDifference) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
