"""DIV: the quotient of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _activation, _elementwise
from ascua.ops.softmax import reciprocal_of_one_plus

MOST_BROADCAST = 5
"""The most dimensions that TFLM broadcasts here."""

OF_ZERO = -1515870788
"""What TFLM's reciprocal makes of 0, in Q0: its sums wrap."""


@dataclass(frozen=True, eq=False)
class Div(Op):
    """y = activation(a / b), one repeated along the other where the shapes differ.

    Where b is 0, TFLM answers as if it were -0.708 steps of its scale, and so does this: 0 for 0,
    and the opposite sign for the rest.
    """

    activation: _activation.Activation

    tflite = "DIV"
    elementwise = True
    floats = True
    options = "DivOptions"
    max_version = 2

    @classmethod
    def read(cls, node: Node) -> Self:
        number = node.options["fused_activation_function"]
        return cls(node.inputs, node.outputs, _activation.read_activation(number))

    def write(self) -> Mapping[str, Any]:
        return {"fused_activation_function": _activation.ACTIVATIONS.index(self.activation)}

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def check(self) -> str | None:
        reason = _elementwise.condition(self) or _activation.unsupported(self.activation)
        if reason:
            return reason
        a, b = self.operands()
        if a.shape != b.shape and len(self.y.shape) > MOST_BROADCAST:
            return f"it broadcasts {len(self.y.shape)} dimensions; at most {MOST_BROADCAST} go"
        least, most = self.shifts()
        if least < 1:
            return f"its output's scale {self.y.q.scale:g} is too fine for its inputs' scales"
        if most > 31:
            return (
                f"its output's scale {self.y.q.scale:g} is too coarse for its inputs' scales: for"
                f" some values TFLM shifts 32 bits by {most}, which C does not define"
            )
        return None

    def operands(self) -> tuple[Tensor, Tensor]:
        """The dividend and the divisor."""
        a, b = self.inputs
        assert a is not None
        assert b is not None
        return a, b

    def scaling(self) -> tuple[int, int]:
        """Multiplier and left shift from quotients to the output."""
        a, b = self.operands()
        return fixed.quantize_multiplier(a.q.scale / (b.q.scale * self.y.q.scale))

    def shifts(self) -> tuple[int, int]:
        """The least and the greatest shift to the right that values of the inputs can need."""
        dividends, divisors = (
            np.unique(t.values if t.const else _elementwise.INT8).astype(np.int64) - t.q.zero_point
            for t in self.operands()
        )
        # A negative divisor turns the dividend's sign.
        rooms = headroom(np.concatenate([dividends, -dividends]))
        bits = magnitude(divisors)
        left = self.scaling()[1]
        return int(rooms.min() + bits.min()) - left, int(rooms.max() + bits.max()) - left

    def eval(self, *xs: Array) -> Array:
        a, b = self.operands()
        low, high = _activation.bounds(self.activation, self.y)
        multiplier, shift = self.scaling()

        def quotient(p: Array, q: Array) -> Array:
            dividend = p.astype(np.int64) - a.q.zero_point
            divisor = q.astype(np.int64) - b.q.zero_point
            dividend = np.where(divisor < 0, -dividend, dividend)
            divisor = np.abs(divisor)
            bits = magnitude(divisor)
            inverse = reciprocal_of_one_plus((divisor << (31 - bits)) - 2**31)
            inverse = np.where(divisor == 0, OF_ZERO, inverse)
            room = headroom(dividend)
            whole = fixed.rounding_doubling_high_mul(dividend << room, inverse)
            scaled = fixed.rounding_doubling_high_mul(whole, multiplier)
            # All pairs of values come here; constants leave others out.
            y = fixed.rounding_divide_by_pot(scaled, np.clip(bits + room - shift, 1, 31))
            clipped: Array = np.clip(y + self.y.q.zero_point, low, high)
            return clipped

        return _elementwise.over_pairs(self, xs, quotient)

    def eval_float(self, *xs: Array) -> Array:
        a, b = _elementwise.floats(self, xs)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _activation.clamped(a / b, self.activation)


def magnitude(x: Array) -> Array:
    """The place of the highest bit of |x|; -1 for 0."""
    return np.frexp(np.abs(x).astype(np.float64))[1].astype(np.int64) - 1


def headroom(x: Array) -> Array:
    """How far x can be shifted to the left in 32 bits."""
    return 30 - magnitude(np.where(x < 0, ~x, x))
