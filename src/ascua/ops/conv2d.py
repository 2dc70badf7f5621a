"""CONV_2D: convolution of an image with a bank of filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import geometry
from ascua.ir import Array, Node, limits
from ascua.ops._channels import (
    centred,
    short_bias,
)
from ascua.ops._convolution import Convolution, read_options

MOST_TAPS = 1 << 24
"""Of all windows of an image: where there are more, a reference sums tap by tap, in less memory."""


@dataclass(frozen=True, eq=False)
class Conv2D(Convolution):
    """y[oy, ox, oc] = activation(sum x[oy * sy + ky * dy - py, ...] * w[oc, ky, kx] + bias[oc]).

    Weights are [oc][kh][kw][ic of a group]: where the input has more channels, both sides' are in
    groups. `bias_dtype` is the number of the dtype that an absent bias would
    have: with int16 activations, that decides how TFLM sums up.
    """

    bias_dtype: int = 0

    tflite = "CONV_2D"
    floats = True
    options = "Conv2DOptions"
    max_version = 6
    out_axis, in_axis = 0, 3

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(node.inputs, node.outputs, *read_options(o), o["quantized_bias_type"])

    def write(self) -> Mapping[str, Any]:
        return {**super().write(), "quantized_bias_type": self.bias_dtype}

    @property
    def short(self) -> bool:
        return super().short or short_bias(self.bias, self.bias_dtype)

    def check(self) -> str | None:
        reason = self.check_tensors()
        if reason:
            return reason
        if self.uint8 and self.bias is None:
            return "it has no bias, and LiteRT takes no such uint8 convolution"
        return self.check_output()

    def wrong_channels(self) -> str | None:
        (*_, ic), (oc, *_, depth) = self.x.shape, self.w.shape
        if ic % depth or oc % (ic // depth):
            return f"its filters, {oc}, have {depth} channels and its input {ic}: no whole groups"
        return None

    def eval(self, *xs: Array) -> Array:
        w = self.matrices(centred(self.w).astype(np.int64))
        least, greatest = limits(self.x.dtype)
        zero = self.x.q.zero_point
        most = int(np.abs(w).sum(axis=2).max()) * max(zero - least, greatest - zero)
        exact = "float32" if most < 2**24 else "float64"  # every sum is a whole number
        acc = self._grouped(xs[0].astype(exact) - zero, w.astype(exact))
        return self.finish(acc.astype(np.int64), len(xs[0]))

    def _grouped(self, x: Array, matrices: Array) -> Array:
        """Sums (n * oh * ow, oc) of images (n, 1, h, w, ic) and `matrices`."""
        parts = zip(np.split(x, self.groups, axis=-1), matrices, strict=True)
        return np.concatenate([self._sums(part, w) for part, w in parts], axis=-1)

    def _sums(self, x: Array, w: Array) -> Array:
        """The same of the channels of one group and its filters (oc, kh * kw * ic)."""
        rows, columns = self.rows, self.columns
        if rows.out * columns.out * w.shape[1] <= MOST_TAPS:
            return self.gathered(x) @ w.T
        image = np.pad(x.reshape(-1, *x.shape[-3:]), [(0, 0), *self.pads(), (0, 0)])
        filters = w.reshape(-1, *self.w.shape[1:])
        total = np.zeros((len(image), rows.out, columns.out, len(w)), x.dtype)
        for ky in range(rows.kernel):
            for kx in range(columns.kernel):
                total += geometry.taps(image, rows, columns, ky, kx) @ filters[:, ky, kx].T
        return total.reshape(-1, len(w))

    def eval_float(self, *xs: Array) -> Array:
        return self.finish_float(self._grouped(xs[0], self.matrices()), len(xs[0]))
