"""Kernels of LOG_SOFTMAX: logarithms of the probabilities of the classes along the last axis."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.fixed import quantize_multiplier
from ascua.kernels._exponential import reach
from ascua.kernels._kernel import Kernel, Run
from ascua.ops.log_softmax import LogSoftmax


class LogSoftmaxS8(Kernel[LogSoftmax]):
    """gemmlowp's exponential and TFLM's logarithm, computed: no table is stored."""

    name = "log_softmax_s8"

    def work(self, op: LogSoftmax) -> Run:  # noqa: ARG002
        return Run("rows")

    def params(self, op: LogSoftmax) -> Mapping[str, int]:
        depth = op.x.shape[-1]
        # Differences come into Q5; beyond what 31 bits hold, all scales are one.
        multiplier, shift = quantize_multiplier(min(op.x.q.scale * 2**26, 2**31 - 1))
        return {
            "rows": op.x.size // depth,
            "depth": depth,
            "multiplier": multiplier,
            "shift": shift,
            "least": -reach(5, shift),
        }

    def terms(self, op: LogSoftmax) -> Mapping[str, float]:
        # Of random values, one in so many is near enough to the greatest for an exponential.
        near = min(1.0, -self.params(op)["least"] / 255)
        return {
            "line": op.x.size // op.x.shape[-1], "value": op.x.size, "exponential": near * op.x.size
        }  # fmt: skip
