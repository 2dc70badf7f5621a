"""EXPAND_DIMS: adds a dimension of size one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _views


@dataclass(frozen=True, eq=False)
class ExpandDims(Op):
    """y = x with a dimension of size one before dimension `axis`, its second input."""

    tflite = "EXPAND_DIMS"
    floats = True
    options = "ExpandDimsOptions"
    types = _views.TYPES
    view = True
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def check(self) -> str | None:
        return _conditions.arity(self, 2) or _views.same_bytes(self) or self.malformed()

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 2) or _views.malformed(self):
            return reason
        axis = self.inputs[1]
        assert axis is not None
        if not axis.const or axis.size != 1 or axis.dtype not in ("int32", "int64"):
            return f"its axis '{axis.name}' is not one constant integer"
        rank = len(self.x.shape)
        at = int(axis.values.reshape(-1)[0])
        if not -rank - 1 <= at <= rank:
            return f"its axis {at} does not exist in a tensor of {rank} dimensions"
        at %= rank + 1
        return _conditions.output_shape(self, (*self.x.shape[:at], 1, *self.x.shape[at:]))

    def eval(self, *xs: Array) -> Array:
        return _views.reshaped(self, *xs)

    def constant(self) -> Array | None:
        return _views.constant(self)
