"""RESIZE_BILINEAR: each pixel is a mean of the four around its place in the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops.resize_nearest_neighbor import malformed, resizable


class Places(NamedTuple):
    """For each output row: the input's rows around it, and the second one's weight of 1024."""

    first: Array
    second: Array
    weight: Array


@dataclass(frozen=True, eq=False)
class ResizeBilinear(Op):
    """y = the four pixels around its place, by distance; the new size is the second input.

    As in TFLM, places count 1024ths of pixels, in integers: the place of output o is o * scale,
    with scale = in / out or, with `align_corners`, (in - 1) / (out - 1), rounded half up; with
    `half_pixel_centers` half a step more and half a pixel less.
    """

    align_corners: bool = False
    half_pixel_centers: bool = False

    tflite = "RESIZE_BILINEAR"
    options = "ResizeBilinearOptions"
    max_version = 4
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        o = node.options
        return cls(
            node.inputs,
            node.outputs,
            align_corners=bool(o["align_corners"]),
            half_pixel_centers=bool(o["half_pixel_centers"]),
        )

    def write(self) -> Mapping[str, Any]:
        return {
            "align_corners": self.align_corners,
            "half_pixel_centers": self.half_pixel_centers,
        }

    def malformed(self) -> str | None:
        return malformed(self)

    def check(self) -> str | None:
        if self.align_corners and self.half_pixel_centers:
            return "it has aligned corners and half-pixel centers, which exclude each other"
        if reason := resizable(self):
            return reason
        for i in (1, 2):
            if self.places(i).first.max() >= self.x.shape[i]:
                return (
                    f"from {self.x.shape[i]} to {self.y.shape[i]} pixels its scale is rounded such"
                    " that TFLM reads beyond the input"
                )
        return None

    def scale(self, i: int) -> int:
        """1024ths of input pixels from one output pixel to the next, along dimension i."""
        size, out = self.x.shape[i], self.y.shape[i]
        if self.align_corners and out > 1:
            size, out = size - 1, out - 1
        return (1024 * size + out // 2) // out

    def start(self, scale: int) -> int:
        """The place of the first output pixel."""
        return scale // 2 - 512 if self.half_pixel_centers else 0

    def places(self, i: int) -> Places:
        """Where the output pixels lie along dimension i."""
        size, out = self.x.shape[i], self.y.shape[i]
        scale = self.scale(i)
        at = np.arange(out) * scale + self.start(scale)
        first = np.maximum(at, 0) // 1024
        second = np.minimum((at + 1023) // 1024, size - 1)
        return Places(first, second, at - 1024 * first)

    def eval(self, *xs: Array) -> Array:
        rows, columns = self.places(1), self.places(2)
        x = xs[0].astype(np.int64)
        down = rows.weight[:, None, None]
        right = columns.weight[:, None]
        total = 0
        for ys, wy in ((rows.first, 1024 - down), (rows.second, down)):
            for cs, wx in ((columns.first, 1024 - right), (columns.second, right)):
                total = total + x[:, :, ys][:, :, :, cs] * wy * wx
        rounded = (np.abs(total) + 2**19) >> 20
        y: Array = (np.sign(total) * rounded).astype(np.int8)
        return y

    def eval_float(self, *xs: Array) -> Array:
        x = xs[0]
        for axis in (1, 2):
            first, second, weight = self._float_places(axis)
            weight = weight.reshape(-1, *(1,) * (3 - axis))
            lower, upper = np.take(x, first, 1 + axis), np.take(x, second, 1 + axis)
            x = lower * (1 - weight) + upper * weight
        return x

    def _float_places(self, i: int) -> Places:
        """As `places`, in single precision, the weight of 1: as LiteRT has it for floats."""
        f, size, out = np.float32, self.x.shape[i], self.y.shape[i]
        aligned = self.align_corners and out > 1
        scale = f(size - 1) / f(out - 1) if aligned else f(size) / f(out)
        at = np.arange(out, dtype=f)
        at = (at + f(0.5)) * scale - f(0.5) if self.half_pixel_centers else at * scale
        first = np.maximum(np.floor(at), 0).astype(np.int64)
        second = np.minimum(np.ceil(at), size - 1).astype(np.int64)
        return Places(first, np.maximum(second, 0), at - first.astype(f))
