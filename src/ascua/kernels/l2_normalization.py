"""Kernels of L2_NORMALIZATION: vectors along the last axis, scaled to the length one."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._kernel import Kernel, Run
from ascua.ops.l2_normalization import L2Normalization


class L2NormalizationS8(Kernel[L2Normalization]):
    """Two passes over each vector: its length, then its values."""

    name = "l2_normalization_s8"

    def work(self, op: L2Normalization) -> Run:  # noqa: ARG002
        return Run("rows")

    def params(self, op: L2Normalization) -> Mapping[str, int]:
        depth = op.x.shape[-1]
        return {"rows": op.x.size // depth, "depth": depth, "zero": op.x.q.zero_point}
