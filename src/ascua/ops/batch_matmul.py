"""BATCH_MATMUL: products of matrices, of which one or none is constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from ascua import fixed
from ascua.ir import Array, Node, Op, Tensor, limits
from ascua.ops import _conditions, _elementwise

MOST_PRODUCTS = 1 << 15
"""In one sum: then it is far from overflowing."""


@dataclass(frozen=True, eq=False)
class BatchMatMul(Op):
    """y[.., i, j] = sum over k of a[.., i, k] * b[.., k, j].

    `adj_x` and `adj_y` state that the last two dimensions of a and of b are swapped. Matrices of
    one input are repeated where the other has more.
    """

    adj_x: bool = False
    adj_y: bool = False
    asymmetric_quantize_inputs: bool = False

    tflite = "BATCH_MATMUL"
    options = "BatchMatMulOptions"
    max_version = 4
    types = ("int8", "int16")

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(
            node.inputs,
            node.outputs,
            adj_x=bool(o["adj_x"]),
            adj_y=bool(o["adj_y"]),
            asymmetric_quantize_inputs=bool(o["asymmetric_quantize_inputs"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "adj_x": self.adj_x,
            "adj_y": self.adj_y,
            "asymmetric_quantize_inputs": self.asymmetric_quantize_inputs,
        }

    @property
    def a(self) -> Tensor:
        """The matrices on the left."""
        return self.x

    @property
    def b(self) -> Tensor:
        """The matrices on the right."""
        assert self.inputs[1] is not None
        return self.inputs[1]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows of the output, products of one sum, columns of the output."""
        rows, k = self.a.shape[-2:]
        if self.adj_x:
            rows, k = k, rows
        return rows, k, self.b.shape[-2 if self.adj_y else -1]

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _conditions.first(
            _conditions.filled(self.a),
            _conditions.filled(self.b),
            _conditions.computed(_elementwise.operands(self)[0]),
        )
        if reason:
            return reason
        if min(len(self.a.shape), len(self.b.shape)) < 2:
            return "it must have two inputs of matrices"
        rows, k, cols = self.sizes
        if k != self.b.shape[-1 if self.adj_y else -2]:
            return f"matrices of {list(self.a.shape)} and {list(self.b.shape)} do not go together"
        try:
            batch = np.broadcast_shapes(self.a.shape[:-2], self.b.shape[:-2])
        except ValueError:
            return f"the shapes {list(self.a.shape)} and {list(self.b.shape)} do not go together"
        return _conditions.output_shape(self, (*batch, rows, cols))

    def check(self) -> str | None:
        reason = _conditions.arity(self, 2) or _conditions.first(
            _conditions.rank(self.a, 2, 3, 4, 5),
            _conditions.rank(self.b, 2, 3, 4, 5),
            _conditions.quantized(self, self.a, self.b, self.y),
            self.malformed(),
        )
        if reason:
            return reason
        _, k, _ = self.sizes
        if k > MOST_PRODUCTS:
            return f"its sums are of {k} products; at most {MOST_PRODUCTS} are taken"
        if self.y.dtype == "int16":
            if self.factor()[1] > 7:
                return f"its output's scale {self.y.q.scale:g} is too fine for its inputs' scales"
            return None
        greatest = k * prod(
            max(127 - t.q.zero_point, t.q.zero_point + 128) for t in (self.a, self.b)
        )
        return _conditions.rescaled(self.y, [greatest], [self.factor()])

    def factor(self) -> tuple[int, int]:
        """Multiplier and shift from the sum to the output."""
        return fixed.quantize_multiplier(self.a.q.scale * self.b.q.scale / self.y.q.scale)

    def eval(self, *xs: Array) -> Array:
        computed = iter(xs)
        sides = []
        for t, swapped in ((self.a, self.adj_x), (self.b, self.adj_y)):
            x = t.values[None] if t.const else next(computed)
            ones = (1,) * (len(self.y.shape) - len(t.shape))
            # Sums of products of int8 stay exact in float64.
            x = x.reshape(len(x), *ones, *t.shape).astype(np.float64) - t.q.zero_point
            sides.append(x.swapaxes(-1, -2) if swapped else x)
        total = np.matmul(*sides).astype(np.int64)
        wide = self.y.dtype == "int16"
        rescale = fixed.multiply_wide if wide else fixed.multiply_by_quantized_multiplier
        scaled = rescale(total, *self.factor())
        y: Array = np.clip(scaled + self.y.q.zero_point, *limits(self.y.dtype))
        return y.astype(self.y.dtype)

    def eval_float(self, *xs: Array) -> Array:
        computed = iter(xs)
        sides = []
        for t, swapped in ((self.a, self.adj_x), (self.b, self.adj_y)):
            x = t.values[None] if t.const else next(computed)
            ones = (1,) * (len(self.y.shape) - len(t.shape))
            x = x.reshape(len(x), *ones, *t.shape)
            sides.append(x.swapaxes(-1, -2) if swapped else x)
        return np.matmul(*sides)

    def macs(self) -> int:
        return self.y.size * self.sizes[1]
