"""REDUCE_PROD: the product over some axes of a shape, known before any input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ir import Array
from ascua.ops import _conditions, _moves
from ascua.ops._reductions import Reduction


@dataclass(frozen=True, eq=False)
class ReduceProd(Reduction):
    """y = product of x over the axes that the second input names; x is a constant, as of shapes."""

    tflite = "REDUCE_PROD"
    max_version = 2
    any_type = True

    def malformed(self) -> str | None:
        if reason := _conditions.arity(self, 2):
            return reason
        return self.misshapen() or _conditions.dtype(self.y, self.x.dtype)

    def check(self) -> str | None:
        return self.malformed() or "its input is computed, and TFLM has no such operator"

    def eval(self, *xs: Array) -> Array:
        y: Array = self.over_axes(np.prod, xs[0]).astype(self.y.dtype)
        return y

    def constant(self) -> Array | None:
        if not self.x.const:
            return None
        return _moves.folded(self, self.x)
