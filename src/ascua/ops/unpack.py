"""UNPACK: the slices of a tensor along an axis, each a tensor without that axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _moves
from ascua.ops.split import MOST_DIMENSIONS


@dataclass(frozen=True, eq=False)
class Unpack(Op):
    """y[0], y[1], ... = x[0], x[1], ... along `axis`, which counts from the last where negative."""

    axis: int = 0

    tflite = "UNPACK"
    floats = True
    options = "UnpackOptions"
    max_version = 4
    types = ("int8", "int16")
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        number, outputs = int(node.options["num"]), len(node.outputs)
        if number != outputs:
            raise ValueError(f"it states {number} outputs and has {outputs}")
        return cls(node.inputs, node.outputs, int(node.options["axis"]))

    def write(self) -> Mapping[str, Any]:
        return {"num": len(self.outputs), "axis": self.axis}

    @property
    def at(self) -> int:
        """The axis, counted from the first."""
        return self.axis % len(self.x.shape)

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(
            self, self.x, *self.outputs, most=MOST_DIMENSIONS
        )

    def malformed(self) -> str | None:
        if len(self.inputs) != 1 or self.inputs[0] is None:
            return "it must have one input"
        rank = len(self.x.shape)
        if not -rank <= self.axis < rank:
            return f"its axis {self.axis} does not exist in a tensor of {rank} dimensions"
        if self.x.shape[self.at] != len(self.outputs):
            return f"it has {len(self.outputs)} outputs for {self.x.shape[self.at]} slices"
        part = (*self.x.shape[: self.at], *self.x.shape[self.at + 1 :])
        for t in self.outputs:
            if t.shape != part or t.dtype != self.x.dtype:
                return f"its output '{t.name}' is {list(t.shape)}, not {list(part)} of {t.dtype}"
        return None

    def eval(self, *xs: Array) -> tuple[Array, ...]:
        return tuple(np.moveaxis(xs[0], 1 + self.at, 0))

    def constant(self) -> tuple[Array, ...] | None:
        return _moves.folded_parts(self, self.x)
