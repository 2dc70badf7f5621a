"""Kernels of ELU: exp(x) - 1 below zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ascua.kernels._lut import LutS8
from ascua.ops.elu import Elu

FARTHEST = 1e6
"""Steps from zero that count as many."""


class EluS8(LutS8[Elu]):
    """In single precision, as TFLM makes its own table."""

    def function(self, op: Elu) -> Callable[[int], int]:
        single, zero, out = np.float32, op.x.q.zero_point, op.y.q.zero_point
        scale, inverse = single(op.x.q.scale), single(1) / single(op.y.q.scale)

        def value(x: int) -> int:
            with np.errstate(over="ignore"):
                real = scale * single(x - zero)
                if real < 0:
                    real = single(math.exp(real)) - single(1)
                steps = float(real * inverse)
            whole = math.floor(min(abs(steps), FARTHEST) + 0.5)
            return (whole if steps > 0 else -whole) + out

        return value
