"""DEQUANTIZE: int8 or int16 to float32 at the edge of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions


@dataclass(frozen=True, eq=False)
class Dequantize(Op):
    """y = scale * (x - zero point)."""

    tflite = "DEQUANTIZE"
    options = "DequantizeOptions"
    max_version = 6
    types = ("int8", "int16", "float32")

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 1):
            return reason
        return _conditions.first(
            None if self._foldable() else _conditions.computed(self.x),
            _conditions.filled(self.x),
            _conditions.dtype(self.y, "float32"),
            _conditions.output_shape(self, self.x.shape),
        )

    def check(self) -> str | None:
        return _conditions.arity(self, 1) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x),
            _conditions.quantized(self, self.x),
            _conditions.dtype(self.y, "float32"),
            self.malformed(),
        )

    def _foldable(self) -> bool:
        """Whether it is of a constant whose real values are known."""
        x = self.x
        return x.const and (x.dtype == "float16" or (x.dtype == "int8" and x.quant is not None))

    def eval(self, *xs: Array) -> Array:
        with np.errstate(over="ignore"):
            y = (xs[0].astype(np.float64) - self.x.q.zero_point) * self.x.q.scale
            return y.astype(np.float32)

    def constant(self) -> Array | None:
        if not self._foldable():
            return None
        if self.x.dtype == "float16":
            return self.x.values.astype(np.float32)
        shape = [1] * len(self.x.shape)
        if self.x.q.per_channel:
            shape[self.x.q.axis] = -1
        zeros, scales = (np.reshape(v, shape) for v in (self.x.q.zero_points, self.x.q.scales))
        with np.errstate(over="ignore"):
            real: Array = ((self.x.values - zeros) * scales).astype(np.float32)
        return real
