"""Kernels of ADD: the sum of two tensors, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels._bounds import bounds
from ascua.kernels._broadcast import EIGHT, Paired, constant_operand, eights, operands, runs
from ascua.kernels._kernel import Const
from ascua.kernels._linear import VALUES, Linear, linear
from ascua.kernels._scales import factor, meeting
from ascua.ops.add import Add
from ascua.ops.sub import Sub

HEADROOM = {"int8": 20, "int16": 15}
"""Bits that the C shifts inputs to the left, as TFLM does, before it scales them."""


def to_output(op: Add | Sub) -> float:
    """The factor from what the inputs add up to, at the scale where they meet, to the output."""
    return meeting(op) / ((1 << HEADROOM[op.y.dtype]) * op.y.q.scale)


class AddLinearS8(Paired[Add | Sub]):
    """A run of elements, for inputs of one shape: two products and a shift, where that is exact.

    Whether it is, all 65,536 pairs of values tell.
    """

    name = "add_linear_s8"

    def fits(self, op: Add | Sub) -> bool:
        a, b = operands(op)
        return a.shape == b.shape and fitted(op) is not None

    def params(self, op: Add | Sub) -> Mapping[str, int]:
        found = fitted(op)
        assert found is not None
        return {"n": op.y.size, **found._asdict(), **bounds(op.activation, op.y)}

    def consts(self, op: Add | Sub) -> tuple[Const, ...]:
        return constant_operand(op)


class AddLinearS8Vectors(AddLinearS8):
    """Eight elements at a time."""

    name = "add_linear_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def terms(self, op: Add | Sub) -> Mapping[str, float]:
        return {"eight": op.y.size // 8, "one": op.y.size % 8}


class AddS8(Paired[Add]):
    """A run of elements, for inputs of one shape.

    The input of the coarser scale is halved exactly, so that only the other needs a product.
    """

    name = "add_s8"

    def fits(self, op: Add) -> bool:
        a, b = operands(op)
        fine, out = self._factors(op)
        # The two shifts to the right round away from zero, and do so from one bit on.
        return a.shape == b.shape and (fine[1] < 0 or a.q.scale == b.q.scale) and out[1] < 0

    def params(self, op: Add) -> Mapping[str, int]:
        a, b = operands(op)
        fine, out = self._factors(op)
        swap = b.q.scale > a.q.scale
        zeros = a.q.zero_point, b.q.zero_point
        return {
            "n": op.y.size,
            "swap": int(swap),
            "same": int(a.q.scale == b.q.scale),
            "coarse": zeros[swap],
            "fine": zeros[not swap],
            "multiplier": fine[0],
            "shift": -fine[1],
            "out_multiplier": out[0],
            "out_shift": -out[1],
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def _factors(self, op: Add) -> tuple[tuple[int, int], tuple[int, int]]:
        """Multiplier and shift of the input with the finer scale, and of the sum."""
        fine = min(t.q.scale for t in operands(op)) / meeting(op)
        return fixed.quantize_multiplier(fine), fixed.quantize_multiplier(to_output(op))

    def consts(self, op: Add) -> tuple[Const, ...]:
        return constant_operand(op)


class AddBroadcastS8(Paired[Add]):
    """Any shapes that go together, and any scales."""

    name = "add_broadcast_s8"

    def params(self, op: Add) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **runs(op),
            "a_zero": a.q.zero_point,
            **factor(a.q.scale / meeting(op), "a_"),
            "b_zero": b.q.zero_point,
            **factor(b.q.scale / meeting(op), "b_"),
            **factor(to_output(op), "out_"),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }


class AddS8Vectors(Paired[Add | Sub]):
    """Sums, and differences, of any shapes that go together: eight elements at a time."""

    name = "add_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: Add | Sub) -> bool:
        return runs(op)["n"] >= EIGHT and factor(to_output(op))["shift"] < 0

    def params(self, op: Add | Sub) -> Mapping[str, int]:
        a, b = operands(op)
        a_sign, b_sign = signs(op)
        return {
            **runs(op),
            "a_zero": a.q.zero_point,
            **factor(a.q.scale / meeting(op), "a_"),
            "a_sign": a_sign,
            "b_zero": b.q.zero_point,
            **factor(b.q.scale / meeting(op), "b_"),
            "b_sign": b_sign,
            **factor(to_output(op), "out_"),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def terms(self, op: Add | Sub) -> Mapping[str, float]:
        return eights(op)


class AddS16(Paired[Add | Sub]):
    """Sums, and differences, of any shapes that go together and any scales."""

    name = "add_s16"
    types = ("int16",)

    def params(self, op: Add | Sub) -> Mapping[str, int]:
        a, b = operands(op)
        a_sign, b_sign = signs(op)
        return {
            **runs(op),
            **factor(a.q.scale / meeting(op), "a_"),
            "a_sign": a_sign,
            **factor(b.q.scale / meeting(op), "b_"),
            "b_sign": b_sign,
            **factor(to_output(op), "out_"),
            **bounds(op.activation, op.y),
        }


def signs(op: Add | Sub) -> tuple[int, int]:
    """What the operands are multiplied by: of a difference, -1 the second input."""
    second = -1 if isinstance(op, Sub) else 1
    return (1, second) if operands(op)[0] is op.x else (second, 1)


def fitted(op: Add | Sub) -> Linear | None:
    """The function of both operands that rounds as TFLM does, if there is one."""
    pair, twice, by = operands(op), meeting(op), signs(op)
    a, b = (
        sign
        * fixed.multiply_by_quantized_multiplier(
            (VALUES - t.q.zero_point) << HEADROOM["int8"],
            *fixed.quantize_multiplier(t.q.scale / twice),
        )
        for t, sign in zip(pair, by, strict=True)
    )
    factor = fixed.quantize_multiplier(to_output(op))
    wanted = fixed.multiply_by_quantized_multiplier(a[:, None] + b, *factor) + op.y.q.zero_point
    a_real, b_real = (sign * t.q.scale / op.y.q.scale for t, sign in zip(pair, by, strict=True))
    return linear(wanted, a_real, b_real, **bounds(op.activation, op.y))
