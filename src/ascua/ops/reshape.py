"""RESHAPE: the same bytes under another shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _views


@dataclass(frozen=True, eq=False)
class Reshape(Op):
    """y = x in the shape of y.

    As in TFLM, the shape is that of the output tensor in the file; `new_shape`, which exporters
    write too, is kept and not read. The second input counts where it was computed of shapes.
    """

    new_shape: tuple[int, ...] = ()

    tflite = "RESHAPE"
    floats = True
    options = "ReshapeOptions"
    types = (*_views.TYPES, "int32", "bool")
    view = True
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs, tuple(node.options["new_shape"]))

    def write(self) -> Mapping[str, Any]:
        return {"new_shape": self.new_shape}

    def malformed(self) -> str | None:
        return _conditions.arity(self, 1, 2) or _views.malformed(self)

    def check(self) -> str | None:
        reason = _conditions.arity(self, 1, 2) or _views.same_bytes(self)
        if reason := reason or self.malformed():
            return reason
        shape = self.inputs[1] if len(self.inputs) > 1 else None
        if shape is not None and not shape.const:
            return f"its shape '{shape.name}' is computed from data; it must be known beforehand"
        return None

    def shapes(self) -> tuple[tuple[int, ...], ...] | None:
        wanted = self.inputs[1] if len(self.inputs) == 2 else None
        if wanted is None or not wanted.const or wanted.dtype != "int32":
            return None
        shape = [int(d) for d in wanted.values.reshape(-1)]
        rest = prod(d for d in shape if d != -1)
        if shape.count(-1) == 1 and rest > 0:
            shape[shape.index(-1)] = self.x.size // rest
        return (
            (tuple(shape),) if prod(shape) == self.x.size and min(shape, default=0) >= 0 else None
        )

    def eval(self, *xs: Array) -> Array:
        return _views.reshaped(self, *xs)

    def constant(self) -> Array | None:
        return _views.constant(self)
