"""Kernels of QUANTIZE: from one type or scale to another."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels.kernel import Kernel
from ascua.ops.quantize import Quantize


class QuantizeF32S8(Kernel[Quantize]):
    """Divides and rounds, without libm."""

    name = "quantize_f32_s8"
    types = ("float32", "int8")

    def fits(self, op: Quantize) -> bool:
        return op.x.dtype == "float32"

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        return {"n": op.y.size, "zero": op.y.q.zero_point, "scale": op.y.q.scale}


class ShiftU8S8(Kernel[Quantize]):
    """uint8 to int8 or back."""

    name = "shift_u8_s8"
    types = ("int8", "uint8")
    bytewise = True

    def fits(self, op: Quantize) -> bool:
        return op.shifts

    def params(self, op: Quantize) -> Mapping[str, int]:
        return {"n": op.y.size}


class QuantizeF32S16(QuantizeF32S8):
    """The same for int16."""

    name = "quantize_f32_s16"
    types = ("float32", "int16")

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        return {"n": op.y.size, "scale": op.y.q.scale}


class QuantizeS8S16(Kernel[Quantize]):
    """Rescales each value."""

    name = "quantize_s8_s16"
    types = ("int8", "int16")

    def fits(self, op: Quantize) -> bool:
        return (op.x.dtype, op.y.dtype) == ("int8", "int16")

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        multiplier, shift = fixed.quantize_multiplier(op.factor())
        zero = op.x.q.zero_point
        return {"n": op.y.size, "zero": zero, "multiplier": multiplier, "shift": shift}


class QuantizeS16S8(Kernel[Quantize]):
    """Rescales each value."""

    name = "quantize_s16_s8"
    types = ("int8", "int16")

    def fits(self, op: Quantize) -> bool:
        return (op.x.dtype, op.y.dtype) == ("int16", "int8")

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        multiplier, shift = fixed.quantize_multiplier(op.factor())
        zero = op.y.q.zero_point
        return {"n": op.y.size, "multiplier": multiplier, "shift": shift, "zero": zero}
