"""Kernels of RESIZE_BILINEAR: each pixel is a mean of the four around its place in the input."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels.kernel import Kernel
from ascua.ops.resize_bilinear import ResizeBilinear


class ResizeBilinearS8(Kernel[ResizeBilinear]):
    """Interpolates along the row, then between rows, in integers."""

    name = "resize_bilinear_s8"

    def params(self, op: ResizeBilinear) -> Mapping[str, int]:
        images, ih, iw, c = op.x.shape
        _, oh, ow, _ = op.y.shape
        rows, columns = (op.scale(i) for i in (1, 2))
        return {
            "images": images,
            "ih": ih,
            "iw": iw,
            "c": c,
            "oh": oh,
            "ow": ow,
            "scale_y": rows,
            "start_y": op.start(rows),
            "scale_x": columns,
            "start_x": op.start(columns),
        }
