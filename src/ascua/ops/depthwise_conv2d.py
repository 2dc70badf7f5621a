"""DEPTHWISE_CONV_2D: convolution of each channel of an image with its own filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Const, Kernel, Node, Window
from ascua.ops import activation, geometry
from ascua.ops.channels import centred, requant_const, small, wide_consts
from ascua.ops.convolution import Convolution, read_options


class DepthwiseConv2DS8(Kernel):
    """Any filter, four channels at a time; padding comes with the rows."""

    name = "depthwise_conv2d_s8"
    weights = ("int8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.dtype == "int8" and op.w.q.zero_point == 0

    def window(self, op: DepthwiseConv2D) -> Window:
        return op.window

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        ic, oc = op.x.shape[3], op.y.shape[3]
        # Without a multiplier all channels are one run; else those of one input channel are.
        single = op.multiplier == 1
        return {
            "ow": op.columns.out,
            "oc": oc,
            "groups": 1 if single else ic,
            "n": oc if single else op.multiplier,
            "next": int(single),
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            **self.common(op),
        }

    def common(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        """The last fields of the parameters of either kernel."""
        low, high = activation.bounds(op.activation, op.y)
        return {
            "step": op.columns.stride * op.x.shape[3],
            "gap": op.columns.dilation * op.x.shape[3],
            "small": small(op.x, matrix(centred(op.w)), op.bias, op.scales()),
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        return (
            Const("weights", op.w.values, op.w.bytes),
            requant_const(op.x, matrix(centred(op.w)), op.bias, op.scales()),
        )


class DepthwiseConv2D3x3S8(DepthwiseConv2DS8):
    """3x3 filters, one a channel, two pixels at a time, all taps unrolled."""

    name = "depthwise_conv2d_3x3_s8"
    weights = ("int8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return super().fits(op) and unrolled(op)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {"ow": op.columns.out, "c": op.x.shape[3], **self.common(op)}

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        _, requant = super().consts(op)
        return Const("weights", matrix(op.w.values), op.w.bytes), requant


class DepthwiseConv2DS4(DepthwiseConv2DS8):
    """Any filter of 4 bits, two channels at a time: each byte has a weight of both."""

    name = "depthwise_conv2d_s4"
    weights = ("int4",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.dtype == "int4"

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {
            "ow": op.columns.out,
            "oc": op.y.shape[3],
            "multiplier": op.multiplier,
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            **self.common(op),
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        bits = matrix(op.w.values).view(np.uint8) & 15
        bits = np.pad(bits, [(0, len(bits) % 2), (0, 0)])
        _, requant = super().consts(op)
        return Const("weights", bits[::2] | (bits[1::2] << 4), op.w.bytes, "uint8_t"), requant


class DepthwiseConv2DU8(DepthwiseConv2DS8):
    """Any filter, its weights with a zero point."""

    name = "depthwise_conv2d_u8"
    weights = ("uint8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.q.zero_point != 0

    def common(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {**super().common(op), "offset": -op.w.q.zero_point}


class DepthwiseConv2D3x3U8(DepthwiseConv2D3x3S8):
    """3x3 filters, their weights with a zero point."""

    name = "depthwise_conv2d_3x3_u8"
    weights = ("uint8",)

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.w.q.zero_point != 0 and unrolled(op)

    def common(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {**super().common(op), "offset": -op.w.q.zero_point}


def unrolled(op: DepthwiseConv2D) -> bool:
    """Whether the kernels for 3x3 filters can run `op`."""
    return op.multiplier == 1 and op.w.shape[1:3] == (3, 3)


def matrix(w: Array) -> Array:
    """Weights [1][kh][kw][oc] as [oc][kh * kw]."""
    return np.ascontiguousarray(w.reshape(-1, w.shape[3]).T)


class DepthwiseConv2DS16(Kernel):
    """Any filter, one channel at a time; padding comes with the rows."""

    name = "depthwise_conv2d_s16"
    types = ("int16",)
    weights = ("int8",)

    def window(self, op: DepthwiseConv2D) -> Window:
        return op.window

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        low, high = activation.bounds(op.activation, op.y)
        return {
            "ow": op.columns.out,
            "ic": op.x.shape[3],
            "multiplier": op.multiplier,
            "kh": op.rows.kernel,
            "kw": op.columns.kernel,
            "step": op.columns.stride * op.x.shape[3],
            "gap": op.columns.dilation * op.x.shape[3],
            "low": low,
            "high": high,
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        weights = Const("weights", op.w.values, op.w.bytes)
        return (weights, *wide_consts(op.bias, op.scales(), short=False))


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Convolution):
    """y[oy, ox, c * multiplier + m] = activation(sum x[..., c] * w[ky, kx, c * multiplier + m]).

    Weights are [1][kh][kw][oc].
    """

    multiplier: int

    tflite = "DEPTHWISE_CONV_2D"
    options = "DepthwiseConv2DOptions"
    max_version = 6
    kernels = (
        DepthwiseConv2D3x3S8(),
        DepthwiseConv2DS8(),
        DepthwiseConv2DS4(),
        DepthwiseConv2D3x3U8(),
        DepthwiseConv2DU8(),
        DepthwiseConv2DS16(),
    )
    channel_axis = 3

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(node.inputs, node.outputs, *read_options(o), o["depth_multiplier"])

    def write(self) -> Mapping[str, Any]:
        return {**super().write(), "depth_multiplier": self.multiplier}

    def malformed(self) -> str | None:
        if reason := super().malformed():
            return reason
        ic, oc = self.x.shape[3], self.w.shape[3]
        if self.w.shape[0] != 1:
            return f"its weights have the shape {list(self.w.shape)}; the first must be 1"
        if oc != ic * self.multiplier:
            return f"its depth multiplier is {self.multiplier} with {ic} channels in and {oc} out"
        return None

    def check(self) -> str | None:
        return self.check_tensors(3) or self.check_output(self.w.shape[3], 3)

    def eval(self, *xs: Array) -> Array:
        dtype = np.int32 if self.short else np.int64
        x = xs[0].reshape(-1, *self.x.shape[1:]).astype(dtype) - self.x.q.zero_point
        x = np.repeat(np.pad(x, [(0, 0), *self.pads(), (0, 0)]), self.multiplier, axis=3)
        rows, columns = self.rows, self.columns
        acc = np.zeros((len(x), rows.out, columns.out, self.y.shape[3]), dtype)
        w = centred(self.w)[0].astype(dtype)
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                acc += geometry.taps(x, rows, columns, ky, kx) * w[ky, kx]
        return self.finish(acc.astype(np.int64), len(xs[0]))

    def eval_float(self, *xs: Array) -> Array:
        x = np.pad(xs[0].reshape(-1, *self.x.shape[1:]), [(0, 0), *self.pads(), (0, 0)])
        if self.multiplier > 1:
            x = np.repeat(x, self.multiplier, axis=3)
        rows, columns = self.rows, self.columns
        total = np.zeros((len(x), rows.out, columns.out, self.y.shape[3]), np.float32)
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                total += geometry.taps(x, rows, columns, ky, kx) * self.w.values[0, ky, kx]
        return self.finish_float(total, len(xs[0]))

    def macs(self) -> int:
        return self.y.size * self.w.shape[1] * self.w.shape[2]
