"""ARG_MAX: where along an axis the greatest value is; the first of equal ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

INT32 = 2
"""The number of the type in .tflite files."""

MOST_DIMENSIONS = 6
"""The most that TFLM's shapes have."""


@dataclass(frozen=True, eq=False)
class ArgMax(Op):
    """y = the index of the greatest of x along the axis that the second input names."""

    output_type: int = INT32

    tflite = "ARG_MAX"
    options = "ArgMaxOptions"
    max_version = 3
    any_type = True

    sign = 1
    """-1 where the least value is wanted."""

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, output_type=int(node.options["output_type"]))

    def write(self) -> Mapping[str, Any]:
        return {"output_type": self.output_type}

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
        return _conditions.output_shape(
            self, self.x.shape[: self.axis] + self.x.shape[self.axis + 1 :]
        )

    def check(self) -> str | None:
        reason = _conditions.arity(self, 2) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.filled(self.x, MOST_DIMENSIONS),
            _conditions.quantized(self, self.x),
        )
        if reason:
            return reason
        if self.y.dtype != "int32" or self.output_type != INT32:
            return "its output is not int32, the only type that TFLM answers: set output_type"
        return self.malformed()

    def eval(self, *xs: Array) -> Array:
        y: Array = np.argmax(xs[0], axis=1 + self.axis).astype(np.int32)
        return y
