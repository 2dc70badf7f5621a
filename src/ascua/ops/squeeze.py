"""SQUEEZE: drops dimensions of size one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _views


@dataclass(frozen=True, eq=False)
class Squeeze(Op):
    """y = x without the dimensions `axes`, each of size one; without all such where empty."""

    axes: tuple[int, ...] = ()

    tflite = "SQUEEZE"
    floats = True
    options = "SqueezeOptions"
    max_version = 2
    types = (*_views.TYPES, "int32", "bool")
    view = True
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, tuple(node.options["squeeze_dims"]))

    def write(self) -> Mapping[str, Any]:
        return {"squeeze_dims": self.axes}

    def check(self) -> str | None:
        return _conditions.arity(self, 1) or _views.same_bytes(self) or self.malformed()

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 1) or _views.malformed(self):
            return reason
        shape = self.x.shape
        rank = len(shape)
        if any(not -rank <= a < rank or shape[a] != 1 for a in self.axes):
            return f"it drops the dimensions {list(self.axes)} of {list(shape)}; only ones can go"
        gone = {a % rank for a in self.axes} or {i for i, d in enumerate(shape) if d == 1}
        expected = tuple(d for i, d in enumerate(shape) if i not in gone)
        return _conditions.output_shape(self, expected)

    def eval(self, *xs: Array) -> Array:
        return _views.reshaped(self, *xs)

    def constant(self) -> Array | None:
        return _views.constant(self)
