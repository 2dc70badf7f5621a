"""DEPTHWISE_CONV_2D: convolution of each channel of an image with its own filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import geometry
from ascua.ir import Array, Node
from ascua.ops import _conditions
from ascua.ops._channels import centred
from ascua.ops._convolution import Convolution, read_options


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Convolution):
    """y[oy, ox, c * multiplier + m] = activation(sum x[..., c] * w[ky, kx, c * multiplier + m]).

    Weights are [1][kh][kw][oc]: each channel of the input is a group of `multiplier` outputs.
    """

    multiplier: int

    tflite = "DEPTHWISE_CONV_2D"
    floats = True
    options = "DepthwiseConv2DOptions"
    max_version = 6
    out_axis, in_axis = 3, 0

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(node.inputs, node.outputs, *read_options(o), o["depth_multiplier"])

    def write(self) -> Mapping[str, Any]:
        return {**super().write(), "depth_multiplier": self.multiplier}

    def wrong_channels(self) -> str | None:
        ic, oc = self.x.shape[3], self.w.shape[3]
        if self.w.shape[0] != 1:
            return f"its weights have the shape {list(self.w.shape)}; the first must be 1"
        if oc != ic * self.multiplier:
            return f"its depth multiplier is {self.multiplier} with {ic} channels in and {oc} out"
        return None

    def check(self) -> str | None:
        reason = self.check_tensors() or _conditions.long_bias(self.x, self.bias)
        return reason or self.check_output()

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
