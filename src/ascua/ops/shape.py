"""SHAPE: the shape of a tensor, known before any input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op


@dataclass(frozen=True, eq=False)
class Shape(Op):
    """y = the shape of x; it folds away, for every tensor has a fixed shape here."""

    out_type: int = 2

    tflite = "SHAPE"
    options = "ShapeOptions"
    any_type = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, int(node.options["out_type"]))

    def write(self) -> Mapping[str, Any]:
        return {"out_type": self.out_type}

    def malformed(self) -> str | None:
        one = len(self.inputs) == len(self.outputs) == 1 and self.inputs[0] is not None
        if one and self.y.dtype in ("int32", "int64") and self.y.shape == (len(self.x.shape),):
            return None
        return (
            "it must have one input, and one int32 or int64 output of as many values as the input"
            " has dimensions"
        )

    def check(self) -> str | None:
        return self.malformed()

    def eval(self, *xs: Array) -> Array:
        shape = np.array(self.x.shape, self.y.dtype)
        return np.broadcast_to(shape, (len(xs[0]), len(shape)))

    def constant(self) -> Array:
        return np.array(self.x.shape, self.y.dtype)
