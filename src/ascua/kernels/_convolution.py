"""How convolutions walk over the rows of an image."""

from __future__ import annotations

from dataclasses import replace

from ascua.geometry import Axis
from ascua.kernels._kernel import Rows
from ascua.ops import Convolution

LITTLE = 1024
"""Bytes of scratch that no plan is short of."""


def padded_rows(op: Convolution) -> Rows:
    """The rows that a kernel reads, padded with the input's zero point."""
    return Rows(
        kh=op.rows.kernel,
        sy=op.rows.stride,
        dy=op.rows.dilation,
        py=op.rows.before,
        left=op.columns.before,
        right=max(0, op.columns.after),
        fill=0 if op.in_float else op.x.q.zero_point,
    )


def clipped_rows(op: Convolution) -> Rows:
    """The same without padding: rows outside the image are null."""
    return replace(padded_rows(op), fill=None)


def clipped(op: Convolution) -> dict[str, int]:
    """The parameters by which a kernel tells padding from rows that come without it."""
    columns, c = op.columns, op.x.shape[3]
    first, inside = within(columns)
    return {
        "left": columns.before * c,
        "row": columns.size * c,
        "first": first,
        "inside": inside,
        "fill": op.x.q.zero_point,
    }


def within(axis: Axis) -> tuple[int, int]:
    """The first of the windows that lie inside the image altogether, and their number."""
    first = -(-axis.before // axis.stride)
    beyond = (axis.size - axis.span + axis.before) // axis.stride + 1
    inside = max(0, min(axis.out, beyond) - first)
    return (first, inside) if inside else (0, 0)


def whole_rows(op: Convolution) -> int:
    """The rows of the output of which some pixels need no padding."""
    return within(op.rows)[1] if within(op.columns)[1] else 0
