"""CUMSUM: the sums of all values up to each along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

HEADROOM = 20
"""Bits that TFLM shifts its inputs to the left, before it scales them to twice their scale."""


@dataclass(frozen=True, eq=False)
class Cumsum(Op):
    """y[..., i, ...] = the sum of x[..., j, ...] over j <= i, along the axis that is constant.

    Where it is `exclusive` i itself is left out, where it is `reverse` j goes from the other end.
    Of int8 TFLM begins at minus the input's zero point instead of 0, and sums wrap beyond 4096
    steps of the input; so they do here.
    """

    exclusive: bool = False
    reverse: bool = False

    tflite = "CUMSUM"
    options = "CumsumOptions"

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(node.inputs, node.outputs, bool(o["exclusive"]), bool(o["reverse"]))

    def write(self) -> Mapping[str, Any]:
        return {"exclusive": self.exclusive, "reverse": self.reverse}

    @property
    def axis(self) -> int:
        """The axis, counted from the first."""
        return _moves.listed(self.inputs[1])[0] % len(self.x.shape)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x),
            _moves.integers(self.inputs[1], "axes"),
        )
        if reason:
            return reason
        rank, axes = len(self.x.shape), _moves.listed(self.inputs[1])
        if len(axes) != 1 or not -rank <= axes[0] < rank:
            return f"its axes {axes} are not one axis of '{self.x.name}' of {rank} dimensions"
        return _conditions.output_shape(self, self.x.shape)

    def check(self) -> str | None:
        reason = _conditions.arity(self, 2) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x),
            _conditions.quantized(self, self.x, self.y),
            self.malformed(),
        )
        if reason:
            return reason
        if self._real() >= 1 or fixed.quantize_multiplier(self._real())[1] > 0:
            return (
                f"its output's scale {self.y.q.scale:g} is too fine for an input of the scale"
                f" {self.x.q.scale:g}"
            )
        return None

    def _real(self) -> float:
        """From sums to the output."""
        return 2 * self.x.q.scale / ((1 << HEADROOM) * self.y.q.scale)

    def eval(self, *xs: Array) -> Array:
        zero = self.x.q.zero_point
        steps = self._sums(xs[0].astype(np.int64) - zero) - zero
        sums = fixed.wrap32(steps << (HEADROOM - 1))
        y = fixed.multiply_by_quantized_multiplier(sums, *fixed.quantize_multiplier(self._real()))
        clipped: Array = np.clip(y + self.y.q.zero_point, -128, 127).astype(np.int8)
        return clipped

    def eval_float(self, *xs: Array) -> Array:
        return self._sums(xs[0])

    def _sums(self, x: Array) -> Array:
        axis = 1 + self.axis
        values = np.flip(x, axis) if self.reverse else x
        sums = np.cumsum(values, axis, dtype=x.dtype)
        if self.exclusive:
            sums = np.concatenate(
                [np.zeros_like(sums.take([0], axis)), sums.take(range(sums.shape[axis] - 1), axis)],
                axis,
            )
        return np.flip(sums, axis) if self.reverse else sums
