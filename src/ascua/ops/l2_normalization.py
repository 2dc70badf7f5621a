"""L2_NORMALIZATION: vectors along the last axis, scaled to the length one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op
from ascua.ops import _activation, _conditions

MOST_VALUES = 1 << 15
"""Of one vector: then the sum of squares is far from overflowing."""

OUTPUT_BITS = 7
"""The output is in steps of 1/128."""

LEAST_LENGTH = 1e-6
"""Of a vector of floats: shorter ones are divided by this."""


@dataclass(frozen=True, eq=False)
class L2Normalization(Op):
    """y[row, i] = x[row, i] / sqrt(sum over j of x[row, j]^2)."""

    activation: _activation.Activation = "NONE"

    tflite = "L2_NORMALIZATION"
    options = "L2NormOptions"
    max_version = 2
    output_range = (-1.0, 1.0)

    @classmethod
    def read(cls, node: Node) -> Self:
        number = node.options["fused_activation_function"]
        return cls(node.inputs, node.outputs, _activation.read_activation(number))

    def write(self) -> Mapping[str, Any]:
        return {"fused_activation_function": _activation.ACTIVATIONS.index(self.activation)}

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self) or _conditions.vectors(self.x)

    def check(self) -> str | None:
        reason = _conditions.arity(self, 1) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.rank(self.x, 1, 2, 3, 4),
            _conditions.quantized(self, self.x, self.y),
            self.malformed(),
        )
        if reason:
            return reason
        if (self.y.q.scale, self.y.q.zero_point) != (1 / 128, 0):
            return (
                f"its output has the scale {self.y.q.scale:g} and the zero point"
                f" {self.y.q.zero_point}; an int8 L2 normalisation has 1/128 and 0"
            )
        if self.activation != "NONE":
            return f"it has the fused activation {self.activation}, and TFLM takes none"
        if self.x.shape[-1] > MOST_VALUES:
            return f"its vectors have {self.x.shape[-1]} values; at most {MOST_VALUES} are taken"
        return None

    def eval(self, *xs: Array) -> Array:
        x = xs[0].astype(np.int64) - self.x.q.zero_point
        squares = (x * x).sum(axis=-1, keepdims=True)
        multiplier, shift = inverse_square_root(squares)
        y = fixed.multiply_by_quantized_multiplier(x, multiplier, shift + OUTPUT_BITS)
        clipped: Array = np.clip(y, -128, 127).astype(np.int8)
        return clipped

    def eval_float(self, *xs: Array) -> Array:
        length = np.sqrt((xs[0] * xs[0]).sum(axis=-1, keepdims=True))
        y: Array = xs[0] / np.maximum(length, np.float32(LEAST_LENGTH))
        return y


def inverse_square_root(x: Array) -> tuple[Array, Array]:
    """Multipliers and shifts of 1 / sqrt(x), for x in [0, 2**31): five steps of Newton's method.

    0 is taken for 1.
    """
    bits = np.frexp(np.maximum(x, 2).astype(np.float64))[1]
    # By pairs of bits x comes into [2**27, 2**29); a half of that is a number in Q3 below 1.
    pairs = (29 - bits) // 2
    normal = np.where(pairs >= 0, x << (2 * np.maximum(pairs, 0)), x // 4 ** np.maximum(-pairs, 0))
    half = fixed.rounding_divide_by_pot(normal >> 1, 1)
    root = np.full_like(normal, 1 << 28)
    mul = fixed.rounding_doubling_high_mul
    for _ in range(5):
        cube = np.minimum(mul(mul(root, root), root) << 6, 2**31 - 1)
        root = (mul(root, 3 << 27) - mul(half, cube)) << 3
    multiplier = mul(root, round(2**31 / 2**0.5))
    left = np.maximum(pairs - 11, 0)
    shift = np.minimum(pairs - 11, 0)
    one = x <= 1
    return np.where(one, 2**31 - 1, multiplier << left), np.where(one, 0, shift)
