"""Kernels of MUL: the product of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel
from ascua.ops import activation, elementwise
from ascua.ops.mul import Mul


class MulS8(Kernel[Mul]):
    """A run of elements, for inputs of one shape."""

    name = "mul_s8"

    def fits(self, op: Mul) -> bool:
        a, b = elementwise.operands(op)
        # The shift to the right rounds away from zero, and does so from one bit on.
        return a.shape == b.shape and op.scale()[1] < 0

    def params(self, op: Mul) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        low, high = activation.bounds(op.activation, op.y)
        return {
            "n": op.y.size,
            "a_zero": a.q.zero_point,
            "b_zero": b.q.zero_point,
            "multiplier": op.scale()[0],
            "shift": -op.scale()[1],
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Mul) -> tuple[Const, ...]:
        return broadcast.constant_operand(op)


class MulBroadcastS8(Kernel[Mul]):
    """Any shapes that go together, and any scales."""

    name = "mul_broadcast_s8"

    def params(self, op: Mul) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        run, *outer = broadcast.loops(op)
        low, high = activation.bounds(op.activation, op.y)
        return {
            "n": run.n,
            "a_step": run.a,
            "b_step": run.b,
            "runs": op.y.size // run.n,
            "loops": max(1, len(outer)),
            "a_zero": a.q.zero_point,
            "b_zero": b.q.zero_point,
            "multiplier": op.scale()[0],
            "shift": op.scale()[1],
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Mul) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))


class MulS16(Kernel[Mul]):
    """Any shapes that go together, and any scales."""

    name = "mul_s16"
    types = ("int16",)

    def params(self, op: Mul) -> Mapping[str, int]:
        multiplier, shift = op.scale()
        low, high = activation.bounds(op.activation, op.y)
        return {
            **broadcast.runs(op),
            "multiplier": multiplier,
            "shift": shift,
            "low": low,
            "high": high,
        }

    def consts(self, op: Mul) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
