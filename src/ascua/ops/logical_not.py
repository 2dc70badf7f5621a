"""LOGICAL_NOT: what is false becomes true, and what is true, false."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions


@dataclass(frozen=True, eq=False)
class LogicalNot(Op):
    """y = not x."""

    tflite = "LOGICAL_NOT"
    options = "LogicalNotOptions"
    types = ("bool",)

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self) or _conditions.first(
            _conditions.dtype(self.x, "bool"), _conditions.dtype(self.y, "bool")
        )

    def check(self) -> str | None:
        return self.malformed()

    def eval(self, *xs: Array) -> Array:
        return ~xs[0]
