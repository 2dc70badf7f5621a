"""SUB: the difference of two tensors, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _activation, _elementwise
from ascua.ops.add import HEADROOM


@dataclass(frozen=True, eq=False)
class Sub(Op):
    """y = activation(a - b), one repeated along the other where the shapes differ."""

    activation: _activation.Activation

    tflite = "SUB"
    floats = True
    options = "SubOptions"
    max_version = 5
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
        return _elementwise.folded(self, np.subtract)

    def check(self) -> str | None:
        reason = _elementwise.condition(self) or _activation.unsupported(self.activation)
        if reason:
            return reason
        if self.out_scale() >= 1 or self.out()[1] > 0:
            return (
                f"its output's scale {self.y.q.scale:g} is too fine for inputs of the scale"
                f" {self.coarsest():g}; TFLM takes down to 1 in {1 << (self.headroom - 1):,}"
            )
        return None

    def coarsest(self) -> float:
        """The larger of the inputs' scales."""
        return max(t.q.scale for t in _elementwise.operands(self))

    def out_scale(self) -> float:
        """The real factor from the difference to the output."""
        return 2 * self.coarsest() / ((1 << self.headroom) * self.y.q.scale)

    def out(self) -> tuple[int, int]:
        """Multiplier and shift from the difference to the output."""
        return fixed.quantize_multiplier(self.out_scale())

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
        to_output = fixed.quantize_multiplier(twice / ((1 << self.headroom) * self.y.q.scale))

        def difference(p: Array, q: Array) -> Array:
            minuend, subtrahend = (
                fixed.multiply_by_quantized_multiplier(
                    (x.astype(np.int64) - t.q.zero_point) << self.headroom,
                    *fixed.quantize_multiplier(t.q.scale / twice),
                )
                for x, t in ((p, a), (q, b))
            )
            y = fixed.multiply_by_quantized_multiplier(minuend - subtrahend, *to_output)
            clipped: Array = np.clip(y + self.y.q.zero_point, low, high)
            return clipped

        return _elementwise.over_pairs(self, xs, difference)

    def eval_float(self, *xs: Array) -> Array:
        a, b = _elementwise.floats(self, xs)
        return _activation.clamped(a - b, self.activation)
