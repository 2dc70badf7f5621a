"""Kernels of BATCH_TO_SPACE_ND: the images of a batch, interleaved."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels.kernel import Kernel
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.space_to_batch_nd import image


class BatchToSpaceNDS8(Kernel[BatchToSpaceND]):
    """Copies pixel by pixel, in the output's order."""

    name = "batch_to_space_nd_s8"

    def params(self, op: BatchToSpaceND) -> Mapping[str, int]:
        images, oh, ow, c = image(op.y.shape)
        rows, columns = op.axes()
        return {
            "images": images,
            "ih": image(op.x.shape)[1],
            "iw": image(op.x.shape)[2],
            "c": c,
            "oh": oh,
            "ow": ow,
            "by": rows.block,
            "bx": columns.block,
            "top": rows.before,
            "left": columns.before,
        }
