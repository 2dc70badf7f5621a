"""Kernels of SUB: the difference of two tensors, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel
from ascua.ops import activation, elementwise
from ascua.ops.sub import Sub


class SubS8(Kernel[Sub]):
    """Any shapes that go together; a constant minuend comes second, and the sign is turned."""

    name = "sub_s8"

    def params(self, op: Sub) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        a_multiplier, a_shift = op.scaled(a.q.scale)
        b_multiplier, b_shift = op.scaled(b.q.scale)
        out_multiplier, out_shift = op.out()
        low, high = activation.bounds(op.activation, op.y)
        return {
            **broadcast.runs(op),
            "swap": int(a is not op.x),
            "a_zero": a.q.zero_point,
            "a_multiplier": a_multiplier,
            "a_shift": a_shift,
            "b_zero": b.q.zero_point,
            "b_multiplier": b_multiplier,
            "b_shift": b_shift,
            "out_multiplier": out_multiplier,
            "out_shift": out_shift,
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Sub) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
