"""The kernel of CAST: the same numbers in another type."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.ir import ITEMSIZE, limits
from ascua.kernels._kernel import Kernel, Run
from ascua.ops.cast import Cast


class CastS32(Kernel[Cast]):
    """Each value by way of 32 bits."""

    name = "cast_s32"
    types = ("int8", "int16", "int32", "float32", "bool")
    bytewise = True

    def params(self, op: Cast) -> Mapping[str, int]:
        low, high = (0, 0) if op.y.dtype == "float32" else limits(op.y.dtype)
        return {
            "n": op.y.size,
            "x_bytes": ITEMSIZE[op.x.dtype],
            "y_bytes": ITEMSIZE[op.y.dtype],
            "x_real": int(op.x.dtype == "float32"),
            "y_real": int(op.y.dtype == "float32"),
            "truth": int(op.y.dtype == "bool"),
            "low": low,
            "high": high,
        }

    def work(self, op: Cast) -> Run:
        return Run("n", op.y.shape[-1] if op.y.shape else 1)

    def terms(self, op: Cast) -> Mapping[str, float]:
        return {f"value | {op.x.dtype} to {op.y.dtype}": op.y.size}
