"""Kernels of BATCH_TO_SPACE_ND: the images of a batch, interleaved."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._kernel import Kernel
from ascua.kernels.space_to_batch_nd import blocks
from ascua.ops.batch_to_space_nd import BatchToSpaceND


class BatchToSpaceNDS8(Kernel[BatchToSpaceND]):
    """Copies pixel by pixel, in the output's order."""

    name = "batch_to_space_nd_s8"

    def params(self, op: BatchToSpaceND) -> Mapping[str, int]:
        return {"images": op.y.shape[0], **blocks(op)}
