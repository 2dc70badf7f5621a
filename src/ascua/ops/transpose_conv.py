"""TRANSPOSE_CONV: each input pixel adds its filter's window to the output, as in decoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import geometry
from ascua.ir import Array, Node, Tensor
from ascua.ops import _activation, _conditions
from ascua.ops._channels import (
    centred,
    channel_scales,
    requantize,
    requantize_wide,
    short_condition,
    wide_condition,
)
from ascua.ops._weighted import Weighted


@dataclass(frozen=True, eq=False)
class TransposeConv(Weighted):
    """y[iy * sy + ky - py, ix * sx + kx - px, oc] += x[iy, ix] * w[oc, ky, kx]; bias, activation.

    Inputs are the output's shape, weights [oc][kh][kw][ic], x, and perhaps the bias; what falls
    outside the output is dropped.
    """

    stride: tuple[int, int]
    padding: geometry.Padding
    activation: _activation.Activation = "NONE"

    tflite = "TRANSPOSE_CONV"
    options = "TransposeConvOptions"
    max_version = 5
    types = ("int8", "int16")
    optional = (3,)
    out_axis, in_axis = 0, 3

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        sy, sx = geometry.read_stride(o["stride_h"], o["stride_w"])
        return cls(
            node.inputs,
            node.outputs,
            stride=(sy, sx),
            padding=geometry.read_padding(o["padding"]),
            activation=_activation.read_activation(o["fused_activation_function"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "padding": geometry.PADDINGS.index(self.padding),
            "fused_activation_function": _activation.ACTIVATIONS.index(self.activation),
        }

    @property
    def x(self) -> Tensor:
        """The image: the third input."""
        assert self.inputs[2] is not None
        return self.inputs[2]

    @property
    def rows(self) -> geometry.Axis:
        """How filters would move down the output, as in the convolution that this transposes."""
        return geometry.axis(self.y.shape[1], self.w.shape[1], self.stride[0], 1, self.padding)

    @property
    def columns(self) -> geometry.Axis:
        """How they would move to the right."""
        return geometry.axis(self.y.shape[2], self.w.shape[2], self.stride[1], 1, self.padding)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 3, 4) or _conditions.first(
            _conditions.computed(self.x),
            *(_conditions.rank(t, 4) for t in (self.x, self.w, self.y)),
        )
        if reason:
            return reason
        if reason := _conditions.weights(self.w) or _conditions.bias(self.bias, self.channels):
            return reason
        shape = self.inputs[0]
        if shape is None or not shape.const:
            return "the shape of its output is computed from data; it must be known beforehand"
        if self.w.shape[3] != self.x.shape[3]:
            return f"its filters have {self.w.shape[3]} channels and its input {self.x.shape[3]}"
        whole = (self.x.shape[0], *self.y.shape[1:3], self.channels)
        if reason := _conditions.output_shape(self, whole):
            return reason
        h, w = self._extent()
        if h * w * self.w.shape[0] > max(geometry.MOST_PADDED, 16 * self.y.size):
            return f"its filters reach over {h:,} by {w:,} pixels, more than are taken"
        return None

    def _extent(self) -> tuple[int, int]:
        """Rows and columns that the filters reach, before what is too much is cut off."""
        _, ih, iw, _ = self.x.shape
        kh, kw = self.w.shape[1:3]
        sy, sx = self.stride
        _, oh, ow, _ = self.y.shape
        return (
            max((ih - 1) * sy + kh, self.rows.before + oh),
            max((iw - 1) * sx + kw, self.columns.before + ow),
        )

    def check(self) -> str | None:
        reason = _conditions.arity(self, 3, 4) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.image(self.x),
            _conditions.rank(self.w, 4),
            _conditions.image(self.y),
            _conditions.quantized(self, self.x, self.y),
            _conditions.int8_weights(self, self.w, self.out_axis),
            _activation.unsupported(self.activation),
        )
        if reason:
            return reason
        biases = ("int32",) if self.x.dtype == "int8" else ("int64", "int32", "int16")
        reason = _conditions.bias(self.bias, self.y.shape[3], *biases)
        reason = reason or _conditions.long_bias(self.x, self.bias)
        if self.uint8:
            reason = reason or _conditions.bias_scale(self.x, self.w, self.bias, self.y)
        if reason := reason or self.malformed():
            return reason
        if self.x.dtype == "int8":
            matrix = self.matrices(centred(self.w))[0]
            return short_condition(self.x, matrix, self.bias, self.y, self.scales())
        return wide_condition(self.w, self.out_axis, self.bias, self.scales())

    def scales(self) -> list[float]:
        """The real factor from accumulator to output of each channel."""
        return channel_scales(self.x, self.w, self.y, self.y.shape[3], single=self.uint8)

    def eval(self, *xs: Array) -> Array:
        # Sums of products of int8 stay exact in float64.
        total = self._sums(xs[0].astype(np.float64) - self.x.q.zero_point).astype(np.int64)
        return self.finish(total, len(xs[0]))

    def finish(self, acc: Array, samples: int) -> Array:
        if self.bias is not None:
            acc = acc + self.bias.values.reshape(-1)
        low, high = _activation.bounds(self.activation, self.y)
        rescale = requantize if self.x.dtype == "int8" else requantize_wide
        y = rescale(acc, self.scales(), self.y, low, high)
        return y.reshape(samples, *self.y.shape)

    def eval_float(self, *xs: Array) -> Array:
        total = self._sums(xs[0])
        if self.bias is not None:
            total = total + self.bias.values.reshape(-1)
        return _activation.clamped(total, self.activation).reshape(len(xs[0]), *self.y.shape)

    def _sums(self, x: Array) -> Array:
        """What the input pixels (n, *x.shape) add up to: (n, oh, ow, oc) in the type of `x`."""
        x = x.reshape(-1, *self.x.shape[1:])
        _, ih, iw, _ = self.x.shape
        _, oh, ow, oc = self.y.shape
        kh, kw = self.w.shape[1:3]
        sy, sx = self.stride
        py, px = self.rows.before, self.columns.before
        whole = np.zeros((len(x), *self._extent(), oc), x.dtype)
        w = centred(self.w).astype(x.dtype)
        for ky in range(kh):
            for kx in range(kw):
                at = whole[:, ky : ky + (ih - 1) * sy + 1 : sy, kx : kx + (iw - 1) * sx + 1 : sx]
                at += x @ w[:, ky, kx].T
        return whole[:, py : py + oh, px : px + ow]

    def gathered(self, x: Array) -> Array:
        """The input pixels that each output pixel sums over: (n * oh * ow, kh * kw * ic)."""
        x = x.reshape(-1, *self.x.shape[1:])
        _, ih, iw, ic = self.x.shape
        _, oh, ow, _ = self.y.shape
        kh, kw = self.w.shape[1:3]
        sy, sx = self.stride
        top, left = kh - 1, kw - 1
        py, px = self.rows.before, self.columns.before
        height = max(top + (ih - 1) * sy + 1, top + py + oh)
        width = max(left + (iw - 1) * sx + 1, left + px + ow)
        spread = np.zeros((len(x), height, width, ic), x.dtype)
        spread[:, top : top + (ih - 1) * sy + 1 : sy, left : left + (iw - 1) * sx + 1 : sx] = x
        found = np.empty((len(x), oh, ow, kh, kw, ic), x.dtype)
        for ky in range(kh):
            for kx in range(kw):
                y0, x0 = top + py - ky, left + px - kx
                found[:, :, :, ky, kx] = spread[:, y0 : y0 + oh, x0 : x0 + ow]
        return found.reshape(-1, kh * kw * ic)

    def macs(self) -> int:
        return self.x.size // self.x.shape[3] * self.w.size
