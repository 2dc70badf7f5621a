"""Kernels of functions of one value, and how they divide scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ascua.ir import Op
from ascua.kernels._kernel import Kernel, O, Run


class Unary(Kernel[O]):
    """A kernel that takes any number of values, `n`, one by one."""

    def params(self, op: O) -> Mapping[str, int | float]:
        return {"n": op.y.size}

    def work(self, op: O) -> Run:
        return Run("n", op.y.shape[-1] if op.y.shape else 1)


def quotient(op: Op, a: float, b: float) -> float:
    """a / b as TFLM divides scales: in double precision; in single where LiteRT has uint8."""
    return float(np.float32(a) / np.float32(b)) if op.uint8 else a / b
