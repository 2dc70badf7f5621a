"""Generators of operators that move values, and of those that only look at them otherwise."""

from __future__ import annotations

from functools import partial

import numpy as np

from ascua.ir import Op, Tensor
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.broadcast_to import BroadcastTo
from ascua.ops.concatenation import Concatenation
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.gather import Gather
from ascua.ops.gather_nd import GatherNd
from ascua.ops.mirror_pad import MirrorPad
from ascua.ops.pack import Pack
from ascua.ops.pad import Pad, PadV2
from ascua.ops.reshape import Reshape
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.reverse_v2 import ReverseV2
from ascua.ops.shape import Shape
from ascua.ops.slice import Slice
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.split import Split, SplitV
from ascua.ops.squeeze import Squeeze
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.transpose import Transpose
from ascua.ops.unpack import Unpack
from tests.fuzz.builder import Builder
from tests.fuzz.weights import dilated


def reshape(b: Builder) -> None:
    x = b.any()
    left, shape = x.size, []
    for _ in range(b.draw.integer(0, 3)):
        shape.append(b.draw.pick([d for d in range(1, 41) if left % d == 0]))
        left //= shape[-1]
    shape.append(left)
    stated = tuple(shape)
    if b.draw.one_in(3):
        stated = tuple(-1 if i == 0 else d for i, d in enumerate(shape))
    inputs = (x, b.integers(stated)) if b.draw.one_in(2) else (x,)
    b.add(Reshape(inputs, (b.like(x, shape),), stated))


def squeeze(b: Builder) -> None:
    x = b.chosen(lambda t: t.dtype == b.dtype and len(t.shape) > 1 and 1 in t.shape)
    x = x or b.new_input((1, *b.shape(1, 3)))
    ones = [i for i, d in enumerate(x.shape) if d == 1]
    if len(ones) < len(x.shape) and b.draw.one_in(2):
        ones, axes = ones, []
    else:
        ones = axes = [b.draw.pick(ones)]
    shape = [d for i, d in enumerate(x.shape) if i not in ones]
    b.add(Squeeze((x,), (b.like(x, shape),), tuple(axes)))


def expand_dims(b: Builder) -> None:
    x = b.any(1, 4)
    at = b.draw.integer(0, len(x.shape))
    shape = (*x.shape[:at], 1, *x.shape[at:])
    named = at - len(shape) if b.draw.one_in(3) else at
    b.add(ExpandDims((x, b.integers(named)), (b.like(x, shape),)))


