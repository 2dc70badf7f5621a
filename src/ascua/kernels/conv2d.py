"""Kernels of CONV_2D: convolution of an image with a bank of filters."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._bounds import bounds
from ascua.kernels._convolution import padded_rows
from ascua.kernels._kernel import Const, Kernel, Rows
from ascua.kernels._packing import (
    by_channel,
    offset,
    packed_nibbles,
    packed_weights,
    requant_const,
    short_sums,
    small,
    wide_consts,
)
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
        return {
            **taps(op),
            "small": small(op),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        return packed_weights(op.w, by_channel(op)), requant_const(op)

    def terms(self, op: Conv2D) -> Mapping[str, float]:
        return {**blocks(op, pixels=2, channels=4)}


class Conv2DS16(Kernel[Conv2D]):
    """Four channels of a pixel at a time; padding comes with the rows."""

    name = "conv2d_s16"
    types = ("int16",)
    weights = ("int8",)

    def work(self, op: Conv2D) -> Rows:
        return padded_rows(op)

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {
            **taps(op),
            "short_sums": int(short_sums(op.bias, op.bias_dtype)),
            **bounds(op.activation, op.y),
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        short = short_sums(op.bias, op.bias_dtype)
        return packed_weights(op.w, by_channel(op)), *wide_consts(op, short=short)


class Conv2DS4(Conv2DS8):
    """Weights of 4 bits."""

    name = "conv2d_s4"
    weights = ("int4",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.dtype == "int4"

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        return packed_nibbles(op.w, by_channel(op)), *super().consts(op)[1:]


class Conv2DU8(Conv2DS8):
    """Weights with a zero point, which a sum over each window makes up for."""

    name = "conv2d_u8"
    weights = ("uint8",)

    def fits(self, op: Conv2D) -> bool:
        return op.w.q.zero_point != 0

    def params(self, op: Conv2D) -> Mapping[str, int]:
        return {**super().params(op), "offset": offset(op)}


def blocks(op: Conv2D, pixels: int, channels: int) -> dict[str, float]:
    """How often the parts of a kernel run that makes blocks of pixels by channels.

    Short runs and windows of one run are unrolled where the parameters are constants.
    """
    found = taps(op)
    runs = op.rows.kernel * found["runs"]
    shape = f" of {found['run']}" if found["run"] < 4 else ""
    shape += "" if runs > 1 else " at once"
    across = op.y.shape[1] * -(-op.columns.out // pixels)
    many, rest = across * (op.y.shape[3] // channels), across * (op.y.shape[3] % channels)
    return {
        "pixels": across,
        f"block{shape}": many,
        f"run{shape}": many * runs,
        f"four taps{shape}": many * runs * (found["run"] // 4),
        f"tap{shape}": many * runs * (found["run"] % 4),
        "channel": rest,
        f"channel's run{shape}": rest * runs,
        f"channel's tap{shape}": rest * runs * found["run"],
    }


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
