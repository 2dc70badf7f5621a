"""What the convolutions share: a bank of filters that slides over an image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ascua import geometry
from ascua.ir import Array
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

Options = tuple[tuple[int, int], tuple[int, int], geometry.Padding, _activation.Activation]


def read_options(o: Mapping[str, Any]) -> Options:
    """Stride, dilation, padding and activation of a .tflite file. Raises ValueError."""
    sy, sx = geometry.read_stride(o["stride_h"], o["stride_w"])
    dy, dx = geometry.read_stride(o["dilation_h_factor"], o["dilation_w_factor"])
    padding = geometry.read_padding(o["padding"])
    return (sy, sx), (dy, dx), padding, _activation.read_activation(o["fused_activation_function"])


@dataclass(frozen=True, eq=False)
class Convolution(Weighted):
    """An image, weights [.][kh][kw][.], and a bias or none; pairs are (down, right)."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: geometry.Padding
    activation: _activation.Activation

    types = ("int8", "int16")

    def write(self) -> Mapping[str, Any]:
        return {
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "dilation_h_factor": self.dilation[0],
            "dilation_w_factor": self.dilation[1],
            "padding": geometry.PADDINGS.index(self.padding),
            "fused_activation_function": _activation.ACTIVATIONS.index(self.activation),
        }

    @property
    def short(self) -> bool:
        """Whether sums have 32 bits, and not the 64 of int16 activations."""
        return self.x.dtype == "int8"

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

    def check_tensors(self) -> str | None:
        """None, or what is wrong with a tensor."""
        reason = _conditions.arity(self, 2, 3) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.image(self.x),
            _conditions.rank(self.w, 4),
            _conditions.rank(self.y, 4),
            _conditions.quantized(self, self.x, self.y),
            _conditions.int8_weights(self, self.w, self.out_axis, *_conditions.narrow(self.x)),
            _activation.unsupported(self.activation),
        )
        if reason:
            return reason
        biases = ("int32",) if self.x.dtype == "int8" else ("int64", "int32")
        reason = _conditions.bias(self.bias, self.y.shape[3], *biases)
        if self.uint8:
            reason = reason or _conditions.bias_scale(self.x, self.w, self.bias, self.y)
        return reason

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 2, 3) or _conditions.first(
            _conditions.computed(self.x),
            *(_conditions.rank(t, 4) for t in (self.x, self.w, self.y)),
        )
        if reason:
            return reason
        expected = (self.x.shape[0], self.rows.out, self.columns.out, self.channels)
        return _conditions.first(
            _conditions.weights(self.w),
            _conditions.output_shape(self, expected),
            geometry.unwieldy(self.rows, self.columns, self.x.shape[3]),
            self.wrong_channels(),
            _conditions.bias(self.bias, self.channels),
        )

    @abstractmethod
    def wrong_channels(self) -> str | None:
        """None, or why input and filters, of 4 dimensions, do not go together."""

    def check_output(self) -> str | None:
        """None, or what is wrong with its sizes, or its range."""
        if reason := self.malformed():
            return reason
        if self.short:
            matrix = self.matrices(centred(self.w)).reshape(self.channels, -1)
            return short_condition(self.x, matrix, self.bias, self.y, self.scales())
        return wide_condition(self.w, self.out_axis, self.bias, self.scales())

    def scales(self) -> list[float]:
        """The real factor from accumulator to output of each channel."""
        return channel_scales(self.x, self.w, self.y, self.y.shape[3], single=self.uint8)

    def pads(self) -> list[tuple[int, int]]:
        """Elements of padding before and after, down and to the right."""
        return [(a.before, max(0, a.after)) for a in (self.rows, self.columns)]

    def finish(self, acc: Array, samples: int) -> Array:
        if self.bias is not None:
            acc = acc + self.bias.values.reshape(-1)
        low, high = _activation.bounds(self.activation, self.y)
        rescale = requantize if self.short else requantize_wide
        y = rescale(acc, self.scales(), self.y, low, high)
        return y.reshape(samples, *self.y.shape)

    def gathered(self, x: Array) -> Array:
        """The taps of each window: (n * oh * ow, kh * kw * ic)."""
        image = np.pad(x.reshape(-1, *x.shape[-3:]), [(0, 0), *self.pads(), (0, 0)])
        rows, columns, ic = self.rows, self.columns, x.shape[-1]
        if rows.kernel == columns.kernel == 1:
            return np.ascontiguousarray(geometry.taps(image, rows, columns, 0, 0)).reshape(-1, ic)
        found = np.empty(
            (len(image), rows.out, columns.out, rows.kernel, columns.kernel, ic), x.dtype
        )
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                found[:, :, :, ky, kx] = geometry.taps(image, rows, columns, ky, kx)
        return found.reshape(-1, rows.kernel * columns.kernel * ic)

    def finish_float(self, total: Array, samples: int) -> Array:
        """Sums of floats (..., oc) as the output (samples, *y.shape)."""
        if self.bias is not None:
            total = total + self.bias.values.reshape(-1)
        y = _activation.clamped(total, self.activation)
        return y.reshape(samples, *self.y.shape)
