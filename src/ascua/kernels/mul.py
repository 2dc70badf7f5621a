"""Kernels of MUL: the product of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels._bounds import bounds
from ascua.kernels._broadcast import EIGHT, Paired, constant_operand, eights, operands, runs
from ascua.kernels._kernel import Const
from ascua.kernels._scales import factor
from ascua.ops.mul import Mul


def to_output(op: Mul) -> float:
    """The factor from products to the output."""
    a, b = operands(op)
    return a.q.scale * b.q.scale / op.y.q.scale


class MulS8(Paired[Mul]):
    """A run of elements, for inputs of one shape."""

    name = "mul_s8"

    def fits(self, op: Mul) -> bool:
        a, b = operands(op)
        # The shift to the right rounds away from zero, and does so from one bit on.
        return a.shape == b.shape and fixed.quantize_multiplier(to_output(op))[1] < 0

    def params(self, op: Mul) -> Mapping[str, int]:
        a, b = operands(op)
        multiplier, shift = fixed.quantize_multiplier(to_output(op))
        return {
            "n": op.y.size,
            "a_zero": a.q.zero_point,
            "b_zero": b.q.zero_point,
            "multiplier": multiplier,
            "shift": -shift,
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def consts(self, op: Mul) -> tuple[Const, ...]:
        return constant_operand(op)


class MulBroadcastS8(Paired[Mul]):
    """Any shapes that go together, and any scales."""

    name = "mul_broadcast_s8"

    def params(self, op: Mul) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **runs(op),
            "a_zero": a.q.zero_point,
            "b_zero": b.q.zero_point,
            **factor(to_output(op)),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }


class MulS8Vectors(MulBroadcastS8):
    """Eight elements at a time."""

    name = "mul_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: Mul) -> bool:
        return runs(op)["n"] >= EIGHT and factor(to_output(op))["shift"] < 0

    def terms(self, op: Mul) -> Mapping[str, float]:
        return eights(op)


class MulS16(Paired[Mul]):
    """Any shapes that go together, and any scales."""

    name = "mul_s16"
    types = ("int16",)

    def params(self, op: Mul) -> Mapping[str, int]:
        return {
            **runs(op),
            **factor(to_output(op)),
            **bounds(op.activation, op.y),
        }
