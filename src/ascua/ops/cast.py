"""CAST: the same numbers in another type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op, limits
from ascua.ops import _conditions

NUMBERS = {
    "float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7,
    "int8": 9, "float64": 10, "uint64": 12, "uint32": 15, "uint16": 16, "int4": 17,
}  # fmt: skip
"""The numbers of the types in .tflite files."""

SAME_BYTES = ("bool", "int8")
"""Types of one byte: what is true is 1."""


@dataclass(frozen=True, eq=False)
class Cast(Op):
    """y = x as the type of y; scales and zero points, where there are any, count for nothing.

    A whole number keeps its lowest bits. A float loses what is behind its point and saturates, and
    NaN gives 0. What is not 0 is true, NaN too.
    """

    tflite = "CAST"
    options = "CastOptions"
    max_version = 7
    types = ("int8", "int16", "int32", "float32", "bool")

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def write(self) -> Mapping[str, Any]:
        ends = {"in_data_type": self.inputs[:1], "out_data_type": self.outputs[:1]}
        return {field: NUMBERS[t.dtype] for field, ts in ends.items() for t in ts if t}

    @property
    def view(self) -> bool:  # type: ignore[override]
        """Whether the output is the input's bytes, which its types decide."""
        return self.x.dtype == self.y.dtype or (self.x.dtype, self.y.dtype) == SAME_BYTES

    def malformed(self) -> str | None:
        return _conditions.arity(self, 1) or _conditions.first(
            _conditions.dtype(self.x, *self.types),
            _conditions.dtype(self.y, *self.types),
            _conditions.filled(self.x),
            _conditions.output_shape(self, self.x.shape),
        )

    def check(self) -> str | None:
        return self.malformed() or _conditions.computed(self.x)

    def eval(self, *xs: Array) -> Array:
        return self._cast(xs[0])

    def constant(self) -> Array | None:
        return self._cast(self.x.values) if self.x.const else None

    def _cast(self, x: Array) -> Array:
        """`x` of any shape in the output's type."""
        if x.dtype == np.float32 and self.y.dtype in ("int8", "int16", "int32"):
            whole = np.trunc(np.where(np.isnan(x), 0, x).astype(np.float64))
            x = np.clip(whole, *limits(self.y.dtype))
        y: Array = x.astype(self.y.dtype)
        return y
