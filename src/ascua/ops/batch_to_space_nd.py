"""BATCH_TO_SPACE_ND: the images of a batch, interleaved; the counterpart of SPACE_TO_BATCH_ND."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _moves
from ascua.ops.space_to_batch_nd import Axes, axes_of, image, malformed


@dataclass(frozen=True, eq=False)
class BatchToSpaceND(Op):
    """y[b, oy, ox] = x[image, iy, ix]: oy + crop = iy * block + the image's row in its block.

    The second input is the block (rows, columns), the third what is cropped before and after.
    """

    tflite = "BATCH_TO_SPACE_ND"
    options = "BatchToSpaceNDOptions"
    max_version = 4
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def axes(self) -> Axes:
        """Block and crops of rows and of columns."""
        return axes_of(self)

    def check(self) -> str | None:
        reason = malformed(self, "crops") or _moves.condition(self, self.x, self.y, most=4)
        return reason or self.malformed()

    def malformed(self) -> str | None:
        if reason := malformed(self, "crops"):
            return reason
        b, h, w, c = image(self.x.shape)
        rows, columns = self.axes()
        if b % (rows.block * columns.block):
            return f"its blocks of {rows.block} by {columns.block} do not divide a batch of {b}"
        whole = (
            b // (rows.block * columns.block),
            h * rows.block - rows.before - rows.after,
            w * columns.block - columns.before - columns.after,
            c,
        )
        if len(self.x.shape) != len(self.y.shape) or image(self.y.shape) != whole:
            return f"its output has the shape {list(self.y.shape)}, and {list(whole)} are left"
        return None

    def eval(self, *xs: Array) -> Array:
        b, h, w, c = image(self.x.shape)
        rows, columns = self.axes()
        n = b // (rows.block * columns.block)
        x = xs[0].reshape(-1, rows.block, columns.block, n, h, w, c)
        # (samples, n, h, by, w, bx, c)
        y = x.transpose(0, 3, 4, 1, 5, 2, 6).reshape(-1, n, h * rows.block, w * columns.block, c)
        _, oh, ow, _ = image(self.y.shape)
        y = y[:, :, rows.before : rows.before + oh, columns.before : columns.before + ow]
        return np.ascontiguousarray(y).reshape(-1, *self.y.shape)
