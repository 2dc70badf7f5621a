"""Nodes that move elements, or see them with other axes."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np

from ascua.convert.onnx import layout
from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.layout import Shape, Value
from ascua.convert.onnx.nodes import _windows as windows
from ascua.convert.onnx.nodes import node
from ascua.convert.onnx.nodes.elementwise import scalar
from ascua.ir import Tensor
from ascua.ops.concatenation import MOST_INPUTS, Concatenation
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.pad import Pad, PadV2
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.split import SplitV
from ascua.ops.strided_slice import StridedSlice


@node("Identity", "Dropout")
def identity(n: Node, b: Builder) -> None:
    """Nothing."""
    if len(n.outputs) > 1 and n.outputs[1]:
        n.refuse("its mask has no counterpart", "Export the model for inference: `model.eval()`.")
    b.known[n.y] = b.found(n, 0)


@node("Cast")
def cast(n: Node, b: Builder) -> None:
    """Nothing, where floats stay floats, of whatever precision, or integers integers."""
    v, to = b.value(n), int(n.get("to"))
    floats, integers = {1, 10, 11, 16}, {6, 7}
    if to not in (floats if v.tensor.dtype == "float32" else integers):
        n.refuse(f"it makes other types of {v.tensor.dtype}")
    b.known[n.y] = v


@node("Shape")
def shape(n: Node, b: Builder) -> None:
    """A constant: shapes are known."""
    found = b.found(n, 0).shape[slice(n.get("start", 0), n.get("end"))]
    b.known[n.y] = Constant(np.array(found, np.int64))


@node("Size")
def size(n: Node, b: Builder) -> None:
    """A constant."""
    b.known[n.y] = Constant(np.array(prod(b.found(n, 0).shape), np.int64))


@node("Reshape")
def reshape(n: Node, b: Builder) -> None:
    """The same elements with other axes."""
    v, sizes = b.value(n), b.numbers(n, 1, "shape")
    if sizes is None:
        n.refuse("it says no shape")
    if not n.get("allowzero", 0):
        sizes = [v.shape[i] if s == 0 and i < len(v.shape) else s for i, s in enumerate(sizes)]
    if sizes.count(-1) == 1:
        rest = prod(s for s in sizes if s != -1)
        sizes[sizes.index(-1)] = prod(v.shape) // rest if rest else 0
    if min(sizes, default=1) < 0 or prod(sizes) != prod(v.shape):
        n.refuse(f"it makes {sizes} of {list(v.shape)}")
    b.known[n.y] = v.seen_as(tuple(sizes))


@node("Flatten")
def flatten(n: Node, b: Builder) -> None:
    """Two axes of all."""
    v, axis = b.value(n), n.get("axis", 1)
    axis += len(v.shape) if axis < 0 else 0
    b.known[n.y] = v.seen_as((prod(v.shape[:axis]), prod(v.shape[axis:])))


@node("Squeeze")
def squeeze(n: Node, b: Builder) -> None:
    """Axes of one element go."""
    v = b.value(n)
    found = b.numbers(n, 1, "axes")
    axes = [a for a, s in enumerate(v.shape) if s == 1] if found is None else found
    gone = {a % len(v.shape) for a in axes}
    b.known[n.y] = v.seen_as(tuple(s for a, s in enumerate(v.shape) if a not in gone))


@node("Unsqueeze")
def unsqueeze(n: Node, b: Builder) -> None:
    """Axes of one element come."""
    v, axes = b.value(n), b.numbers(n, 1, "axes") or []
    rank = len(v.shape) + len(axes)
    new, old = {a % rank for a in axes}, iter(v.shape)
    b.known[n.y] = v.seen_as(tuple(1 if a in new else next(old) for a in range(rank)))


@node("Transpose")
def transpose(n: Node, b: Builder) -> None:
    """The same memory; who reads it decides whether anything moves."""
    v = b.value(n)
    perm = n.get("perm") or range(len(v.shape))[::-1]
    x, order = b.native(v)
    b.known[n.y] = layout.value(
        x, tuple(v.shape[a] for a in perm), [list(perm).index(a) for a in order]
    )


@node("Concat")
def concat(n: Node, b: Builder) -> None:
    """CONCATENATION."""
    found = [b.found(n, i) for i in range(len(n.inputs))]
    if len(found) > MOST_INPUTS:
        n.refuse(f"it has {len(found)} inputs; up to {MOST_INPUTS} are taken")
    axis = int(n.get("axis")) % len(found[0].shape)
    first = next(v for v in found if isinstance(v, Value))
    order = layout.order(first) or tuple(range(len(first.shape)))
    tensors: list[Tensor] = []
    for i, v in enumerate(found):
        if isinstance(v, Constant):
            tensors.append(b.constant(v, n.inputs[i], order))
        else:
            tensors.append(b.laid(v, v.shape, order))
    whole = list(first.shape)
    whole[axis] = sum(v.shape[axis] for v in found)
    y = b.add(Concatenation, tensors, tuple(whole[a] for a in order), n.y, tensors[0].dtype,
              axis=order.index(axis))  # fmt: skip
    b.put(n.y, y, tuple(whole), order)


@node("Split")
def split(n: Node, b: Builder) -> None:
    """SPLIT_V."""
    v = b.value(n)
    axis = int(n.get("axis", 0)) % len(v.shape)
    sizes = b.numbers(n, 1, "split")
    if sizes is None:
        count, whole = len(n.outputs), v.shape[axis]
        each = -(-whole // count)
        sizes = [min(each, whole - i * each) for i in range(count)]
    x, order = b.native(v)
    at = order.index(axis)
    inputs = (x, b.integers(sizes, f"{n.y}/sizes"), b.integers([at], f"{n.y}/axis"))
    shapes = [(*x.shape[:at], size, *x.shape[at + 1 :]) for size in sizes]
    for name, y in zip(
        n.outputs, b.several(SplitV, inputs, shapes, n.outputs, x.dtype), strict=True
    ):
        b.put(name, y, tuple(y.shape[order.index(a)] for a in range(len(order))), order)


@node("Slice")
def cut(n: Node, b: Builder) -> None:
    """STRIDED_SLICE."""
    v = b.value(n)
    starts, ends = b.numbers(n, 1, "starts") or [], b.numbers(n, 2, "ends") or []
    axes = b.numbers(n, 3, "axes") or list(range(len(starts)))
    steps = (b.numbers(n, 4, "steps") if n.has(4) else None) or [1] * len(starts)
    parts = [slice(0, s, 1) for s in v.shape]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step < 1:
            n.refuse(f"its step is {step}: elements in reverse have no counterpart")
        a = axis % len(v.shape)
        parts[a] = slice(*slice(start, end, step).indices(v.shape[a]))
    _put_part(n, b, v, parts)


@node("Gather")
def gather(n: Node, b: Builder) -> None:
    """STRIDED_SLICE, where one element of an axis is wanted, or some at equal distances."""
    v, axis = b.value(n), n.get("axis", 0)
    at = b.fixed(n, 1, "positions").array
    axis %= len(v.shape)
    listed = [int(i) % v.shape[axis] for i in at.ravel()]
    steps = {q - p for p, q in pairwise(listed)} or {1}
    if at.ndim > 1 or len(steps) > 1 or min(steps) < 1:
        n.refuse("the positions that it takes do not lie at equal distances")
    parts = [slice(0, s, 1) for s in v.shape]
    parts[axis] = slice(listed[0], listed[-1] + 1, steps.pop())
    _put_part(n, b, v, parts)
    if at.ndim == 0:
        b.known[n.y] = b.known[n.y].seen_as((*v.shape[:axis], *v.shape[axis + 1 :]))  # type: ignore[union-attr]


def _put_part(n: Node, b: Builder, v: Value, parts: list[slice]) -> None:
    """A part of each axis."""
    sizes = tuple(len(range(p.start, p.stop, p.step)) for p in parts)
    if 0 in sizes:
        n.refuse("it takes no element")
    if sizes == v.shape:
        b.known[n.y] = v
        return
    x, order = b.native(v)
    lain = [parts[a] for a in order]
    inputs = (x, *(b.integers([getattr(p, what) for p in lain], f"{n.y}/{what}")
                   for what in ("start", "stop", "step")))  # fmt: skip
    y = b.add(StridedSlice, inputs, tuple(sizes[a] for a in order), n.y, x.dtype)
    b.put(n.y, y, sizes, order)


@node("Pad")
def pad(n: Node, b: Builder) -> None:
    """PAD, or PADV2 with another value than 0."""
    v = b.value(n)
    if n.get("mode", "constant") != "constant":
        n.refuse(f"its mode is {n.get('mode')!r}; 'constant' is taken")
    pads = b.numbers(n, 1, "pads") or []
    filled = float(b.fixed(n, 2, "value").values.ravel()[0]) if n.has(2) else n.get("value", 0.0)
    rank = len(v.shape)
    axes = [a % rank for a in (b.numbers(n, 3, "axes") or range(rank))]
    frame = [(0, 0)] * rank
    for i, a in enumerate(axes):
        frame[a] = (pads[i], pads[i + len(axes)])
    if min(map(min, frame), default=0) < 0:
        n.refuse("its padding is negative")
    x, order = b.native(v)
    shape = tuple(s + sum(p) for s, p in zip(v.shape, frame, strict=True))
    how = b.integers([frame[a] for a in order], f"{n.y}/paddings")
    lain = tuple(shape[a] for a in order)
    if filled == 0:
        y = b.add(Pad, (x, how), lain, n.y, x.dtype)
    else:
        y = b.add(PadV2, (x, how, b.constant(scalar(filled), f"{n.y}/value")), lain, n.y)
    b.put(n.y, y, shape, order)


@node("Expand")
def expand(n: Node, b: Builder) -> None:
    """Nothing, where nothing is repeated."""
    v, wanted = b.value(n), b.numbers(n, 1, "shape") or []
    shape: Shape = np.broadcast_shapes(v.shape, tuple(wanted))
    if prod(shape) != prod(v.shape):
        n.refuse(f"it repeats {list(v.shape)} to {list(shape)}, and BROADCAST_TO is not taken")
    b.known[n.y] = v.seen_as(shape)


@node("DepthToSpace")
def depth_to_space(n: Node, b: Builder) -> None:
    """DEPTH_TO_SPACE; in mode CRD, as of PyTorch's PixelShuffle, behind other views."""
    v, block = b.value(n), int(n.get("blocksize"))
    if n.get("mode", "DCR") == "CRD":
        c = v.shape[1] // block**2
        crd = v.seen_as((v.shape[0], c, block**2, *v.shape[2:]))
        x, order = b.native(crd)
        moved = layout.value(x, (v.shape[0], block**2, c, *v.shape[2:]),
                             [(0, 2, 1, 3, 4)[a] for a in order])  # fmt: skip
        v = moved.seen_as(v.shape)
    x = windows.laid(b, v)
    batch, h, w, c = x.shape
    y = b.add(DepthToSpace, (x,), (batch, h * block, w * block, c // block**2), n.y, block=block)
    windows.put(b, n.y, y, 4)


@node("SpaceToDepth")
def space_to_depth(n: Node, b: Builder) -> None:
    """SPACE_TO_DEPTH."""
    v, block = b.value(n), int(n.get("blocksize"))
    x = windows.laid(b, v)
    batch, h, w, c = x.shape
    y = b.add(SpaceToDepth, (x,), (batch, h // block, w // block, c * block**2), n.y, block=block)
    windows.put(b, n.y, y, 4)
