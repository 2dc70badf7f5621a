"""Kernels of ARG_MAX: where along an axis the greatest value is; the first of equal ones."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ascua.kernels._kernel import Kernel
from ascua.ops.arg_max import ArgMax


class ArgMaxS8(Kernel[ArgMax]):
    """One pass along the axis for each result; the least value where `sign` is -1."""

    name = "arg_max_s8"
    types = ("int8", "int32")

    def params(self, op: ArgMax) -> Mapping[str, int]:
        shape = op.x.shape
        return {
            "outer": prod(shape[: op.axis]),
            "n": shape[op.axis],
            "inner": prod(shape[op.axis + 1 :]),
            "sign": op.sign,
        }
