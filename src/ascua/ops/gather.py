"""GATHER: some slices of a tensor along an axis, in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_DIMENSIONS = 8
"""TFLM takes any number."""


@dataclass(frozen=True, eq=False)
class Gather(Op):
    """y = x[..., indices, ...] along an axis; the indices, the second input, are constant."""

    axis: int = 0
    batch_dims: int = 0

    tflite = "GATHER"
    floats = True
    options = "GatherOptions"
    max_version = 4
    types = ("int8",)
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(node.inputs, node.outputs, int(o["axis"]), int(o["batch_dims"]))

    def write(self) -> Mapping[str, Any]:
        return {"axis": self.axis, "batch_dims": self.batch_dims}

    @property
    def at(self) -> int:
        """The axis, counted from the first."""
        return self.axis % len(self.x.shape)

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(self, self.x, self.y, most=MOST_DIMENSIONS)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2) or _moves.integers(self.inputs[1], "indices")
        if reason:
            return reason
        rank = len(self.x.shape)
        if not -rank <= self.axis < rank:
            return f"its axis {self.axis} does not exist in a tensor of {rank} dimensions"
        if self.batch_dims:
            return f"it has {self.batch_dims} dimensions of batches"
        size, indices = self.x.shape[self.at], self.inputs[1]
        assert indices is not None
        if any(not 0 <= i < size for i in _moves.listed(indices)):
            return f"it takes elements outside a dimension of {size}"
        expected = (*self.x.shape[: self.at], *indices.shape, *self.x.shape[self.at + 1 :])
        return _conditions.output_shape(self, expected) or _moves.one_type(self.x, self.y)

    def eval(self, *xs: Array) -> Array:
        indices = self.inputs[1]
        assert indices is not None
        return np.take(xs[0], indices.values, axis=1 + self.at)

    def constant(self) -> Array | None:
        return _moves.folded(self, self.x)
