"""Kernels of ADD: the sum of two tensors, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels import broadcast
from ascua.kernels.kernel import Const, Kernel
from ascua.ops import activation, elementwise
from ascua.ops.add import Add
from ascua.ops.sub import Sub


class AddS8(Kernel[Add]):
    """A run of elements, for inputs of one shape.

    The input of the coarser scale is halved exactly, so that only the other needs a product.
    """

    name = "add_s8"

    def fits(self, op: Add) -> bool:
        a, b = elementwise.operands(op)
        # The two shifts to the right round away from zero, and do so from one bit on.
        return a.shape == b.shape and (op.fine()[1] < 0 or op.same()) and op.out()[1] < 0

    def params(self, op: Add) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        swap = b.q.scale > a.q.scale
        coarse, fine = (b, a) if swap else (a, b)
        low, high = activation.bounds(op.activation, op.y)
        return {
            "n": op.y.size,
            "swap": int(swap),
            "same": int(op.same()),
            "coarse": coarse.q.zero_point,
            "fine": fine.q.zero_point,
            "multiplier": op.fine()[0],
            "shift": -op.fine()[1],
            "out_multiplier": op.out()[0],
            "out_shift": -op.out()[1],
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Add) -> tuple[Const, ...]:
        return broadcast.constant_operand(op)


class AddBroadcastS8(Kernel[Add]):
    """Any shapes that go together, and any scales."""

    name = "add_broadcast_s8"

    def params(self, op: Add) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        run, *outer = broadcast.loops(op)
        scales = {a.q.scale: op.scaled(a.q.scale), b.q.scale: op.scaled(b.q.scale)}
        low, high = activation.bounds(op.activation, op.y)
        return {
            "n": run.n,
            "a_step": run.a,
            "b_step": run.b,
            "runs": op.y.size // run.n,
            "loops": max(1, len(outer)),
            "a_zero": a.q.zero_point,
            "a_multiplier": scales[a.q.scale][0],
            "a_shift": scales[a.q.scale][1],
            "b_zero": b.q.zero_point,
            "b_multiplier": scales[b.q.scale][0],
            "b_shift": scales[b.q.scale][1],
            "out_multiplier": op.out()[0],
            "out_shift": op.out()[1],
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Add) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))


class AddS16(Kernel[Add | Sub]):
    """Sums, and differences, of any shapes that go together and any scales."""

    name = "add_s16"
    types = ("int16",)

    def params(self, op: Add | Sub) -> Mapping[str, int]:
        operands = elementwise.operands(op)
        signs = op.signs if operands[0] is op.x else op.signs[::-1]
        low, high = activation.bounds(op.activation, op.y)
        fields = broadcast.runs(op)
        for name, t, sign in zip("ab", operands, signs, strict=True):
            multiplier, shift = op.scaled(t.q.scale)
            fields |= {
                f"{name}_multiplier": multiplier,
                f"{name}_shift": shift,
                f"{name}_sign": sign,
            }
        multiplier, shift = op.out()
        fields |= {"out_multiplier": multiplier, "out_shift": shift}
        return {**fields, "low": low, "high": high}

    def consts(self, op: Add | Sub) -> tuple[Const, ...]:
        return (*broadcast.constant_operand(op), broadcast.loops_const(op))
