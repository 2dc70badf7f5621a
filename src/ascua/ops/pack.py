"""PACK: tensors side by side along a new dimension."""

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
class Pack(Op):
    """y = the inputs, of one shape, stacked along the new dimension `axis`."""

    axis: int = 0

    tflite = "PACK"
    floats = True
    options = "PackOptions"
    max_version = 4
    types = ("int8", "int16")
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        number, inputs = int(node.options["values_count"]), len(node.inputs)
        if number != inputs:
            raise ValueError(f"it packs {number} tensors and has {inputs} inputs")
        return cls(node.inputs, node.outputs, int(node.options["axis"]))

    def write(self) -> Mapping[str, Any]:
        return {"values_count": len(self.inputs), "axis": self.axis}

    @property
    def at(self) -> int:
        """The new dimension, counted from the first."""
        return self.axis % len(self.y.shape)

    def check(self) -> str | None:
        if reason := self.malformed():
            return reason
        tensors = [t for t in self.inputs if t is not None]
        reasons = (_moves.condition(self, t, self.y, most=MOST_DIMENSIONS) for t in tensors)
        return next((reason for reason in reasons if reason), None)

    def eval(self, *xs: Array) -> Array:
        computed = iter(xs)
        parts = [
            np.broadcast_to(t.values, (len(xs[0]), *t.shape)) if t.const else next(computed)
            for t in self.inputs
            if t is not None
        ]
        return np.stack(parts, self.axis + 1 if self.axis >= 0 else self.axis)

    def constant(self) -> Array | None:
        if self.activations:
            return None
        return np.stack([t.values for t in self.inputs if t is not None], self.axis)

    def malformed(self) -> str | None:
        first = self.inputs[0]
        if first is None or len(self.outputs) != 1:
            return "it must have inputs and one output"
        for t in self.inputs:
            if t is None or t.shape != first.shape or t.dtype != self.y.dtype:
                return "its inputs differ in shape or type"
        rank = len(first.shape) + 1
        if not -rank <= self.axis < rank:
            return f"its axis {self.axis} does not exist in an output of {rank} dimensions"
        at = self.axis % rank
        expected = (*first.shape[:at], len(self.inputs), *first.shape[at:])
        if self.y.shape != expected:
            return f"its output has the shape {list(self.y.shape)} instead of {list(expected)}"
        return _conditions.computed(first) if self._large() else None

    def _large(self) -> bool:
        """Whether all is constant, and no shape."""
        return not self.activations and self.y.size > _conditions.MOST_IN_A_SHAPE
