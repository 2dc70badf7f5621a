"""Puts together what exporters make of a dilated convolution: to batches, convolve, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ascua import geometry
from ascua.ir import Op, Tensor
from ascua.ops import Convolution
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.reshape import Reshape
from ascua.ops.space_to_batch_nd import SpaceToBatchND


class Side(NamedTuple):
    """One dimension of the image: its size before and after, the dilation, and the padding."""

    size: int
    out: int
    block: int
    before: int


def dilated(chain: Sequence[Op]) -> tuple[Op, ...]:
    """What computes the same as `chain`, each of which reads the one before; or nothing.

    It is SPACE_TO_BATCH_ND, views, a convolution, views, BATCH_TO_SPACE_ND. The blocks are the
    dilation; what is padded before, less what is cropped, is the padding: that of SAME or VALID.
    """
    space, batch = chain[0], chain[-1]
    inner = [op for op in chain[1:-1] if not op.view]
    if not isinstance(space, SpaceToBatchND) or not isinstance(batch, BatchToSpaceND):
        return ()
    if len(inner) != 1 or not isinstance(inner[0], Convolution):
        return ()
    conv = inner[0]
    if space.malformed() or conv.malformed() or batch.malformed():
        return ()
    if conv.x.dtype != "float32" and (conv.x.quant is None or batch.check()):
        return ()
    at = chain.index(conv)
    before, after = [space.x, *(op.y for op in chain[:at])], [op.y for op in chain[at:]]
    same = all(t.quant == ts[0].quant for ts in (before, after) for t in ts)
    plain = conv.stride == conv.dilation == (1, 1) and conv.padding == "VALID"
    if not same or not plain:
        return ()
    sides = _sides(space, conv, batch)
    padding = _padding(conv, sides) if sides else None
    if padding is None:
        return ()
    rows, columns = sides
    dilation = rows.block, columns.block
    fused = replace(conv, dilation=dilation, padding=padding, version=None)
    return _connected(fused, space, batch, sides)


def _sides(space: SpaceToBatchND, conv: Convolution, batch: BatchToSpaceND) -> tuple[Side, ...]:
    """Rows and columns of the whole image, or nothing where the parts do not belong together."""
    pads, crops = space.axes(), batch.axes()
    found = [
        Side(size, out, pad.block, pad.before - crop.before)
        for size, out, pad, crop in zip(
            space.x.shape[1:-1], batch.y.shape[1:-1], pads, crops, strict=False
        )
        if pad.block == crop.block
    ]
    if len(found) == 2:
        return tuple(found) if conv.x.shape == space.y.shape else ()
    if len(found) == 1 and len(space.x.shape) == 3 and len(conv.x.shape) == 4:
        one = Side(1, 1, 1, 0)
        if conv.x.shape[2] == conv.y.shape[2] == 1:
            return found[0], one
        if conv.x.shape[1] == conv.y.shape[1] == 1:
            return one, found[0]
    return ()


def _padding(conv: Convolution, sides: Sequence[Side]) -> geometry.Padding | None:
    """The padding under which the dilated convolution has these sides.

    TFLM pads with 0. Where that is read, it must be the zero point, as with floats it is.
    """
    for padding in geometry.PADDINGS[::-1]:
        axes = [
            geometry.axis(s.size, k, 1, s.block, padding)
            for s, k in zip(sides, conv.w.shape[1:3], strict=True)
        ]
        if all((a.out, a.before) == (s.out, s.before) for a, s in zip(axes, sides, strict=True)):
            unread = all(a.before == 0 and a.after <= 0 for a in axes)
            real = conv.x.dtype == "float32"
            return padding if unread or real or conv.x.q.zero_point == 0 else None
    return None


def _connected(conv: Convolution, space: Op, batch: Op, sides: Sequence[Side]) -> tuple[Op, ...]:
    """`conv` from the first tensor to the last one, as images where they are none."""
    x, y = space.x, batch.y
    views: list[tuple[Op, ...]] = [(), ()]
    if len(x.shape) == 3:
        image = _image(space.y, [s.size for s in sides], conv.x.shape[3])
        result = _image(conv.y, [s.out for s in sides], conv.y.shape[3])
        views = [(Reshape((x,), (image,)),), (Reshape((result,), (y,)),)]
        x, y = image, result
    fused = replace(conv, inputs=(x, *conv.inputs[1:]), outputs=(y,))
    return (*views[0], fused, *views[1])


def _image(t: Tensor, sizes: Sequence[int], channels: int) -> Tensor:
    return replace(t, shape=(1, *sizes, channels))
