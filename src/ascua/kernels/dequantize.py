"""Kernels of DEQUANTIZE: int8 or int16 to float32 at the edge of a network."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._unary import Unary
from ascua.ops.dequantize import Dequantize


class DequantizeS8F32(Unary[Dequantize]):
    """A product in single precision, which is the exact product rounded once, as TFLM's."""

    name = "dequantize_s8_f32"
    types = ("int8", "float32")

    def params(self, op: Dequantize) -> Mapping[str, int | float]:
        return {**super().params(op), "zero": op.x.q.zero_point, "scale": op.x.q.scale}


class DequantizeS16F32(Unary[Dequantize]):
    """The same for int16."""

    name = "dequantize_s16_f32"
    types = ("int16", "float32")

    def params(self, op: Dequantize) -> Mapping[str, int | float]:
        return {**super().params(op), "scale": op.x.q.scale}
