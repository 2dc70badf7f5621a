"""Kernels of TRANSPOSE_CONV: each input pixel adds its filter's window to the output."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.ir import Array
from ascua.kernels._bounds import bounds
from ascua.kernels._kernel import Const, Kernel
from ascua.kernels._packing import (
    by_channel,
    offset,
    packed_weights,
    requant_const,
    small,
    wide_consts,
)
from ascua.ops.transpose_conv import TransposeConv


def sizes(op: TransposeConv) -> dict[str, int]:
    """The parameters of image, output, filter, strides and padding."""
    _, ih, iw, ic = op.x.shape
    _, oh, ow, oc = op.y.shape
    _, kh, kw, _ = op.w.shape
    found = {"ih": ih, "iw": iw, "ic": ic, "oh": oh, "ow": ow, "oc": oc, "kh": kh, "kw": kw}
    sy, sx = op.stride
    return {**found, "sy": sy, "sx": sx, "py": op.rows.before, "px": op.columns.before}


class TransposeConvS8(Kernel[TransposeConv]):
    """Gathers: each output pixel sums over the input pixels that reach it.

    These are every sx-th tap of a row of the filter, and they lie side by side in the input. The
    taps are stored in that order; two pixels sx apart share them.
    """

    name = "transpose_conv_s8"
    weights = ("int8",)

    def fits(self, op: TransposeConv) -> bool:
        return op.w.q.zero_point == 0

    def params(self, op: TransposeConv) -> Mapping[str, int]:
        return {
            **sizes(op),
            "offset": -op.x.q.zero_point,
            "small": small(op),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }

    def terms(self, op: TransposeConv) -> Mapping[str, float]:
        pixels, rows, taps = reached(op)
        fours, ones = op.y.shape[3] // 4, op.y.shape[3] % 4
        return {
            "pixels": pixels,
            "four": pixels * fours, "four's row": rows * fours, "four's tap": taps * fours,
            "one": pixels * ones, "one's row": rows * ones, "one's tap": taps * ones,
        }  # fmt: skip

    def matrix(self, op: TransposeConv) -> Array:
        """The weights [oc][kh * kw * ic], the taps of a row in the order of the input."""
        kw, sx = op.w.shape[2], op.stride[1]
        order = [kx for first in range(min(sx, kw)) for kx in range(first, kw, sx)[::-1]]
        return op.w.values[:, :, order].reshape(op.w.shape[0], -1)

    def consts(self, op: TransposeConv) -> tuple[Const, ...]:
        return packed_weights(op.w, self.matrix(op)), requant_const(op, fold=False)


class TransposeConvS16(Kernel[TransposeConv]):
    """Gathers, four channels of a pixel at a time."""

    name = "transpose_conv_s16"
    types = ("int16",)
    weights = ("int8",)

    def params(self, op: TransposeConv) -> Mapping[str, int]:
        return {**sizes(op), **bounds(op.activation, op.y)}

    def consts(self, op: TransposeConv) -> tuple[Const, ...]:
        return packed_weights(op.w, by_channel(op)), *wide_consts(op)


class TransposeConvU8(TransposeConvS8):
    """The same, with weights that have a zero point."""

    name = "transpose_conv_u8"
    weights = ("uint8",)

    def fits(self, op: TransposeConv) -> bool:
        return op.w.q.zero_point != 0

    def params(self, op: TransposeConv) -> Mapping[str, int]:
        return {**super().params(op), "weights_offset": offset(op)}


def reached(op: TransposeConv) -> tuple[int, int, int]:
    """How many pixels, or two that share their taps, are made; of how many rows and taps."""
    _, ih, iw, ic = op.x.shape
    kh, kw, (sy, sx) = op.w.shape[1], op.w.shape[2], op.stride
    rows = 0
    for oy in range(op.y.shape[1]):
        iy, ky = divmod(oy + op.rows.before, sy)
        rows += sum(0 <= iy - i < ih for i in range(len(range(ky, kh, sy))))
    pixels = taps = 0
    for series in range(sx):
        n = len(range(series, kw, sx))
        ox = (series - op.columns.before) % sx
        while ox < op.y.shape[2]:
            ix = (ox + op.columns.before) // sx
            left = ix - n + 1
            both = left >= 0 and ix + 1 < iw and ox + sx < op.y.shape[2]
            pixels += 1
            taps += max(0, min(ix + 1, iw) - max(left, 0))
            ox += (1 + both) * sx
    return pixels * op.y.shape[1], pixels * rows, taps * rows * ic
