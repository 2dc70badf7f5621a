"""Strides, crops and pools find their place: in a pass of the KPU, in one of their own, or none.

What stays a `Sample` or a pool of TFLite is left for the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import gt

import numpy as np

from ascua.ir import Graph, Op, Tensor
from ascua.kmodel import KPU_LINES, Layout
from ascua.kpu.latency import NOMINAL_HZ, convolution
from ascua.ops.concatenation import Concatenation
from ascua.ops.max_pool2d import MaxPool2D
from ascua.passes import drop_dead
from ascua.targets.k210.fused import Fused, Move, Sample

LEAST = 4
"""Rows and columns that the KPU gives back."""
MOST_SPREAD = 128
"""Channels of a depthwise pass that becomes one of all: its weights are 9 bytes a pair of them."""
KEPT = {((0, 0), (2, 2)): 5, ((0, 1), (2, 2)): 6, ((0, 0), (4, 4)): 7}
"""Pools that keep one pixel of each window, by which and of how many."""

Rule = Callable[[Graph, Op], Sequence[Op] | None]
"""What replaces an operator, and all that makes the same tensors; or None."""


def sampled(graph: Graph, runtime: int, *, spreads: bool = False) -> Graph:
    """`graph` with a place for each stride, crop and pool that the KPU has one for.

    For what is left, V3's runtime takes pixels from the first on alone. `spreads`: a depthwise
    pass may become one of all channels.
    """
    rules: list[Rule] = [subsampled, cropped, swapped, pooled, kept, carried, moved, parted]
    if spreads:
        rules.insert(rules.index(carried), spread)
    if runtime == 3:
        rules.append(shifted)
    for rule in rules:
        changed = True
        while changed:
            changed = False
            for op in graph.ops:
                made = rule(graph, op)
                if made is not None:
                    graph = replaced(graph, op, made)
                    changed = True
                    break
    return graph


def replaced(graph: Graph, op: Op, made: Sequence[Op]) -> Graph:
    """`made` in place of `op` and of all that makes the same tensors."""
    outputs = {t for m in made for t in m.outputs}
    ops: list[Op] = []
    for old in graph.ops:
        if old is op:
            ops += made
        elif not outputs & {*old.outputs}:
            ops.append(old)
    return drop_dead(replace(graph, ops=tuple(ops)))


def alone(graph: Graph, t: Tensor) -> bool:
    """Whether one operator alone sees `t`."""
    return t not in graph.outputs and len(graph.readers[t]) == 1


def before(graph: Graph, op: Op) -> Fused | None:
    """The pass that makes what `op` alone reads, where it can have a pool."""
    maker = graph.makers.get(op.x)
    if not isinstance(maker, Fused) or maker.pool or maker.kernel.depthwise or maker.dense:
        return None
    return maker if alone(graph, op.x) else None


def regular(op: Sample | MaxPool2D) -> bool:
    """Whether the KPU's pools make as many pixels, which are as many as it gives back."""
    pairs = zip(op.x.shape[1:3], op.y.shape[1:3], op.stride, strict=True)
    return all(size // s == out >= LEAST for size, out, s in pairs)


def subsampled(graph: Graph, op: Op) -> Sequence[Op] | None:  # noqa: ARG001
    """A pool of windows of one pixel is a sample."""
    if isinstance(op, MaxPool2D) and op.window == (1, 1) and op.activation == "NONE":
        return [Sample(op.inputs, op.outputs, begin=(0, 0), stride=op.stride)]
    return None


def cropped(graph: Graph, op: Op) -> Sequence[Op] | None:  # noqa: ARG001
    """A sample of less than the KPU's pools make is one of as much, and a crop of that."""
    if not isinstance(op, Sample) or op.stride != (2, 2):
        return None
    sizes = op.x.shape[1:3]
    whole = tuple(n // 2 for n in sizes)
    last = [b + 2 * (n - 1) for b, n in zip(op.begin, whole, strict=True)]
    if whole == op.y.shape[1:3] or min(whole) < LEAST or any(map(gt, op.y.shape[1:3], whole)):
        return None
    if any(at >= n for at, n in zip(last, sizes, strict=True)):
        return None
    y = replace(op.y, name=f"{op.y.name}/whole", shape=(1, *whole, op.y.shape[3]))
    return [replace(op, outputs=(y,)), Sample((y,), op.outputs, begin=(0, 0), stride=(1, 1))]


def swapped(graph: Graph, op: Op) -> Sequence[Op] | None:
    """A crop before a pool without padding is a crop behind it."""
    crop = graph.makers.get(op.x) if isinstance(op, MaxPool2D) else None
    if not isinstance(op, MaxPool2D) or not isinstance(crop, Sample) or not alone(graph, op.x):
        return None
    if crop.stride != (1, 1) or crop.begin != (0, 0) or op.padding != "VALID":
        return None
    whole = tuple(n // s for n, s in zip(crop.x.shape[1:3], op.stride, strict=True))
    if min(whole) < LEAST or any(map(gt, op.y.shape[1:3], whole)):
        return None
    y = replace(op.y, name=f"{op.y.name}/whole", shape=(1, *whole, op.y.shape[3]))
    pool = replace(op, inputs=(crop.x,), outputs=(y,), padding="SAME")
    if pool.rows.before or pool.columns.before or (pool.rows.out, pool.columns.out) != whole:
        return None
    return [pool, Sample((y,), op.outputs, begin=(0, 0), stride=(1, 1))]


def parted(graph: Graph, op: Op) -> Sequence[Op] | None:
    """A pass whose map KPU RAM has no room for, and of which little is kept, is several."""
    pass_ = graph.makers.get(op.x) if isinstance(op, Move) and op.pool else None
    if not isinstance(op, Move) or not isinstance(pass_, Fused) or not alone(graph, op.x):
        return None
    x, y, z = (lines(t) for t in (pass_.x, op.x, op.y))
    if x + y + z <= KPU_LINES or pass_.kernel.depthwise:
        return None
    count = -(-y // max(1, KPU_LINES - x - z))
    ops: list[Op] = []
    parts = []
    for i, some in enumerate(np.array_split(np.arange(pass_.kernel.oc), count)):
        whole, part = (
            replace(t, name=f"{t.name}/{i}", shape=(*t.shape[:3], len(some))) for t in (op.x, op.y)
        )
        kernel = pass_.kernel.channels(some)
        ops.append(pass_.changed(outputs=(whole,), kernel=kernel))
        ops.append(replace(op, inputs=(whole,), outputs=(part,)))
        parts.append(part)
    return [*ops, Concatenation(tuple(parts), op.outputs, 3, "NONE")]


def lines(t: Tensor) -> int:
    """What a map takes of KPU RAM."""
    _, h, w, c = t.shape
    return Layout(w, h, c).lines


def pooled(graph: Graph, op: Op) -> Sequence[Op] | None:
    """The KPU's largest of 2x2 and 4x4; of 3x3 at stride 2, it takes two pools."""
    if not isinstance(op, MaxPool2D) or op.activation != "NONE" or not regular(op):
        return None
    if op.rows.before or op.columns.before:
        return None
    codes = {
        ((2, 2), (2, 2)): (1,), ((4, 4), (4, 4)): (3,), ((2, 2), (1, 1)): (9,),
        ((3, 3), (2, 2)): (9, 1),
    }.get((op.window, op.stride))  # fmt: skip
    if codes is None:
        return None
    ops: list[Op] = []
    x = op.x
    for i, code in enumerate(codes):
        last = i == len(codes) - 1
        y = op.y if last else replace(op.y, name=f"{op.y.name}/{i}", shape=x.shape)
        maker = before(graph, op) if i == 0 else None
        ops.append(
            maker.changed(outputs=(y,), pool=code) if maker else Move((x,), (y,), (0, 0), code)
        )
        x = y
    return ops


def kept(graph: Graph, op: Op) -> Sequence[Op] | None:
    """A sample is the pool of the pass before it."""
    if not isinstance(op, Sample) or not regular(op):
        return None
    code, maker = KEPT.get((op.begin, op.stride)), before(graph, op)
    return None if code is None or maker is None else [maker.changed(outputs=op.outputs, pool=code)]


def spread(graph: Graph, op: Op) -> Sequence[Op] | None:
    """A sample of a depthwise pass is its own pool, where the passes behind it gain by that.

    The KPU pools behind passes of all channels, and such a one it becomes (`Block.spread`).
    """
    maker = graph.makers.get(op.x) if isinstance(op, Sample) and regular(op) else None
    if not isinstance(op, Sample) or not isinstance(maker, Fused) or not maker.kernel.depthwise:
        return None
    code = KEPT.get((op.begin, op.stride))
    if code is None or maker.pool or maker.kernel.oc > MOST_SPREAD or not alone(graph, op.x):
        return None
    made = maker.changed(outputs=op.outputs, pool=code)
    later = carried(graph, op)
    readers = [r for r in graph.readers[op.y] if isinstance(r, Fused)]
    if later and seconds(maker, *later) <= seconds(made, *readers):
        return None
    return [made]


def seconds(*passes: Fused) -> float:
    """What passes take of the KPU, by the estimate, with weights of 8 bits."""
    total = 0.0
    for op in passes:
        _, h, w, c = op.x.shape
        own = op.kernel.depthwise and not op.pool
        size = op.kernel.oc * op.kernel.k**2 * (1 if own else c)
        total += convolution(Layout(w, h, c), op.kernel.oc, size, depthwise=own, hz=NOMINAL_HZ)
    return total


def carried(graph: Graph, op: Op) -> Sequence[Fused] | None:
    """A sample is the pool of the passes of 1x1 behind it."""
    if not isinstance(op, Sample) or op.stride != (2, 2) or not regular(op):
        return None
    readers = graph.readers[op.y]
    if op.y in graph.outputs or not readers:
        return None
    found = []
    for r in readers:
        if not isinstance(r, Fused) or r.kernel.k > 1 or r.kernel.depthwise or r.pool or r.dense:
            return None
        found.append(tapped(r, op))
    return found


def tapped(reader: Fused, sample: Sample) -> Fused:
    """A pass of 1x1 that takes the sample by itself: of a neighbor, it is one of 3x3."""
    kernel = reader.kernel
    if sample.begin != (0, 0):
        w = kernel.weights
        weights = np.full((*w.shape[:2], 3, 3), kernel.zero, w.dtype)
        weights[:, :, 1 + sample.begin[0], 1 + sample.begin[1]] = w[:, :, 0, 0]
        kernel = replace(kernel, weights=weights)
    return reader.changed(inputs=(sample.x,), kernel=kernel, pool=5)


def moved(graph: Graph, op: Op) -> Sequence[Op] | None:  # noqa: ARG001
    """A sample is a pass of its own."""
    if not isinstance(op, Sample) or op.stride != (2, 2) or not regular(op):
        return None
    return [Move(op.inputs, op.outputs, op.begin, 5)]


def shifted(graph: Graph, op: Op) -> Sequence[Op] | None:  # noqa: ARG001
    """A sample that begins with another pixel is one of a moved map."""
    if not isinstance(op, Sample) or op.begin == (0, 0):
        return None
    y = replace(op.x, name=f"{op.y.name}/moved")
    return [Move((op.x,), (y,), op.begin, 0), replace(op, inputs=(y,), begin=(0, 0))]
