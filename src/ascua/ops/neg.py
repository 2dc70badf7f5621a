"""NEG: the negative value."""

from __future__ import annotations

from dataclasses import dataclass

from ascua.ir import Array
from ascua.ops._real import RealUnary


@dataclass(frozen=True, eq=False)
class Neg(RealUnary):
    """y = -x."""

    tflite = "NEG"
    options = "NegOptions"
    max_version = 2

    def real(self, *xs: Array) -> Array:
        y: Array = -xs[0]
        return y
