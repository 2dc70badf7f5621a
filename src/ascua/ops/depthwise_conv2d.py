"""DEPTHWISE_CONV_2D: convolution of each channel of an image with its own filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Const, Kernel, Node, Op, Tensor, Window
from ascua.ops import activation, conditions, geometry
from ascua.ops.channels import channel_scales, requant_const, requantize, small


class DepthwiseConv2DS8(Kernel):
    """Any filter, four channels at a time; padding comes with the rows."""

    name = "depthwise_conv2d_s8"

    def window(self, op: DepthwiseConv2D) -> Window:
        rows, columns = op.rows, op.columns
        return Window(
            kh=rows.kernel,
            sy=rows.stride,
            dy=rows.dilation,
            py=rows.before,
            left=columns.before,
            right=max(0, columns.after),
            fill=op.x.q.zero_point,
        )

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
        low, high = activation.int8_range(op.activation, op.y)
        return {
            "step": op.columns.stride * op.x.shape[3],
            "gap": op.columns.dilation * op.x.shape[3],
            "small": small(op.x, matrix(op), op.bias, op.scales()),
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        return (
            Const("weights", op.w.values, op.w.bytes),
            requant_const(op.x, matrix(op), op.bias, op.scales()),
        )


class DepthwiseConv2D3x3S8(DepthwiseConv2DS8):
    """3x3 filters, one a channel, two pixels at a time, all taps unrolled."""

    name = "depthwise_conv2d_3x3_s8"

    def fits(self, op: DepthwiseConv2D) -> bool:
        return op.multiplier == 1 and op.w.shape[1:3] == (3, 3)

    def params(self, op: DepthwiseConv2D) -> Mapping[str, int]:
        return {"ow": op.columns.out, "c": op.x.shape[3], **self.common(op)}

    def consts(self, op: DepthwiseConv2D) -> tuple[Const, ...]:
        _, requant = super().consts(op)
        return Const("weights", matrix(op), op.w.bytes), requant


def matrix(op: DepthwiseConv2D) -> Array:
    """The weights as [oc][kh * kw]."""
    return np.ascontiguousarray(op.w.values.reshape(-1, op.w.shape[3]).T)


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Op):
    """y[oy, ox, c * multiplier + m] = activation(sum x[..., c] * w[ky, kx, c * multiplier + m])."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: geometry.Padding
    multiplier: int
    activation: activation.Activation

    tflite = "DEPTHWISE_CONV_2D"
    options = "DepthwiseConv2DOptions"
    max_version = 6
    kernels = (DepthwiseConv2D3x3S8(), DepthwiseConv2DS8())

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        sy, sx = geometry.read_stride(o["stride_h"], o["stride_w"])
        dy, dx = geometry.read_stride(o["dilation_h_factor"], o["dilation_w_factor"])
        return cls(
            node.inputs,
            node.outputs,
            stride=(sy, sx),
            dilation=(dy, dx),
            padding=geometry.read_padding(o["padding"]),
            multiplier=o["depth_multiplier"],
            activation=activation.read_activation(o["fused_activation_function"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "dilation_h_factor": self.dilation[0],
            "dilation_w_factor": self.dilation[1],
            "padding": geometry.PADDINGS.index(self.padding),
            "depth_multiplier": self.multiplier,
            "fused_activation_function": activation.ACTIVATIONS.index(self.activation),
        }

    @property
    def w(self) -> Tensor:
        """The weights [1][kh][kw][oc]."""
        assert self.inputs[1] is not None
        return self.inputs[1]

    @property
    def bias(self) -> Tensor | None:
        """One int32 a channel, or None."""
        return self.inputs[2] if len(self.inputs) > 2 else None

    @property
    def rows(self) -> geometry.Axis:
        """How filters move down."""
        return geometry.axis(
            self.x.shape[1], self.w.shape[1], self.stride[0], self.dilation[0], self.padding
        )

    @property
    def columns(self) -> geometry.Axis:
        """How filters move to the right."""
        return geometry.axis(
            self.x.shape[2], self.w.shape[2], self.stride[1], self.dilation[1], self.padding
        )

    def check(self) -> str | None:
        reason = conditions.arity(self, 2, 3) or conditions.first(
            conditions.computed(self.x),
            conditions.image(self.x),
            conditions.rank(self.w, 4),
            conditions.rank(self.y, 4),
            conditions.int8(self.x, self.y),
            conditions.int8_weights(self.w, 3),
            activation.unsupported(self.activation),
        )
        reason = reason or conditions.int32_bias(self.bias, self.y.shape[3])
        if reason:
            return reason
        ic, oc = self.x.shape[3], self.w.shape[3]
        if self.w.shape[0] != 1:
            return f"its weights have the shape {list(self.w.shape)}; the first must be 1"
        if oc != ic * self.multiplier:
            return f"its depth multiplier is {self.multiplier} with {ic} channels in and {oc} out"
        expected = (1, self.rows.out, self.columns.out, oc)
        if self.y.shape != expected:
            return f"its output has the shape {list(self.y.shape)} instead of {list(expected)}"
        return None

    def scales(self) -> list[float]:
        """The real factor from accumulator to output of each channel."""
        return channel_scales(self.x, self.w, self.y, self.y.shape[3])

    def eval(self, *xs: Array) -> Array:
        x = xs[0].reshape(-1, *self.x.shape[1:]).astype(np.int32) - self.x.q.zero_point
        rows, columns = self.rows, self.columns
        pads = [(a.before, max(0, a.after)) for a in (rows, columns)]
        x = np.repeat(np.pad(x, [(0, 0), *pads, (0, 0)]), self.multiplier, axis=3)
        acc = np.zeros((len(x), rows.out, columns.out, self.y.shape[3]), np.int32)
        w = self.w.values[0].astype(np.int32)
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                acc += geometry.taps(x, rows, columns, ky, kx) * w[ky, kx]
        total = acc.astype(np.int64)
        if self.bias is not None:
            total += self.bias.values.reshape(-1)
        low, high = activation.int8_range(self.activation, self.y)
        y = requantize(total, self.scales(), self.y, low, high)
        return y.reshape(len(xs[0]), *self.y.shape)

    def macs(self) -> int:
        return self.y.size * self.w.shape[1] * self.w.shape[2]
