"""CONV_2D: convolution of an image with a bank of filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua.ir import Array, Const, Kernel, Node, Op, Tensor, Window
from ascua.ops import activation, conditions, geometry
from ascua.ops.channels import channel_scales, packed_weights, requant_const, requantize, small


class Conv2DS8(Kernel):
    """Four channels by two pixels at a time; padding comes with the rows."""

    name = "conv2d_s8"

    def window(self, op: Conv2D) -> Window:
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

    def params(self, op: Conv2D) -> Mapping[str, int]:
        low, high = activation.int8_range(op.activation, op.y)
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
            "small": small(op.x, op.w.values.reshape(op.y.shape[3], -1), op.bias, op.scales()),
            "zero": op.y.q.zero_point,
            "low": low,
            "high": high,
        }

    def consts(self, op: Conv2D) -> tuple[Const, ...]:
        matrix = op.w.values.reshape(op.y.shape[3], -1)
        return (
            packed_weights(op.w, matrix),
            requant_const(op.x, matrix, op.bias, op.scales()),
        )


@dataclass(frozen=True, eq=False)
class Conv2D(Op):
    """y[oy, ox, oc] = activation(sum x[oy * sy + ky * dy - py, ...] * w[oc, ky, kx] + bias[oc])."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: geometry.Padding
    activation: activation.Activation

    tflite = "CONV_2D"
    options = "Conv2DOptions"
    max_version = 5
    kernels = (Conv2DS8(),)

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
            activation=activation.read_activation(o["fused_activation_function"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "dilation_h_factor": self.dilation[0],
            "dilation_w_factor": self.dilation[1],
            "padding": geometry.PADDINGS.index(self.padding),
            "fused_activation_function": activation.ACTIVATIONS.index(self.activation),
        }

    @property
    def w(self) -> Tensor:
        """The weights [oc][kh][kw][ic]."""
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
            conditions.int8_weights(self.w, 0),
            activation.unsupported(self.activation),
        )
        reason = reason or conditions.int32_bias(self.bias, self.y.shape[3])
        if reason:
            return reason
        ic = self.x.shape[3]
        if self.w.shape[3] != ic:
            return f"its filters have {self.w.shape[3]} channels and its input {ic} (groups)"
        expected = (1, self.rows.out, self.columns.out, self.w.shape[0])
        if self.y.shape != expected:
            return f"its output has the shape {list(self.y.shape)} instead of {list(expected)}"
        return None

    def scales(self) -> list[float]:
        """The real factor from accumulator to output of each channel."""
        return channel_scales(self.x, self.w, self.y, self.y.shape[3])

    def eval(self, *xs: Array) -> Array:
        x = xs[0].reshape(-1, *self.x.shape[1:]).astype(np.float64) - self.x.q.zero_point
        rows, columns = self.rows, self.columns
        pads = [(a.before, max(0, a.after)) for a in (rows, columns)]
        x = np.pad(x, [(0, 0), *pads, (0, 0)])
        acc = np.zeros((len(x), rows.out, columns.out, self.y.shape[3]))
        w = self.w.values.astype(np.float64)
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                # Sums of products of int8 stay exact in float64.
                acc += geometry.taps(x, rows, columns, ky, kx) @ w[:, ky, kx].T
        total = acc.astype(np.int64)
        if self.bias is not None:
            total += self.bias.values.reshape(-1)
        low, high = activation.int8_range(self.activation, self.y)
        y = requantize(total, self.scales(), self.y, low, high)
        return y.reshape(len(xs[0]), *self.y.shape)

    def macs(self) -> int:
        return self.y.size * self.w.size // self.w.shape[0]
