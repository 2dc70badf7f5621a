"""Kernels of CUMSUM: the sums of all values up to each along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ascua.kernels._kernel import Kernel
from ascua.kernels._moves import integers
from ascua.kernels._scales import factor
from ascua.ops.cumsum import Cumsum


class CumsumS8(Kernel[Cumsum]):
    """Walks along the axis once for each place beside it."""

    name = "cumsum_s8"

    def params(self, op: Cumsum) -> Mapping[str, int]:
        axis = integers(op.inputs[1])[0] % len(op.x.shape)
        n, inner = op.x.shape[axis], prod(op.x.shape[axis + 1 :])
        return {
            "outer": prod(op.x.shape[:axis]),
            "n": n,
            "inner": inner,
            "first": (n - 1) * inner if op.reverse else 0,
            "step": -inner if op.reverse else inner,
            "exclusive": int(op.exclusive),
            "x_zero": op.x.q.zero_point,
            # Sums are of halves of 20 bits behind the point.
            **factor(op.x.q.scale / ((1 << 19) * op.y.q.scale)),
            "zero": op.y.q.zero_point,
        }
