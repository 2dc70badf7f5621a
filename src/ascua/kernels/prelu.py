"""Kernels of PRELU: negative values times a learned alpha, as a rule one a channel."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel
from ascua.ops.prelu import Prelu


class PreluS8(Kernel[Prelu]):
    """Any shapes that go together."""

    name = "prelu_s8"

    def params(self, op: Prelu) -> Mapping[str, int]:
        multiplier, shift = fixed.quantize_multiplier(op.identity())
        alpha_multiplier, alpha_shift = fixed.quantize_multiplier(op.slope())
        return {
            **broadcast.runs(op),
            "x_zero": op.x.q.zero_point,
            "alpha_zero": op.alpha.q.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "alpha_multiplier": alpha_multiplier,
            "alpha_shift": alpha_shift,
            "zero": op.y.q.zero_point,
        }

    def consts(self, op: Prelu) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))


class PreluS16(Kernel[Prelu]):
    """Any shapes that go together; alpha is int8."""

    name = "prelu_s16"
    types = ("int16",)
    weights = ("int8",)

    def params(self, op: Prelu) -> Mapping[str, int]:
        multiplier, shift = fixed.quantize_multiplier(op.identity())
        alpha_multiplier, alpha_shift = fixed.quantize_multiplier(op.slope())
        return {
            **broadcast.runs(op),
            "alpha_zero": op.alpha.q.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "alpha_multiplier": alpha_multiplier,
            "alpha_shift": alpha_shift,
        }

    def consts(self, op: Prelu) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
