"""Kernels of RESIZE_NEAREST_NEIGHBOR: each pixel is that of the nearest place in the input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ascua.ir import ITEMSIZE
from ascua.kernels.kernel import Const, Kernel
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor


class ResizeNearestNeighborS8(Kernel[ResizeNearestNeighbor]):
    """Copies pixels by tables of rows and columns; a row that comes again is copied whole."""

    name = "resize_nearest_neighbor_s8"
    types = ("int8", "int16")
    bytewise = True

    def params(self, op: ResizeNearestNeighbor) -> Mapping[str, int]:
        images, ih, iw, channels = op.x.shape
        _, oh, ow, _ = op.y.shape
        c = channels * ITEMSIZE[op.x.dtype]
        return {"images": images, "ih": ih, "iw": iw, "c": c, "oh": oh, "ow": ow}

    def consts(self, op: ResizeNearestNeighbor) -> tuple[Const, ...]:
        rows, columns = op.places()
        return (
            Const("rows", rows.astype(np.int16), "int16_t"),
            Const("columns", columns.astype(np.int16), "int16_t"),
        )
