"""The kernel of what float operators make of one int8 value."""

from __future__ import annotations

import math
from collections.abc import Callable

from ascua.kernels._lut import LutS8
from ascua.kernels._reals import of_int8, single
from ascua.ops.table import Table


class TableS8(LutS8[Table]):
    """Computes the floats of each value, and quantises them as x86 converts to int32."""

    def function(self, op: Table) -> Callable[[int], int]:
        (end,) = op.chain.outputs
        scale, zero = single(op.y.q.scale), op.y.q.zero_point

        def byte(x: int) -> int:
            v = single(of_int8(op.chain.ops, end, x) / scale)
            if not abs(v) < 1 << 31:
                return -128 if zero >= 0 else 127
            return math.trunc(v + math.copysign(0.5, v)) + zero

        return byte
