"""RESIZE_NEAREST_NEIGHBOR: each pixel is that of the nearest place in the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ascua import geometry
from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves

MOST_SIZE = 2**15 - 1
"""Rows or columns; kernels hold their numbers in int16."""


@dataclass(frozen=True, eq=False)
class ResizeNearestNeighbor(Op):
    """y[oy, ox] = x[row of oy, column of ox]; the new size is the second input.

    The place of output o is floor((o + offset) * scale), in float32 as in TFLM: scale is in / out,
    or (in - 1) / (out - 1) with `align_corners`, which rounds half up instead of down; offset is
    1/2 with `half_pixel_centers`.
    """

    align_corners: bool = False
    half_pixel_centers: bool = False

    tflite = "RESIZE_NEAREST_NEIGHBOR"
    floats = True
    options = "ResizeNearestNeighborOptions"
    max_version = 4
    types = ("int8", "int16")
    any_type = True
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
        return resizable(self)

    def places(self) -> tuple[Array, Array]:
        """The input's row of each output row, and the same of columns."""
        rows, columns = (self._places(self.x.shape[i], self.y.shape[i]) for i in (1, 2))
        return rows, columns

    def _places(self, size: int, out: int) -> Array:
        f = np.float32
        aligned = self.align_corners and out > 1
        scale = f(size - 1) / f(out - 1) if aligned else f(size) / f(out)
        offset = f(0.5) if self.half_pixel_centers else f(0)
        at = (np.arange(out, dtype=f) + offset) * scale
        # at >= 0, where half away from zero is half up. The half is added in double precision: in
        # single, 0.49999997 would come to 1.
        at = np.floor(at.astype(np.float64) + 0.5) if self.align_corners else np.floor(at)
        places: Array = np.minimum(at.astype(np.int64), size - 1)
        return places

    def eval(self, *xs: Array) -> Array:
        rows, columns = self.places()
        return xs[0][:, :, rows][:, :, :, columns]


def resizable(op: Op) -> str | None:
    """None, or why the images of `op` cannot be resized to its second input."""
    reason = _conditions.arity(op, 2) or _moves.condition(op, op.x, op.y, most=4)
    if reason := reason or malformed(op):
        return reason
    if max(*op.x.shape[1:3], *op.y.shape[1:3]) > MOST_SIZE:
        return f"an image has more than {MOST_SIZE} rows or columns"
    return None


def malformed(op: Op) -> str | None:
    """None, or why the output of `op` is no image of the size that the second input states."""
    reason = _conditions.arity(op, 2) or _conditions.first(
        _conditions.computed(op.x),
        _moves.one_type(op.x, op.y),
        _conditions.rank(op.x, 4),
        _moves.integers(op.inputs[1], "new size"),
    )
    if reason:
        return reason
    size = _moves.listed(op.inputs[1])
    if len(size) != 2:
        return f"its new size {size} is not one of rows and columns"
    n, _, iw, c = op.x.shape
    if reason := _conditions.output_shape(op, (n, *size, c)) or _conditions.filled(op.y):
        return reason
    if size[0] * iw * c > max(geometry.MOST_PADDED, 16 * max(op.x.size, op.y.size)):
        return f"on the way it makes an image of {size[0]:,} by {iw:,} pixels, more than are taken"
    return None
