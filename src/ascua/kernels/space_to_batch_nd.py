"""Kernels of SPACE_TO_BATCH_ND: every n-th pixel in an image of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels.kernel import Kernel
from ascua.ops.space_to_batch_nd import SpaceToBatchND, image


class SpaceToBatchNDS8(Kernel[SpaceToBatchND]):
    """Copies pixel by pixel, in the output's order."""

    name = "space_to_batch_nd_s8"

    def params(self, op: SpaceToBatchND) -> Mapping[str, int]:
        images, ih, iw, c = image(op.x.shape)
        _, oh, ow, _ = image(op.y.shape)
        rows, columns = op.axes()
        return {
            "images": images,
            "ih": ih,
            "iw": iw,
            "c": c,
            "oh": oh,
            "ow": ow,
            "by": rows.block,
            "bx": columns.block,
            "top": rows.before,
            "left": columns.before,
        }
