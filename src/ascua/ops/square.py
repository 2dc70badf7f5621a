"""SQUARE: the value times itself."""

from __future__ import annotations

from dataclasses import dataclass

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Square(RealUnary):
    """y = x * x."""

    tflite = "SQUARE"
    options = "SquareOptions"

    def real(self, *xs: Array) -> Array:
        y: Array = xs[0] * xs[0]
        return y