def shape(b: Builder) -> None:
    """What Keras makes of Flatten with a dynamic batch: RESHAPE(x, PACK(SHAPE(x)[0:1], -1))."""
    x = b.any(2, 4)
    rank = len(x.shape)
    sizes, batch = Tensor(b.name("s"), (rank,), "int32"), Tensor(b.name("s"), (), "int32")
    target = Tensor(b.name("s"), (2,), "int32")
    at = b.draw.integer(0, rank - 1)
    bounds = [b.integers([v]) for v in (at, at + 1, 1)]
    b.append(Shape((x,), (sizes,)))
    b.append(StridedSlice((sizes, *bounds), (batch,), shrink_axis_mask=1))
    b.append(Pack((batch, b.integers(-1)), (target,)))
    y = b.like(x, (x.shape[at], x.size // x.shape[at]))
    b.append(Reshape((x, target), (y,)))
    b.hidden.discard(y)
    b.live.append(y)


def parts_of(b: Builder) -> tuple[Tensor, int, int]:
    """A tensor, one of its axes counted from the first, and the same as a file may name it."""
    x = b.any()
    at = b.draw.integer(0, len(x.shape) - 1)
    return x, at, at - len(x.shape) if b.draw.one_in(3) else at


def with_size(x: Tensor, at: int, size: int) -> tuple[int, ...]:
    """The shape of x with another size along an axis."""
    return (*x.shape[:at], size, *x.shape[at + 1 :])


def split(b: Builder) -> None:
    x, at, named = parts_of(b)
    count = b.draw.pick([n for n in range(1, 7) if x.shape[at] % n == 0])
    ys = [b.like(x, with_size(x, at, x.shape[at] // count)) for _ in range(count)]
    b.add(Split((b.integers(named), x), tuple(ys)))


def split_v(b: Builder) -> None:
    x, at, named = parts_of(b)
    left, sizes = x.shape[at], []
    while left and len(sizes) < 4:
        sizes.append(b.draw.integer(1, left))
        left -= sizes[-1]
    sizes += [left] if left else []
    ys = tuple(b.like(x, with_size(x, at, n)) for n in sizes)
    if b.draw.one_in(2):
        sizes[b.draw.integer(0, len(sizes) - 1)] = -1
    b.add(SplitV((x, b.integers(sizes), b.integers(named)), ys))


def unpack(b: Builder) -> None:
    x = b.chosen(lambda t: t.dtype == b.dtype and len(t.shape) > 1 and min(t.shape) < 5)
    x = x or b.new_input((b.size(4), *b.shape(1, 3)))
    at = b.draw.pick([i for i, d in enumerate(x.shape) if d < 5])
    rest = (*x.shape[:at], *x.shape[at + 1 :])
    ys = tuple(b.like(x, rest) for _ in range(x.shape[at]))
    b.add(Unpack((x,), ys, at - len(x.shape) if b.draw.one_in(3) else at))


def concatenation(b: Builder) -> None:
    x, at, named = parts_of(b)

    def fits(t: Tensor) -> bool:
        same = len(t.shape) == len(x.shape) and with_size(t, at, 1) == with_size(x, at, 1)
        return t.dtype == x.dtype and t.quant == x.quant and same

    inputs = [x]
    for _ in range(b.draw.integer(1, 4)):
        other = b.chosen(fits)
        inputs.append(other or b.new_input(with_size(x, at, b.size()), x.quant))
    y = b.like(x, with_size(x, at, sum(t.shape[at] for t in inputs)))
    order = [inputs.pop(b.draw.integer(0, len(inputs) - 1)) for _ in range(len(inputs))]
    b.add(Concatenation(tuple(order), (y,), named))


def pack(b: Builder) -> None:
    x = b.any(1, 4)
    inputs = [x, *(b.exactly(x.shape, x.quant) for _ in range(b.draw.integer(0, 3)))]
    at = b.draw.integer(0, len(x.shape))
    y = b.like(x, (*x.shape[:at], len(inputs), *x.shape[at:]))
    b.add(Pack(tuple(inputs), (y,), at - len(y.shape) if b.draw.one_in(3) else at))


def transpose(b: Builder) -> None:
    x = b.any()
    left = list(range(len(x.shape)))
    order = [left.pop(b.draw.integer(0, len(left) - 1)) for _ in x.shape]
    b.add(Transpose((x, b.integers(order)), (b.like(x, [x.shape[i] for i in order]),)))


def reverse(b: Builder) -> None:
    x = b.any()
    first = b.draw.integer(0, len(x.shape) - 1)
    axes = list(range(first, b.draw.integer(first, len(x.shape) - 1) + 1))
    named = [a - len(x.shape) if b.draw.one_in(3) else a for a in axes]
    b.add(ReverseV2((x, b.integers(named)), (b.like(x),)))


def broadcast_to(b: Builder) -> None:
    x = b.any(1, 4)
    more = [b.draw.integer(1, 3) for _ in range(b.draw.integer(0, 5 - len(x.shape)))]
    shape = [*more, *(b.size(4) if n == 1 else n for n in x.shape)]
    b.add(BroadcastTo((x, b.integers(shape)), (b.like(x, shape),)))


def gather(b: Builder) -> None:
    x = b.any(1, 4)
    axis = b.draw.integer(0, len(x.shape) - 1)
    picked = [b.draw.integer(0, x.shape[axis] - 1) for _ in range(b.draw.integer(1, 5))]
    y = b.like(x, with_size(x, axis, len(picked)))
    named = axis - len(x.shape) if b.draw.one_in(3) else axis
    b.add(Gather((x, b.integers(picked)), (y,), named))


def gather_nd(b: Builder) -> None:
    x = b.any(1, 4)
    n = b.draw.integer(1, len(x.shape))
    picked = [[b.draw.integer(0, d - 1) for d in x.shape[:n]] for _ in range(b.size(6))]
    b.add(GatherNd((x, b.integers(picked)), (b.like(x, (len(picked), *x.shape[n:])),)))


def mirror_pad(b: Builder) -> None:
    x = b.any()
    symmetric = b.draw.one_in(2)
    pads = [[b.draw.integer(0, min(2, n - (not symmetric))) for _ in range(2)] for n in x.shape]
    y = b.like(x, [n + sum(p) for n, p in zip(x.shape, pads, strict=True)])
    b.add(MirrorPad((x, b.integers(pads)), (y,), symmetric))


def slice_(b: Builder) -> None:
    x = b.any()
    begin = [b.draw.integer(0, d - 1) for d in x.shape]
    shape = [b.draw.integer(1, d - at) for d, at in zip(x.shape, begin, strict=True)]
    size = [
        -1 if n == d - at and b.draw.one_in(2) else n
        for n, d, at in zip(shape, x.shape, begin, strict=True)
    ]
    b.add(Slice((x, b.integers(begin), b.integers(size)), (b.like(x, shape),)))


def strided_slice(b: Builder) -> None:
    x = b.any(1, 4)
    bounds: list[list[int]] = [[], [], []]
    masks = [0, 0, 0]
    for i, d in enumerate(x.shape):
        stride = b.draw.pick((1, 1, 2, 3, -1, -2))
        first, last = sorted(b.draw.integer(0, d - 1) for _ in range(2))
        begin, end = (first, last + 1) if stride > 0 else (last, first - 1)
        if stride > 0 and b.draw.one_in(3):
            begin, end = begin - d, (end - d if end < d else end + b.draw.integer(0, 2))
        if stride < 0 and end < 0:
            end = -d - 1
        shrunk = stride > 0 and len(x.shape) > 1 and b.draw.one_in(5)
        flags = (b.draw.one_in(5), b.draw.one_in(5), shrunk)
        masks = [m | flag << i for m, flag in zip(masks, flags, strict=True)]
        for values, v in zip(bounds, (begin, end, stride), strict=True):
            values.append(v)
    if masks[2] == (1 << len(x.shape)) - 1:
        masks[2] &= ~1
    constants = [b.integers(v) for v in bounds]
    op = StridedSlice(
        (x, *constants), (x,), begin_mask=masks[0], end_mask=masks[1], shrink_axis_mask=masks[2]
    )
    y = b.like(x, np.empty(x.shape)[op._index()].shape)
    b.add(
        StridedSlice(
            op.inputs, (y,), begin_mask=masks[0], end_mask=masks[1], shrink_axis_mask=masks[2]
        )
    )


def pad(b: Builder, valued: bool = False) -> None:
    """A frame around a tensor, of the zero point or of a value of its own."""
    x = b.any()
    ends = [(b.draw.integer(0, 2), b.draw.integer(0, 2)) for _ in x.shape]
    if b.draw.one_in(2):
        ends = [(0, 0) if b.draw.one_in(2) else e for e in ends]
    y = b.like(x, [p + d + q for (p, q), d in zip(ends, x.shape, strict=True)])
    if valued:
        value = Tensor(b.name("c"), (), x.dtype, x.quant, b.bytes((), -128))
        b.add(PadV2((x, b.integers(ends), value), (y,)))
    else:
        b.add(Pad((x, b.integers(ends)), (y,)))


def space_to_batch_nd(b: Builder) -> None:
    if b.draw.one_in(2):
        dilated(b)
        return
    x = b.chosen(lambda t: t.dtype == b.dtype and len(t.shape) in (3, 4))
    x = x or b.new_input((1, b.size(), *b.shape(1, 2)))
    # No padding: TFLM takes its value from what another operator left in memory.
    blocks = [b.draw.pick([n for n in (1, 2, 3) if d % n == 0]) for d in x.shape[1:-1]]
    parts = [d // n for d, n in zip(x.shape[1:-1], blocks, strict=True)]
    y = b.like(x, (x.shape[0] * int(np.prod(blocks)), *parts, x.shape[-1]))
    ends = [[0, 0] for _ in blocks]
    b.add(SpaceToBatchND((x, b.integers(blocks), b.integers(ends)), (y,)))


def batch_to_space_nd(b: Builder) -> None:
    blocks = [b.draw.integer(1, 3) for _ in range(2)]
    batch = blocks[0] * blocks[1]
    x = b.chosen(lambda t: t.dtype == b.dtype and len(t.shape) == 4 and t.shape[0] % batch == 0)
    x = x or b.new_input((batch, b.size(5), b.size(5), b.size(7)))
    whole = [d * n for d, n in zip(x.shape[1:3], blocks, strict=True)]
    crops = [[b.draw.integer(0, min(2, (d - 1) // 2)) for _ in range(2)] for d in whole]
    left = [d - sum(c) for d, c in zip(whole, crops, strict=True)]
    y = b.like(x, (x.shape[0] // batch, *left, x.shape[3]))
    b.add(BatchToSpaceND((x, b.integers(blocks), b.integers(crops)), (y,)))


def images(b: Builder, *divisors: int) -> tuple[Tensor, int]:
    """A tensor (n, h, w, c) whose h and w a block divides, and the block."""
    n = b.draw.pick(divisors)

    def fits(t: Tensor) -> bool:
        return t.dtype == b.dtype and len(t.shape) == 4 and not (t.shape[1] % n or t.shape[2] % n)

    x = b.chosen(fits)
    return x or b.new_input((1, n * b.size(4), n * b.size(4), b.size(9))), n


def space_to_depth(b: Builder) -> None:
    x, n = images(b, 2, 1, 3)
    _, h, w, c = x.shape
    b.add(SpaceToDepth((x,), (b.like(x, (x.shape[0], h // n, w // n, c * n * n)),), n))


def depth_to_space(b: Builder) -> None:
    n = b.draw.pick((2, 1, 3))
    x = b.chosen(lambda t: t.dtype == b.dtype and len(t.shape) == 4 and t.shape[3] % (n * n) == 0)
    x = x or b.new_input((1, b.size(5), b.size(5), n * n * b.size(4)))
    _, h, w, c = x.shape
    b.add(DepthToSpace((x,), (b.like(x, (x.shape[0], h * n, w * n, c // n // n)),), n))


def resize(b: Builder, kind: type[Op]) -> None:
    """An image of another size."""
    x = b.image()
    most = max(1, min(11, int((1000 / x.shape[3]) ** 0.5)))
    size = [min(d * 2, most) if b.draw.one_in(3) else b.size(most) for d in x.shape[1:3]]
    aligned, centered = b.draw.pick(((False, False), (True, False), (False, True)))
    y = b.like(x, (x.shape[0], *size, x.shape[3]))
    b.add(kind((x, b.integers(size)), (y,), aligned, centered))


padv2 = partial(pad, valued=True)
resize_bilinear = partial(resize, kind=ResizeBilinear)
resize_nearest_neighbor = partial(resize, kind=ResizeNearestNeighbor)
