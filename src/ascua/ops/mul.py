"""MUL: the product of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Const, Kernel, Node, Op
from ascua.ops import activation, elementwise

MOST_SCALE = {"int8": 2**14, "int16": 1}
"""From this factor on, TFLM's int32 product would overflow."""


class MulS8(Kernel):
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
        return elementwise.constant_operand(op)


class MulBroadcastS8(Kernel):
    """Any shapes that go together, and any scales."""

    name = "mul_broadcast_s8"

    def params(self, op: Mul) -> Mapping[str, int]:
        a, b = elementwise.operands(op)
        run, *outer = elementwise.loops(op)
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
        return (*elementwise.constant_operand(op), elementwise.loops_const(op))


class MulS16(Kernel):
    """Any shapes that go together, and any scales."""

    name = "mul_s16"
    types = ("int16",)

    def params(self, op: Mul) -> Mapping[str, int]:
        multiplier, shift = op.scale()
        low, high = activation.bounds(op.activation, op.y)
        return {
            **elementwise.runs(op),
            "multiplier": multiplier,
            "shift": shift,
            "low": low,
            "high": high,
        }

    def consts(self, op: Mul) -> tuple[Const, ...]:
        return (*elementwise.constant_operand(op), elementwise.loops_const(op))


@dataclass(frozen=True, eq=False)
class Mul(Op):
    """y = activation(a * b), one repeated along the other where the shapes differ."""

    activation: activation.Activation

    tflite = "MUL"
    options = "MulOptions"
    max_version = 7
    types = ("int8", "int16")
    kernels = (MulS8(), MulBroadcastS8(), MulS16())

    @classmethod
    def read(cls, node: Node) -> Self:
        number = node.options["fused_activation_function"]
        return cls(node.inputs, node.outputs, activation.read_activation(number))

    def write(self) -> Mapping[str, Any]:
        return {"fused_activation_function": activation.ACTIVATIONS.index(self.activation)}

    def check(self) -> str | None:
        reason = elementwise.condition(self) or activation.unsupported(self.activation)
        if reason:
            return reason
        if self._real() >= MOST_SCALE[self.y.dtype]:
            return f"its output's scale {self.y.q.scale:g} is too fine for its inputs' scales"
        return None

    def scale(self) -> tuple[int, int]:
        """Multiplier and shift from the product to the output."""
        return fixed.quantize_multiplier(self._real())

    def _real(self) -> float:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        return a.q.scale * b.q.scale / self.y.q.scale

    def eval(self, *xs: Array) -> Array:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        low, high = activation.bounds(self.activation, self.y)
        multiplier, shift = fixed.quantize_multiplier(a.q.scale * b.q.scale / self.y.q.scale)

        def product(p: Array, q: Array) -> Array:
            v = (p.astype(np.int64) - a.q.zero_point) * (q.astype(np.int64) - b.q.zero_point)
            y = fixed.multiply_by_quantized_multiplier(v, multiplier, shift)
            clipped: Array = np.clip(y + self.y.q.zero_point, low, high)
            return clipped

        return elementwise.over_pairs(self, xs, product)

    def eval_float(self, *xs: Array) -> Array:
        a, b = elementwise.floats(self, xs)
        return activation.clamped(a * b, self.activation)
