"""How convolutions walk over the rows of an image."""

from __future__ import annotations

from dataclasses import replace

from ascua.kernels._kernel import Rows
from ascua.ops import Convolution


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
