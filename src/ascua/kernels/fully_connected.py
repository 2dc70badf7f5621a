"""Kernels of FULLY_CONNECTED: a matrix times each row of the input."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._bounds import bounds
from ascua.kernels._kernel import Const, Kernel
from ascua.kernels._packing import (
    offset,
    packed_nibbles,
    packed_weights,
    requant_const,
    short_sums,
    small,
    wide_consts,
)
from ascua.ops.fully_connected import FullyConnected


class FullyConnectedS8(Kernel[FullyConnected]):
    """Eight outputs at a time."""

    name = "fully_connected_s8"
    weights = ("int8",)

    def fits(self, op: FullyConnected) -> bool:
        return not op.uint8 and op.w.dtype == "int8"

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        return {
            "rows": op.rows,
            "k": op.w.shape[1],
            "oc": op.w.shape[0],
            "small": small(op),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return packed_weights(op.w, op.w.values, (8, 4)), requant_const(op)


class FullyConnectedS16(Kernel[FullyConnected]):
    """Four outputs at a time."""

    name = "fully_connected_s16"
    types = ("int16",)
    weights = ("int8",)

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        return {
            "rows": op.rows,
            "k": op.w.shape[1],
            "oc": op.w.shape[0],
            "short_sums": int(short_sums(op.bias, op.bias_dtype)),
            **bounds(op.activation, op.y),
        }

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        short = short_sums(op.bias, op.bias_dtype)
        return packed_weights(op.w, op.w.values), *wide_consts(op, short=short)


class FullyConnectedS4(FullyConnectedS8):
    """Weights of 4 bits."""

    name = "fully_connected_s4"
    weights = ("int4",)

    def fits(self, op: FullyConnected) -> bool:
        return op.w.dtype == "int4"

    def consts(self, op: FullyConnected) -> tuple[Const, ...]:
        return packed_nibbles(op.w, op.w.values), *super().consts(op)[1:]


class FullyConnectedU8(FullyConnectedS8):
    """Weights with a zero point; LiteRT's rounding."""

    name = "fully_connected_u8"
    weights = ("uint8",)

    def fits(self, op: FullyConnected) -> bool:
        return op.uint8

    def params(self, op: FullyConnected) -> Mapping[str, int]:
        fields = {k: v for k, v in super().params(op).items() if k != "small"}
        return {**fields, "offset": offset(op)}
