"""Kernels of SPACE_TO_BATCH_ND: every n-th pixel in an image of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._kernel import Kernel
from ascua.kernels._moves import integers
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.space_to_batch_nd import SpaceToBatchND


class SpaceToBatchNDS8(Kernel[SpaceToBatchND]):
    """Copies pixel by pixel, in the output's order."""

    name = "space_to_batch_nd_s8"

    def params(self, op: SpaceToBatchND) -> Mapping[str, int]:
        return {"images": op.x.shape[0], **blocks(op)}


def blocks(op: SpaceToBatchND | BatchToSpaceND) -> dict[str, int]:
    """The other parameters: sizes of both, blocks, and the padding or crops before."""
    (_, ih, *iw, c), (_, oh, *ow, _) = op.x.shape, op.y.shape
    by, *bx = integers(op.inputs[1])
    top, _, *left = integers(op.inputs[2])
    # A tensor of three dimensions has one column.
    return {
        "ih": ih,
        "iw": iw[0] if iw else 1,
        "c": c,
        "oh": oh,
        "ow": ow[0] if ow else 1,
        "by": by,
        "bx": bx[0] if bx else 1,
        "top": top,
        "left": left[0] if left else 0,
    }
