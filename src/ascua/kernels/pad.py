"""Kernels of PAD and PADV2: a frame of one value around a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ascua.ir import ITEMSIZE
from ascua.kernels._kernel import Kernel
from ascua.kernels._moves import dot, integers, strides
from ascua.ops.pad import Pad, PadV2

LOOPS = 4
"""Those of the C over rows: enough for five dimensions."""


class PadS8(Kernel[Pad]):
    """Fills the output, then copies the input's rows into it."""

    name = "pad_s8"
    types = ("int8", "int16", "float32")
    bytewise = True

    def params(self, op: Pad) -> Mapping[str, int]:
        size = ITEMSIZE[op.x.dtype]
        value = filling(op)
        # Bytes that are the same are filled in as those of int8.
        alike = len({value >> 8 * i & 255 for i in range(size)}) == 1
        shape, pads = op.x.shape, integers(op.inputs[1])
        before = pads[::2]
        # Trailing dimensions without padding belong to one row.
        split = max((i // 2 for i, n in enumerate(pads) if n), default=0)
        steps = [size * step for step in strides(op.y.shape)]
        loops = [(1, 0)] * (LOOPS - split) + list(zip(shape, steps, strict=True))[:split]
        return {
            "value": value,
            "size": op.y.bytes,
            "width": 1 if alike else size,
            "offset": dot(before, steps),
            "row": size * prod(shape[split:]),
            **{f"n{i}": n for i, (n, _) in enumerate(loops)},
            **{f"step{i}": step for i, (_, step) in enumerate(loops)},
        }


def filling(op: Pad) -> int:
    """The value of the padding, a number of as many bits as the output has."""
    if isinstance(op, PadV2):
        assert op.inputs[2] is not None
        value = op.inputs[2].values
        return int(value.reshape(-1).view(np.int32)[0] if op.in_float else value.item())
    return 0 if op.in_float else op.y.q.zero_point
