"""The kernel of GELU: a table, as LiteRT makes it."""

from __future__ import annotations

import math
from collections.abc import Callable

from ascua.kernels._lut import LutS8
from ascua.kernels._reals import single
from ascua.ops.gelu import Gelu


class GeluS8(LutS8[Gelu]):
    """Computes each value in floating point."""

    def function(self, op: Gelu) -> Callable[[int], int]:
        inverse = single(1 / single(op.y.q.scale))

        def byte(x: int) -> int:
            v = single(single(op.x.q.scale) * (x - op.x.q.zero_point))
            if op.approximate:
                y = v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v * v * v))) / 2
            else:
                y = v * math.erfc(-v / math.sqrt(2)) / 2
            steps = single(single(y) * inverse)
            return math.trunc(steps + math.copysign(0.5, steps)) + op.y.q.zero_point

        return byte
