"""Nodes that make one value of each window of a channel."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ascua import geometry
from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.nodes import _windows as windows
from ascua.convert.onnx.nodes import node
from ascua.ir import Array, Op, Tensor
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.concatenation import Concatenation
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mul import Mul
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.slice import Slice
from ascua.ops.softmax import Softmax

VIEWS = ("RESHAPE", "TRANSPOSE", "SLICE", "MAX_POOL_2D")
"""Operators that make no value negative that was not."""


@node("MaxPool")
def max_pool(n: Node, b: Builder) -> None:
    """MAX_POOL_2D; what may be negative gets a frame of its outermost values."""
    win, x, rank = _window(n, b)
    if win.dilation != (1, 1):
        n.refuse(f"its dilation is {win.dilation}; 1 is taken")
    if len(n.outputs) > 1 and n.outputs[1]:
        n.refuse("its second output, where the greatest values stood, has no counterpart")
    if win.padding is not None:
        padding: geometry.Padding = win.padding
    elif _positive(b, x):
        x, padding = windows.padded(b, x, win)
    else:
        x, padding = _framed(b, x, win), "VALID"
    y = b.add(MaxPool2D, (x,), (x.shape[0], *win.out, x.shape[3]), n.y, window=win.kernel,
              stride=win.stride, padding=padding, activation="NONE")  # fmt: skip
    windows.put(b, n.y, y, rank)


@node("AveragePool")
def average_pool(n: Node, b: Builder) -> None:
    """AVERAGE_POOL_2D, whose windows count what lies inside, or a frame of zeros too.

    Where TFLite lays no such frame, all of it is counted, and then taken back by a product.
    """
    win, x, rank = _window(n, b)
    if win.dilation != (1, 1):
        n.refuse(f"its dilation is {win.dilation}; 1 is taken")
    padding, counted = win.padding, bool(n.get("count_include_pad", 0))
    if padding is None or (counted and padding == "SAME"):
        if counted and win.after != windows.window(n, b.value(n), n.get("kernel_shape")).after:
            n.refuse("with `ceil_mode`, windows reach beyond the padding that they count")
        x, padding = windows.framed(b, x, win), "VALID"
    y = b.add(AveragePool2D, (x,), (x.shape[0], *win.out, x.shape[3]), n.y, window=win.kernel,
              stride=win.stride, padding=padding, activation="NONE")  # fmt: skip
    if win.padding is None and not counted:
        shares = b.constant(Constant(_shares(n, win)), f"{y.name}/shares")
        y = b.add(Mul, (y, shares), y.shape, f"{y.name}/inside", activation="NONE")
    windows.put(b, n.y, y, rank)


def _shares(n: Node, win: windows.Window) -> Array:
    """Of each window (1, rows, columns, 1) its elements by those of them inside the image."""
    inside = []
    for i in (0, 1):
        taps = np.arange(win.out[i])[:, None] * win.stride[i] + np.arange(win.kernel[i])
        inside.append(((taps >= win.before[i]) & (taps < win.before[i] + win.size[i])).sum(1))
    counts = np.outer(*inside)
    if not counts.all():
        n.refuse("a window of it lies in the padding alone")
    shares: Array = (prod(win.kernel) / counts).astype(np.float32)
    return shares[None, :, :, None]


def _window(n: Node, b: Builder) -> tuple[windows.Window, Tensor, int]:
    """How the pool of a node slides, over which image, of how many dimensions."""
    v = b.value(n)
    win = windows.window(n, v, tuple(n.get("kernel_shape")))
    if n.get("ceil_mode", 0):
        win = _ceiled(win)
    return win, windows.laid(b, v), len(v.shape)


def _ceiled(win: windows.Window) -> windows.Window:
    """The window that also takes a last step over the end, unless it begins beyond the image."""
    after = list(win.after)
    for i in (0, 1):
        size, before, stride = win.size[i], win.before[i], win.stride[i]
        out = -(-(size + before + after[i] - win.span[i]) // stride) + 1
        if (out - 1) * stride >= size + before:
            out -= 1
        after[i] = max(after[i], (out - 1) * stride + win.span[i] - size - before)
    return replace(win, after=(after[0], after[1]))


def _positive(b: Builder, x: Tensor) -> bool:
    """Whether no value of `x` is negative, as after a RELU."""
    makers: dict[Tensor, Op] = {y: op for op in b.ops for y in op.outputs}
    op = makers.get(x)
    while op is not None and op.tflite in VIEWS:
        op = makers.get(op.x)
    return isinstance(op, Relu | Relu6 | Logistic | Softmax)


def _framed(b: Builder, x: Tensor, win: windows.Window) -> Tensor:
    """`x` with its outermost rows and columns repeated: each window has the original too."""
    for axis, (before, after) in enumerate(zip(win.before, win.after, strict=True), 1):
        parts = [x]
        if before:
            parts = [*[_part(b, x, axis, 0)] * before, x]
        if after:
            parts += [_part(b, x, axis, x.shape[axis] - 1)] * after
        if len(parts) > 1:
            shape = list(x.shape)
            shape[axis] += before + after
            x = b.add(Concatenation, parts, tuple(shape), f"{x.name}/framed", axis=axis)
    return x


def _part(b: Builder, x: Tensor, axis: int, at: int) -> Tensor:
    """One row or column of `x`."""
    begin, size = [0] * len(x.shape), list(x.shape)
    begin[axis], size[axis] = at, 1
    name = f"{x.name}/edge"
    how = b.integers(begin, f"{name}/begin"), b.integers(size, f"{name}/size")
    return b.add(Slice, (x, *how), tuple(size), name)
