"""SPACE_TO_BATCH_ND: every n-th pixel in an image of its own, as around dilated convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ascua.ir import Array, Node, Op
from ascua.ops import _conditions, _moves


class Blocks(NamedTuple):
    """One axis: pixels a block, and pixels that are added (or cropped) before and after."""

    block: int
    before: int
    after: int


Axes = tuple[Blocks, Blocks]
"""Rows and columns."""


def image(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(b, h, w, c); a tensor of three dimensions has one column."""
    b, h, *w, c = shape
    return b, h, *(w or (1,)), c


def axes_of(op: Op) -> Axes:
    """Block and paddings or crops, the second and the third input, of rows and of columns."""
    block, ends = _moves.listed(op.inputs[1]), _moves.listed(op.inputs[2])
    rows = Blocks(block[0], *ends[:2])
    return rows, Blocks(block[1], *ends[2:]) if len(block) > 1 else Blocks(1, 0, 0)


def malformed(op: Op, what: str) -> str | None:
    """None, or why the inputs of `op` are not what they must be; `what` names the third."""
    reason = _conditions.arity(op, 3) or _conditions.first(
        _conditions.computed(op.x),
        _moves.integers(op.inputs[1], "block"),
        _moves.integers(op.inputs[2], what),
        _conditions.rank(op.x, 3, 4),
    )
    if reason:
        return reason
    block, ends = _moves.listed(op.inputs[1]), _moves.listed(op.inputs[2])
    spatial = len(op.x.shape) - 2
    if len(block) != spatial or len(ends) != 2 * spatial:
        return f"its block {block} and {what} {ends} are not for {spatial} spatial dimensions"
    if min(block) < 1 or min(ends) < 0:
        return f"its block {block} or {what} {ends} are negative"
    return _moves.one_type(op.x, op.y)


@dataclass(frozen=True, eq=False)
class SpaceToBatchND(Op):
    """y[image, oy, ox] = x[b, iy, ix]: iy + padding = oy * block + the image's row in its block.

    The second input is the block (rows, columns), the third the padding before and after. The
    padding is 0: TFLM reads its value from memory that it never writes, which holds 0 in a fresh
    process. So a padded input must have the zero point 0.
    """

    tflite = "SPACE_TO_BATCH_ND"
    options = "SpaceToBatchNDOptions"
    max_version = 4
    any_type = True
    one_scale = True

    @classmethod
    def read(cls, node: Node) -> Self:
        return cls(node.inputs, node.outputs)

    def axes(self) -> Axes:
        """Block and paddings of rows and of columns."""
        return axes_of(self)

    def check(self) -> str | None:
        reason = self.malformed() or _moves.condition(self, self.x, self.y, most=4)
        if reason:
            return reason
        if any(a.before or a.after for a in self.axes()):
            if reason := _conditions.quantized(self, self.x):
                return reason
            if self.x.q.zero_point:
                return (
                    "it pads, and TFLM pads with what happens to be in memory instead of the zero"
                    f" point {self.x.q.zero_point}: export the model with a fixed batch of 1, or"
                    " pad with a PAD before it"
                )
        return None

    def malformed(self) -> str | None:
        if reason := malformed(self, "paddings"):
            return reason
        b, h, w, c = image(self.x.shape)
        rows, columns = self.axes()
        h, w = h + rows.before + rows.after, w + columns.before + columns.after
        if h % rows.block or w % columns.block:
            return f"its blocks of {rows.block} by {columns.block} do not divide {h} by {w} pixels"
        parts = (b * rows.block * columns.block, h // rows.block, w // columns.block, c)
        if self.y.shape[:1] != parts[:1]:
            return (
                f"its output is no batch of {parts[0]}: export the model with a fixed batch of 1,"
                " and the converter makes one dilated convolution of it"
            )
        if len(self.x.shape) != len(self.y.shape) or image(self.y.shape) != parts:
            return f"its output has the shape {list(self.y.shape)} instead of {list(parts)}"
        return None

    def eval(self, *xs: Array) -> Array:
        b, _, _, c = image(self.x.shape)
        rows, columns = self.axes()
        pads = [(0, 0), (0, 0), rows[1:], columns[1:], (0, 0)]
        x = np.pad(xs[0].reshape(-1, *image(self.x.shape)), pads)
        _, oh, ow, _ = image(self.y.shape)
        x = x.reshape(-1, b, oh, rows.block, ow, columns.block, c)
        # (samples, by, bx, b, oh, ow, c)
        return x.transpose(0, 3, 5, 1, 2, 4, 6).reshape(-1, *self.y.shape)
