"""Nodes that make one value of many, and those that relate many to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ascua.convert.onnx import layout
from ascua.convert.onnx.builder import Builder, Node
from ascua.convert.onnx.layout import Value
from ascua.convert.onnx.nodes import node
from ascua.ir import Op
from ascua.ops.arg_max import ArgMax
from ascua.ops.arg_min import ArgMin
from ascua.ops.mean import Mean
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.softmax import Softmax
from ascua.ops.sum import Sum

INT32 = 2
"""The number of int32 in .tflite files."""


def reduced(
    b: Builder, kind: Callable[..., Op], v: Value, axes: Sequence[int], name: str, *, keep: bool
) -> Value:  # fmt: skip
    """`v` over some of its axes."""
    rank = len(v.shape)
    gone = {a % rank for a in axes}
    x, order = b.native(v)
    at = b.integers(sorted(order.index(a) for a in gone), f"{name}/axes")
    left = [a for a in order if keep or a not in gone]
    shape = tuple(1 if a in gone else s for a, s in enumerate(v.shape) if keep or a not in gone)
    kept = [a for a in range(rank) if keep or a not in gone]
    lain = tuple(1 if a in gone else v.shape[a] for a in left)
    y = b.add(kind, (x, at), lain, name, x.dtype, keep_dims=keep)
    return layout.value(y, shape, [kept.index(a) for a in left])


def _reduction(name: str, kind: Callable[..., Op]) -> None:
    @node(name)
    def handler(n: Node, b: Builder) -> None:
        v = b.value(n)
        axes = b.numbers(n, 1, "axes")
        if not axes and n.get("noop_with_empty_axes", 0):
            b.known[n.y] = v
            return
        keep = bool(n.get("keepdims", 1))
        b.known[n.y] = reduced(b, kind, v, axes or range(len(v.shape)), n.y, keep=keep)


def _whole(name: str, kind: Callable[..., Op]) -> None:
    @node(name)
    def handler(n: Node, b: Builder) -> None:
        v = b.value(n)
        b.known[n.y] = reduced(b, kind, v, range(2, len(v.shape)), n.y, keep=True)


def _index(name: str, kind: Callable[..., Op]) -> None:
    @node(name)
    def handler(n: Node, b: Builder) -> None:
        """The first of equal values; TFLite has no other."""
        if n.get("select_last_index", 0):
            n.refuse("it takes the last of equal values; the first is taken here")
        v = b.value(n)
        axis = int(n.get("axis", 0)) % len(v.shape)
        x, order = b.native(v)
        at = b.integers(order.index(axis), f"{n.y}/axis")
        left = [a for a in order if a != axis]
        shape = tuple(s for a, s in enumerate(v.shape) if a != axis)
        y = b.add(kind, (x, at), tuple(v.shape[a] for a in left), n.y, "int32", output_type=INT32)
        found = layout.value(y, shape, [a - (a > axis) for a in left])
        kept = tuple(1 if a == axis else s for a, s in enumerate(v.shape))
        b.known[n.y] = found.seen_as(kept) if n.get("keepdims", 1) else found


for _name, _kind in (("ReduceMean", Mean), ("ReduceSum", Sum), ("ReduceMax", ReduceMax),
                     ("ReduceMin", ReduceMin)):  # fmt: skip
    _reduction(_name, _kind)
_whole("GlobalAveragePool", Mean)
_whole("GlobalMaxPool", ReduceMax)
_index("ArgMax", ArgMax)
_index("ArgMin", ArgMin)


@node("Softmax")
def softmax(n: Node, b: Builder) -> None:
    """SOFTMAX, over the last axis; before opset 13 over all axes from one on."""
    v = b.value(n)
    rank = len(v.shape)
    if n.opset < 13:
        axis = int(n.get("axis", 1)) % rank
        if any(s > 1 for s in v.shape[axis + 1 :]):
            flat = (*v.shape[:axis], prod(v.shape[axis:]))
            x = b.plain(v.seen_as(flat))
            y = b.add(Softmax, (x,), x.shape, n.y, beta=1.0)
            b.known[n.y] = layout.value(y, x.shape).seen_as(v.shape)
            return
    else:
        axis = int(n.get("axis", -1)) % rank
    lies = layout.order(v) or tuple(range(rank))
    order = (*(a for a in lies if a != axis), axis)
    x = b.laid(v, v.shape, order)
    y = b.add(Softmax, (x,), x.shape, n.y, beta=1.0)
    b.put(n.y, y, v.shape, order)
