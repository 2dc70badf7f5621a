"""Kernels of functions of one int16 value that are two straight lines, one on each side of 0."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels.kernel import Kernel
from ascua.ops.abs import Abs
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6


class LinesS16(Kernel[Abs | LeakyRelu | Quantize | Relu | Relu6]):
    """Rescales each value."""

    name = "lines_s16"
    types = ("int16",)

    def params(self, op: Abs | LeakyRelu | Quantize | Relu | Relu6) -> Mapping[str, int]:
        lines = op.lines()
        multiplier, shift = fixed.quantize_multiplier(lines.above)
        below_multiplier, below_shift = fixed.quantize_multiplier(lines.below)
        return {
            "n": op.y.size,
            "multiplier": multiplier,
            "shift": shift,
            "below_multiplier": below_multiplier,
            "below_shift": below_shift,
            "sign": -1 if lines.turned else 1,
            "sign_after": -1 if lines.turned_after else 1,
            "low": lines.low,
            "high": lines.high,
        }
