"""Kernels of PAD and PADV2: a frame of one value around a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ascua.ir import ITEMSIZE
from ascua.kernels.kernel import Kernel
from ascua.ops.pad import MOST_DIMENSIONS, Pad


class PadS8(Kernel[Pad]):
    """Fills the output, then copies the input's rows into it."""

    name = "pad_s8"
    types = ("int8", "int16")
    bytewise = True

    def params(self, op: Pad) -> Mapping[str, int]:
        size = ITEMSIZE[op.x.dtype]
        # Two bytes that are the same are filled in as those of int8.
        value = op.value & ((1 << (8 * size)) - 1)
        pair = int(value >> 8 != value & 255) if size == 2 else 0
        fields: dict[str, int] = {"value": op.value, "size": op.y.bytes, "pair": pair}
        shape, pads = op.x.shape, op.pads()
        # Trailing dimensions without padding belong to one row.
        split = max((i for i, (before, after) in enumerate(pads) if before or after), default=0)
        row = size * prod(shape[split:])
        strides = [size * prod(op.y.shape[i + 1 :]) for i in range(len(shape))]
        offset = sum(s * before for s, (before, _) in zip(strides, pads, strict=True))
        missing = MOST_DIMENSIONS - 1 - split
        counts = [*[1] * missing, *shape[:split]]
        steps = [*[0] * missing, *strides[:split]]
        fields |= {"offset": offset, "row": row}
        fields |= {f"n{i}": n for i, n in enumerate(counts)}
        fields |= {f"step{i}": s for i, s in enumerate(steps)}
        return fields
