"""Kernels of RESIZE_NEAREST_NEIGHBOR: each pixel is that of the nearest place in the input."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ascua.ir import ITEMSIZE, Array
from ascua.kernels._kernel import Const, Kernel
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor


class ResizeNearestNeighborS8(Kernel[ResizeNearestNeighbor]):
    """Copies pixels by tables of rows and columns; a row that comes again is copied whole."""

    name = "resize_nearest_neighbor_s8"
    types = ("int8", "int16", "float32")
    bytewise = True

    def params(self, op: ResizeNearestNeighbor) -> Mapping[str, int]:
        images, ih, iw, channels = op.x.shape
        _, oh, ow, _ = op.y.shape
        c = channels * ITEMSIZE[op.x.dtype]
        return {"images": images, "ih": ih, "iw": iw, "c": c, "oh": oh, "ow": ow}

    def consts(self, op: ResizeNearestNeighbor) -> tuple[Const, ...]:
        rows, columns = (_places(op, op.x.shape[i], op.y.shape[i]) for i in (1, 2))
        return Const("rows", rows, "int16_t"), Const("columns", columns, "int16_t")


def _places(op: ResizeNearestNeighbor, size: int, out: int) -> Array:
    """The input's row or column of each of the output's, (out,), found in single precision."""
    gaps = 1 if op.align_corners and out > 1 else 0
    scale = np.float32(size - gaps) / np.float32(out - gaps)
    offset, half = 0.5 * op.half_pixel_centers, 0.5 * op.align_corners
    # In double precision a half is added exactly.
    places = (math.floor(float(np.float32(i + offset) * scale) + half) for i in range(out))
    return np.array([min(place, size - 1) for place in places], np.int16)
