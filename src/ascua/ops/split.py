"""SPLIT and SPLIT_V: a tensor cut into several along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _moves

MOST_DIMENSIONS = 8
"""TFLM takes any number."""


@dataclass(frozen=True, eq=False)
class Split(Op):
    """y[0], y[1], ... = parts of equal size of x, the second input, along an axis, the first."""

    tflite = "SPLIT"
    floats = True
    options = "SplitOptions"
    max_version = 4
    types = ("int8", "int16")
    arity: ClassVar[int] = 2
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def write(self) -> Mapping[str, Any]:
        return {"num_splits": len(self.outputs)}

    @property
    def x(self) -> Tensor:
        assert self.inputs[1] is not None
        return self.inputs[1]

    @property
    def axis(self) -> Tensor | None:
        """The constant that holds the axis."""
        return self.inputs[0]

    @property
    def at(self) -> int:
        """The axis, counted from the first."""
        return _moves.listed(self.axis)[0] % len(self.x.shape)

    def check(self) -> str | None:
        return self.malformed() or _moves.condition(
            self, self.x, *self.outputs, most=MOST_DIMENSIONS
        )

    def malformed(self) -> str | None:
        if len(self.inputs) != self.arity or any(t is None for t in self.inputs):
            return f"it must have {self.arity} inputs"
        if reason := _moves.integers(self.axis, "axis"):
            return reason
        rank = len(self.x.shape)
        axis = _moves.listed(self.axis)
        if len(axis) != 1 or not -rank <= axis[0] < rank:
            return f"its axis {axis} does not exist in a tensor of {rank} dimensions"
        if reason := self._sizes_unknown():
            return reason
        sizes, whole = self.sizes(), self.x.shape[self.at]
        if len(sizes) != len(self.outputs) or sum(sizes) != whole or min(sizes) < 0:
            return f"its {len(self.outputs)} outputs, of the sizes {sizes}, do not make {whole}"
        for t, size in zip(self.outputs, sizes, strict=True):
            part = (*self.x.shape[: self.at], size, *self.x.shape[self.at + 1 :])
            if t.shape != part or t.dtype != self.x.dtype:
                return f"its output '{t.name}' is {list(t.shape)}, not {list(part)} of {t.dtype}"
        return None

    def _sizes_unknown(self) -> str | None:
        return None

    def sizes(self) -> list[int]:
        """The size of each output along the axis."""
        return [self.x.shape[self.at] // len(self.outputs)] * len(self.outputs)

    def eval(self, *xs: Array) -> tuple[Array, ...]:
        return tuple(np.split(xs[0], np.cumsum(self.sizes())[:-1], axis=1 + self.at))

    def constant(self) -> tuple[Array, ...] | None:
        return _moves.folded_parts(self, self.x)


@dataclass(frozen=True, eq=False)
class SplitV(Split):
    """The same of x, the first input, with the sizes in the second; the axis is the third.

    One size may be -1: then it is what the others leave.
    """

    tflite = "SPLIT_V"
    floats = True
    options = "SplitVOptions"
    max_version = 2
    arity = 3

    @property
    def x(self) -> Tensor:
        assert self.inputs[0] is not None
        return self.inputs[0]

    @property
    def axis(self) -> Tensor | None:
        return self.inputs[2]

    def _sizes_unknown(self) -> str | None:
        return _moves.integers(self.inputs[1], "sizes", "int32", "int64")

    def sizes(self) -> list[int]:
        sizes = _moves.listed(self.inputs[1])
        rest = self.x.shape[self.at] - sum(s for s in sizes if s != -1)
        return [rest if s == -1 else s for s in sizes]
