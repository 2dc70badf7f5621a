"""What operators share that TFLM has in float32 alone, as between DEQUANTIZE and QUANTIZE."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _elementwise


@dataclass(frozen=True, eq=False)
class Real(Op):
    """An operator on float32, element by element."""

    types = ("float32",)
    elementwise = True
    floats = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def check(self) -> str | None:
        if reason := self.malformed():
            return reason
        tensors = [t for t in (*self.inputs, self.y) if t is not None]
        for t in tensors:
            if t.dtype != "float32":
                return f"'{t.name}' is {t.dtype}, and TFLM has it in float32 alone"
        return None

    def eval(self, *xs: Array) -> Array:
        with np.errstate(all="ignore"):
            return self.real(*xs).astype(np.float32)

    def eval_float(self, *xs: Array) -> Array:
        return self.eval(*xs)

    @abstractmethod
    def real(self, *xs: Array) -> Array:
        """The values, of float32: in that, or in double precision, which is rounded then."""


@dataclass(frozen=True, eq=False)
class RealUnary(Real):
    """A function of one value."""

    def malformed(self) -> str | None:
        return _conditions.one_to_one(self)


@dataclass(frozen=True, eq=False)
class RealPair(Real):
    """A function of two values, one repeated along the other where the shapes differ."""

    def malformed(self) -> str | None:
        return _elementwise.malformed(self)

    def pair(self, xs: tuple[Array, ...]) -> list[Array]:
        """Both inputs in double precision, ready for broadcasting."""
        return [x.astype(np.float64) for x in _elementwise.floats(self, xs)]
