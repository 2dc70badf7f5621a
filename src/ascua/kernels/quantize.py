"""Kernels of QUANTIZE: from one type or scale to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ascua.fixed import quantize_multiplier
from ascua.kernels._lines import Lines, LinesS16
from ascua.kernels._lut import LutS8, rescaled
from ascua.kernels._unary import Unary
from ascua.ops.quantize import Quantize


class RequantizeS16(LinesS16[Quantize]):
    """One line."""

    def lines(self, op: Quantize) -> Lines:
        return Lines(_factor(op), _factor(op))


class RequantizeS8(LutS8[Quantize]):
    """One line."""

    def function(self, op: Quantize) -> Callable[[int], int]:
        return rescaled(op, _factor(op))


class QuantizeF32S8(Unary[Quantize]):
    """Divides and rounds, without libm."""

    name = "quantize_f32_s8"
    types = ("float32", "int8")

    def fits(self, op: Quantize) -> bool:
        return op.x.dtype == "float32"

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        return {**super().params(op), "zero": op.y.q.zero_point, "scale": op.y.q.scale}


class ShiftU8S8(Unary[Quantize]):
    """uint8 to int8 or back."""

    name = "shift_u8_s8"
    types = ("int8", "uint8")
    bytewise = True

    def fits(self, op: Quantize) -> bool:
        return op.shifts


class QuantizeF32S16(Unary[Quantize]):
    """The same as to int8."""

    name = "quantize_f32_s16"
    types = ("float32", "int16")

    def fits(self, op: Quantize) -> bool:
        return op.x.dtype == "float32"

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        return {**super().params(op), "scale": op.y.q.scale}


class QuantizeS8S16(Unary[Quantize]):
    """Rescales each value."""

    name = "quantize_s8_s16"
    types = ("int8", "int16")

    def fits(self, op: Quantize) -> bool:
        return (op.x.dtype, op.y.dtype) == ("int8", "int16")

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        multiplier, shift = quantize_multiplier(_factor(op))
        rescaling = {"multiplier": multiplier, "shift": shift}
        return {**super().params(op), "zero": op.x.q.zero_point, **rescaling}


class QuantizeS16S8(Unary[Quantize]):
    """Rescales each value."""

    name = "quantize_s16_s8"
    types = ("int8", "int16")

    def fits(self, op: Quantize) -> bool:
        return (op.x.dtype, op.y.dtype) == ("int16", "int8")

    def params(self, op: Quantize) -> Mapping[str, int | float]:
        multiplier, shift = quantize_multiplier(_factor(op))
        rescaling = {"multiplier": multiplier, "shift": shift}
        return {**super().params(op), **rescaling, "zero": op.y.q.zero_point}


def _factor(op: Quantize) -> float:
    """A step of the input in steps of the output; LiteRT divides as TFLM for uint8."""
    return op.x.q.scale / op.y.q.scale
