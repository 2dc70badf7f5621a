"""Kernels of CONV_2D: convolution of an image with a bank of filters."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels.convolution import padded_rows
from ascua.kernels.kernel import Const, Kernel, Rows
from ascua.kernels.packing import packed_nibbles, packed_weights, requant_const, small, wide_consts
from ascua.ops import activation
from ascua.ops.channels import centred
from ascua.ops.conv2d import Conv2D


class Conv2DS8(Kernel[Conv2D]):
    """Four channels by two pixels at a time; padding comes with the rows."""

    name = "conv2d_s8"
    weights = ("int8",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.dtype == "int8" and op.w.q.zero_point == 0

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        low, high = activation.bounds(op.activation, op.y)
        return {
            **taps(op),
            "small": small(op.x, centred(op.w).reshape(op.y.shape[3], -1), op.bias, op.scales()),
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        oc = op.y.shape[3]
        return (
            packed_weights(op.w, op.w.values.reshape(oc, -1)),
            requant_const(op.x, centred(op.w).reshape(oc, -1), op.bias, op.scales()),
        )


class Conv2DS16(Kernel[Conv2D]):
    """Four channels of a pixel at a time; padding comes with the rows."""

    name = "conv2d_s16"
    types = ("int16",)
    weights = ("int8",)

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        low, high = activation.bounds(op.activation, op.y)
        return {
            **taps(op),
            "short_sums": int(op.short),
            "low": low,
            "high": high,
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        matrix = op.w.values.reshape(op.y.shape[3], -1)
        return (
            packed_weights(op.w, matrix),
            *wide_consts(op.bias, op.scales(), short=op.short),
        )


class Conv2DS4(Conv2DS8):
    """Weights of 4 bits."""

    name = "conv2d_s4"
    weights = ("int4",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.dtype == "int4"

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        matrix = op.w.values.reshape(op.y.shape[3], -1)
        return packed_nibbles(op.w, matrix), *super().consts(op)[1:]


class Conv2DU8(Conv2DS8):
    """Weights with a zero point, which a sum over each window makes up for."""

    name = "conv2d_u8"
    weights = ("uint8",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.q.zero_point != 0

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "offset": -op.w.q.zero_point}


def taps(op: Conv2D) -> dict[str, int]:
    """The parameters by which a kernel finds the elements under its filter."""
    columns = op.columns
    # Taps that lie side by side in a row are one run.
    run = columns.kernel if columns.dilation == 1 else 1
    return {
        "ow": columns.out,
        "oc": op.y.shape[3],
        "step": columns.stride * op.x.shape[3],
        "kh": op.rows.kernel,
        "runs": columns.kernel // run,
        "run": run * op.x.shape[3],
        "gap": columns.dilation * op.x.shape[3],
    }
