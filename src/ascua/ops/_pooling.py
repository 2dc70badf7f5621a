"""What max and average pooling share: windows over an image, output quantised as the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import geometry
from ascua.ir import Array, Node, Op, Tensor
from ascua.ops import _activation, _conditions


@dataclass(frozen=True, eq=False)
class Pool2D(Op):
    """One value out of each window of each channel."""

    window: tuple[int, int]
    stride: tuple[int, int]
    padding: geometry.Padding
    activation: _activation.Activation

    options = "Pool2DOptions"
    types = ("int8", "int16")

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        kh, kw = geometry.read_stride(o["filter_height"], o["filter_width"])
        sy, sx = geometry.read_stride(o["stride_h"], o["stride_w"])
        return cls(
            node.inputs,
            node.outputs,
            window=(kh, kw),
            stride=(sy, sx),
            padding=geometry.read_padding(o["padding"]),
            activation=_activation.read_activation(o["fused_activation_function"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "filter_height": self.window[0],
            "filter_width": self.window[1],
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "padding": geometry.PADDINGS.index(self.padding),
            "fused_activation_function": _activation.ACTIVATIONS.index(self.activation),
        }

    @property
    def rows(self) -> geometry.Axis:
        """How windows move down."""
        return geometry.axis(self.x.shape[1], self.window[0], self.stride[0], 1, self.padding)

    @property
    def columns(self) -> geometry.Axis:
        """How windows move to the right."""
        return geometry.axis(self.x.shape[2], self.window[1], self.stride[1], 1, self.padding)

    def malformed(self) -> str | None:
        reason = _conditions.arity(self, 1) or _conditions.first(
            _conditions.computed(self.x), _conditions.rank(self.x, 4), _conditions.rank(self.y, 4)
        )
        if reason:
            return reason
        n, _, _, c = self.x.shape
        if reason := _conditions.output_shape(self, (n, self.rows.out, self.columns.out, c)):
            return reason
        return geometry.unwieldy(self.rows, self.columns, self.x.shape[3])

    def check(self) -> str | None:
        reason = _conditions.arity(self, 1) or _conditions.first(
            _conditions.computed(self.x),
            _conditions.image(self.x),
            _conditions.rank(self.y, 4),
            _conditions.quantized(self, self.x, self.y),
            _activation.unsupported(self.activation),
        )
        if reason:
            return reason
        x, y = self.x.q, self.y.q
        if x.zero_point != y.zero_point or abs(np.float32(x.scale) - np.float32(y.scale)) > 1e-6:
            return "its input and output are quantised differently; TFLM refuses that too"
        return self.malformed()

    def tied_channels(self) -> list[tuple[Tensor, int]]:
        return [(self.x, 0), (self.y, 0)] if _activation.scales(self.activation) else []

    def taps(self, x: Array, fill: float) -> list[Array]:
        """The input (n, 1, h, w, c) at each place of the window: (n, oh, ow, c).

        Places that never meet the image, only its padding, are left out.
        Integers come as int32, floats as they are.
        """
        rows, columns = self.rows, self.columns
        pads = [(a.before, max(0, a.after)) for a in (rows, columns)]
        image = x.reshape(-1, *self.x.shape[1:])
        if image.dtype.kind != "f":
            image = image.astype(np.int32)
        padded = np.pad(image, [(0, 0), *pads, (0, 0)], constant_values=fill)
        return [
            geometry.taps(padded, rows, columns, ky, kx)
            for ky in rows.inside()
            for kx in columns.inside()
        ]

    def clamp(self, y: Array, n: int) -> Array:
        """`y` (n, oh, ow, c) under the activation, as the output of n samples."""
        low, high = _activation.bounds(self.activation, self.y)
        clamped: Array = np.clip(y, low, high).astype(self.y.dtype)
        return clamped.reshape(n, *self.y.shape)
