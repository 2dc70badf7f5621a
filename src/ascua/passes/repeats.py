"""TILE, which TFLM has not, by operators that it has: repeated pixels are a larger image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops.broadcast_to import BroadcastTo
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.reshape import Reshape
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.squeeze import Squeeze
from ascua.ops.tile import Tile

MOST_ELEMENTS = 1 << 22
"""Of an image whose repetition is looked at."""

SIDEWAYS = (Reshape, ExpandDims, Squeeze, Tile)


def without_tiles(graph: Graph) -> Graph:
    """`graph` with RESIZE_NEAREST_NEIGHBOR, or BROADCAST_TO, in place of each TILE that is one."""
    instead: dict[Op, tuple[Op, ...]] = {}
    for op in graph.ops:
        if not isinstance(op, Tile) or op in instead or op.malformed():
            continue
        run = _run(op, graph)
        if larger := _larger(run):
            instead |= {**dict.fromkeys(run, ()), run[-1]: larger}
        elif all(n == 1 or m == 1 for n, m in zip(op.x.shape, op.multiples, strict=True)):
            shape = Tensor(f"{op.y.name}/shape", (len(op.y.shape),), "int32",
                           data=np.array(op.y.shape, np.int32))  # fmt: skip
            instead[op] = (BroadcastTo((op.x, shape), op.outputs),)
    return replace(graph, ops=tuple(n for op in graph.ops for n in instead.get(op, (op,))))


def _run(op: Tile, graph: Graph) -> list[Op]:
    """The TILE with the views and TILEs around it, each the only reader of the one before."""
    run: list[Op] = [op]
    while isinstance(before := graph.makers.get(run[0].x), SIDEWAYS) and _only(run[0].x, graph):
        run.insert(0, before)
    while _only(run[-1].y, graph) and isinstance(after := graph.readers[run[-1].y][0], SIDEWAYS):
        run.append(after)
    return run


def _only(t: Tensor, graph: Graph) -> bool:
    """Whether one operator reads `t`, and nothing else."""
    return len(graph.readers[t]) == 1 and t not in graph.left


def _larger(run: list[Op]) -> tuple[Op, ...]:
    """What makes an image, or a sequence, larger as the run does; nothing where it does not."""
    if any(op.malformed() or not op.activations for op in run):
        return ()
    x, y = run[0].x, run[-1].y
    if len(x.shape) not in (3, 4) or len(y.shape) != len(x.shape) or y.size > MOST_ELEMENTS:
        return ()
    if (x.shape[0], x.shape[-1]) != (1, y.shape[-1]) or y.shape[0] != 1:
        return ()
    (h, w), (oh, ow) = (t.shape[1:3] if len(t.shape) == 4 else (t.shape[1], 1) for t in (x, y))
    if oh % h or ow % w or (oh, ow) == (h, w):
        return ()
    places: Array = np.arange(x.size, dtype=np.int32).reshape(1, *x.shape)
    made = places
    for op in run:
        (made,) = (op.eval(made),)  # type: ignore[assignment]
    wide = places.reshape(1, 1, h, w, -1).repeat(oh // h, axis=2).repeat(ow // w, axis=3)
    if not np.array_equal(np.reshape(made, -1), wide.reshape(-1)):
        return ()
    image, larger = _image(x, h, w), _image(y, oh, ow)
    size = Tensor(f"{y.name}/size", (2,), "int32", data=np.array([oh, ow], np.int32))
    resized = ResizeNearestNeighbor(inputs=(image, size), outputs=(larger,))
    if image is x:
        return (resized,)
    return Reshape((x,), (image,), image.shape), resized, Reshape((larger,), (y,), y.shape)


def _image(t: Tensor, h: int, w: int) -> Tensor:
    """`t` as an image: itself, where it is one."""
    if len(t.shape) == 4:
        return t
    return replace(t, name=f"{t.name}/image", shape=(1, h, w, t.shape[-1]))
