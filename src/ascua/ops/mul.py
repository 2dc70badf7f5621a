"""MUL: the product of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _activation, _elementwise

MOST_SCALE = {"int8": 2**14, "int16": 1}
"""From this factor on, TFLM's int32 product would overflow."""


@dataclass(frozen=True, eq=False)
class Mul(Op):
    """y = activation(a * b), one repeated along the other where the shapes differ."""

    activation: _activation.Activation

    tflite = "MUL"
    floats = True
    options = "MulOptions"
    max_version = 7
    types = ("int8", "int16")
    elementwise = True

    @classmethod
    def read(cls, node: Node) -> Self:
        number = node.options["fused_activation_function"]
        return cls(node.inputs, node.outputs, _activation.read_activation(number))

    def write(self) -> Mapping[str, Any]:
        return {"fused_activation_function": _activation.ACTIVATIONS.index(self.activation)}

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def constant(self) -> Array | None:
        return _elementwise.folded(self, np.multiply)

    def check(self) -> str | None:
        reason = _elementwise.condition(self) or _activation.unsupported(self.activation)
        if reason:
            return reason
        if self._real() >= MOST_SCALE[self.y.dtype]:
            return f"its output's scale {self.y.q.scale:g} is too fine for its inputs' scales"
        return None

    def _real(self) -> float:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        return a.q.scale * b.q.scale / self.y.q.scale

    def eval(self, *xs: Array) -> Array:
        a, b = self.inputs
        assert a is not None
        assert b is not None
        low, high = _activation.bounds(self.activation, self.y)
        multiplier, shift = fixed.quantize_multiplier(a.q.scale * b.q.scale / self.y.q.scale)

        def product(p: Array, q: Array) -> Array:
            v = (p.astype(np.int64) - a.q.zero_point) * (q.astype(np.int64) - b.q.zero_point)
            y = fixed.multiply_by_quantized_multiplier(v, multiplier, shift)
            clipped: Array = np.clip(y + self.y.q.zero_point, low, high)
            return clipped

        return _elementwise.over_pairs(self, xs, product)

    def eval_float(self, *xs: Array) -> Array:
        a, b = _elementwise.floats(self, xs)
        return _activation.clamped(a * b, self.activation)
