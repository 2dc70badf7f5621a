"""Kernels of RESIZE_BILINEAR: each pixel is a mean of the four around its place in the input."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._kernel import Kernel
from ascua.ops.resize_bilinear import ResizeBilinear


class ResizeBilinearS8(Kernel[ResizeBilinear]):
    """Interpolates along the row, then between rows, in integers."""

    name = "resize_bilinear_s8"

    def params(self, op: ResizeBilinear) -> Mapping[str, int]:
        images, ih, iw, c = op.x.shape
        _, oh, ow, _ = op.y.shape
        sizes = {"images": images, "ih": ih, "iw": iw, "c": c, "oh": oh, "ow": ow}
        rows, columns = _scale(op, ih, oh), _scale(op, iw, ow)
        # With centers a pixel's place is half a step further, less half a pixel.
        top, left = (s // 2 - 512 if op.half_pixel_centers else 0 for s in (rows, columns))
        return {**sizes, "scale_y": rows, "start_y": top, "scale_x": columns, "start_x": left}


def _scale(op: ResizeBilinear, size: int, out: int) -> int:
    """1024ths of input pixels between two output pixels, half up."""
    gaps = 1 if op.align_corners and out > 1 else 0
    return (2048 * (size - gaps) // (out - gaps) + 1) // 2
