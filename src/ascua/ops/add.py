"""ADD: the sum of two tensors, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _activation, _elementwise

HEADROOM = {"int8": 20, "int16": 15}
"""Bits that TFLM shifts its inputs to the left, before it scales them to a common scale."""


@dataclass(frozen=True, eq=False)
class Add(Op):
    """y = activation(a + b), one repeated along the other where the shapes differ."""

    activation: _activation.Activation

    tflite = "ADD"
    floats = True
    options = "AddOptions"
    max_version = 5
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        number = node.options["fused_activation_function"]
        return cls(node.inputs, node.outputs, _activation.read_activation(number))

    def write(self) -> Mapping[str, Any]:
        number = _activation.ACTIVATIONS.index(self.activation)
        return {"fused_activation_function": number}

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def constant(self) -> Array | None:
        return _elementwise.folded(self, np.add)

    def check(self) -> str | None:
        reason = _elementwise.condition(self) or _activation.unsupported(self.activation)
        if reason:
            return reason
        if self._out_scale() >= 1 or self.out()[1] > 0:
            return (
                f"its output's scale {self.y.q.scale:g} is too fine for inputs of the scale"
                f" {self.coarsest():g}; TFLM takes down to 1 in {1 << (self.headroom - 1):,}"
            )
        return None

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        operands = self.activations
        alike = len(operands) == 2 and all(t.shape == self.y.shape for t in operands)
        good = alike and _activation.scales(self.activation)
        return [(t, 0) for t in (*operands, self.y)] if good else []

    def coarsest(self) -> float:
        """The larger of the inputs' scales."""
        return max(t.q.scale for t in _elementwise.operands(self))

    def out(self) -> tuple[int, int]:
        """Multiplier and shift from the sum to the output."""
        return fixed.quantize_multiplier(self._out_scale())

    def _out_scale(self) -> float:
        return 2 * self.coarsest() / ((1 << self.headroom) * self.y.q.scale)

    @property
    def headroom(self) -> int:
        """Bits that inputs are shifted to the left."""
        return HEADROOM[self.y.dtype]

    def eval(self, *xs: Array) -> Array:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        low, high = _activation.bounds(self.activation, self.y)
        twice = 2 * max(a.q.scale, b.q.scale)

        def total(p: Array, q: Array) -> Array:
            scaled = [
                fixed.multiply_by_quantized_multiplier(
                    (x.astype(np.int64) - t.q.zero_point) << self.headroom,
                    *fixed.quantize_multiplier(t.q.scale / twice),
                )
                for x, t in ((p, a), (q, b))
            ]
            multiplier, shift = fixed.quantize_multiplier(
                twice / ((1 << self.headroom) * self.y.q.scale)
            )
            y = fixed.multiply_by_quantized_multiplier(scaled[0] + scaled[1], multiplier, shift)
            clipped: Array = np.clip(y + self.y.q.zero_point, low, high)
            return clipped

        return _elementwise.over_pairs(self, xs, total)

    def eval_float(self, *xs: Array) -> Array:
        a, b = _elementwise.floats(self, xs)
        return _activation.clamped(a + b, self.activation)
