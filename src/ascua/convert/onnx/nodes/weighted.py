"""Nodes with weights: convolutions and matrices."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ascua import geometry
from ascua.convert.onnx import layout
from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.layout import Value
from ascua.convert.onnx.nodes import _windows as windows
from ascua.convert.onnx.nodes import node
from ascua.ir import Tensor
from ascua.ops.batch_matmul import BatchMatMul
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.slice import Slice
from ascua.ops.transpose_conv import TransposeConv


@node("Conv")
def conv(n: Node, b: Builder) -> None:
    """CONV_2D; DEPTHWISE_CONV_2D where each channel is a group."""
    v, w = b.value(n), _filters(n, b)
    win = windows.window(n, v, w.shape[2:] if len(v.shape) == 4 else w.shape[3:])
    groups, (oc, depth) = n.get("group", 1), w.shape[:2]
    if v.shape[1] != depth * groups or oc % groups:
        n.refuse(f"{oc} filters of {depth} channels in {groups} groups, on {v.shape[1]} channels")
    x, padding = windows.padded(b, windows.laid(b, v), win)
    how: dict[str, Any] = {
        "stride": win.stride,
        "dilation": win.dilation,
        "padding": padding,
        "activation": "NONE",
    }
    bias = _bias(n, b, oc) or Constant(np.zeros(oc, np.float32))  # TFLite wants one
    shape = (x.shape[0], *win.out, oc)
    name = n.inputs[1]
    if groups > 1 and depth == 1:
        kernel = b.constant(w, name, (1, 2, 3, 0))
        inputs = (x, kernel, *_tensors(b, n, bias))
        y = b.add(DepthwiseConv2D, inputs, shape, n.y, multiplier=oc // groups, **how)
    else:
        inputs = (x, b.constant(w, name, (0, 2, 3, 1)), *_tensors(b, n, bias))
        y = b.add(Conv2D, inputs, shape, n.y, **how)
    windows.put(b, n.y, y, len(v.shape))


@node("ConvTranspose")
def conv_transpose(n: Node, b: Builder) -> None:
    """TRANSPOSE_CONV, of which a SLICE takes a part where TFLite's padding gives another.

    Rows and columns that no tap of the kernel reaches come of zeros behind the image.
    """
    v, w = b.value(n), _filters(n, b)
    if n.get("group", 1) != 1:
        n.refuse(f"its channels are in {n.get('group')} groups; one is taken")
    rank = len(v.shape)
    win = windows.window(n, v, w.shape[2:] if rank == 4 else w.shape[3:])
    if win.dilation != (1, 1):
        n.refuse(f"its dilation is {win.dilation}; 1 is taken")
    more = windows.two(n.get("output_padding") or [0] * (rank - 2), 0)
    said = n.get("output_shape")
    before, after, how = list(win.before), list(win.after), n.get("auto_pad", "NOTSET")
    full = [(s - 1) * t + k for s, t, k in zip(win.size, win.stride, win.kernel, strict=True)]
    if said is not None or how.startswith("SAME"):
        outs = windows.two(said, 1) if said is not None else [
            s * t for s, t in zip(win.size, win.stride, strict=True)
        ]  # fmt: skip
        for i in (0, 1):
            total = full[i] + more[i] - outs[i]
            before[i] = total - total // 2 if how == "SAME_LOWER" else total // 2
            after[i] = total - before[i]
    out = [full[i] + more[i] - before[i] - after[i] for i in (0, 1)]
    x, oc = windows.laid(b, v), w.shape[1]
    kernel = b.constant(w, n.inputs[1], (1, 2, 3, 0))
    bias = _tensors(b, n, _bias(n, b, oc))
    if all(_is_same(win, i, before[i], out[i], full[i]) for i in (0, 1)):
        whole, padding, cut = out, "SAME", False
    else:
        short = [max(0, out[i] + before[i] - full[i]) for i in (0, 1)]
        rows, columns = (-(-short[i] // win.stride[i]) for i in (0, 1))
        x = windows.framed(b, x, replace(win, before=(0, 0), after=(rows, columns)))
        whole = [full[0] + rows * win.stride[0], full[1] + columns * win.stride[1]]
        padding, cut = "VALID", whole != out
    shape = (x.shape[0], *whole, oc)
    size = b.integers(shape, f"{n.y}/shape")
    name = f"{n.y}/whole" if cut else n.y
    y = b.add(TransposeConv, (size, kernel, x, *bias), shape, name, stride=win.stride,
              padding=padding)  # fmt: skip
    if cut:
        end = (x.shape[0], *out, oc)
        at, sizes = b.integers([0, *before, 0], f"{n.y}/begin"), b.integers(end, f"{n.y}/size")
        y = b.add(Slice, (y, at, sizes), end, n.y)
    windows.put(b, n.y, y, rank)


def _is_same(win: windows.Window, i: int, before: int, out: int, full: int) -> bool:
    """Whether TFLite's SAME gives these rows (or columns), each of which some tap reaches."""
    same = geometry.axis(out, win.kernel[i], win.stride[i], 1, "SAME")
    return (same.out, same.before) == (win.size[i], before) and out + before <= full


@node("Gemm")
def gemm(n: Node, b: Builder) -> None:
    """FULLY_CONNECTED; BATCH_MATMUL where both matrices are computed."""
    alpha, beta = n.get("alpha", 1.0), n.get("beta", 1.0)
    v, w = b.value(n), b.found(n, 1)
    if n.get("transA", 0):
        v = _swapped(b, v)
    if isinstance(w, Value):
        if alpha != 1 or n.has(2):
            n.refuse("both its matrices are computed, and it scales or adds to their product")
        _batch_matmul(n, b, v, _swapped(b, w) if n.get("transB", 0) else w)
        return
    if alpha != 1:
        w = Constant(w.values * np.float32(alpha))
    if not n.get("transB", 0):
        w = _transposed(w)
    bias = None
    if n.has(2):
        bias = b.fixed(n, 2, "bias")
        if beta != 1:
            bias = Constant(bias.values * np.float32(beta))
        if bias.array.size != w.shape[0]:
            if bias.array.size != 1:
                n.refuse(f"its bias has the shape {list(bias.shape)}; one a column is taken")
            bias = Constant(np.full(w.shape[0], bias.values.ravel()[0], np.float32))
    dense(n, b, v, w, bias)


@node("MatMul")
def matmul(n: Node, b: Builder) -> None:
    """As Gemm."""
    v, w = b.found(n, 0), b.found(n, 1)
    if len(v.shape) < 2 or len(w.shape) < 2:
        n.refuse("one of its operands is a vector; matrices are taken")
    if isinstance(v, Value) and isinstance(w, Constant) and len(w.shape) == 2:
        dense(n, b, v, _transposed(w), None)
        return
    _batch_matmul(n, b, b.value(n, 0), b.value(n, 1))


def dense(n: Node, b: Builder, v: Value, w: Constant, bias: Constant | None) -> None:
    """Rows of `v` times the rows of `w` (outputs, inputs).

    A single row may lie in any order: then the weights are put into that order.
    """
    *rows, k = v.shape
    if k != w.shape[1]:
        n.refuse(f"a matrix of {w.shape[1]} rows on vectors of {k}")
    if prod(rows) == 1:
        w = replace(w, array=w.array[:, v.places])
        x: Tensor = b.reshaped(v.tensor, (1, k))
    else:
        x = b.plain(v)
    inputs = (x, b.constant(w, n.inputs[1]), *_tensors(b, n, bias))
    shape = (*x.shape[:-1], w.shape[0])
    y = b.add(FullyConnected, inputs, shape, n.y, keep_num_dims=len(shape) > 2, activation="NONE")
    b.known[n.y] = layout.value(y, shape).seen_as((*rows, w.shape[0]))


def _batch_matmul(n: Node, b: Builder, v: Value, w: Value) -> None:
    shape = (*np.broadcast_shapes(v.shape[:-2], w.shape[:-2]), v.shape[-2], w.shape[-1])
    y = b.add(BatchMatMul, (b.plain(v), b.plain(w)), shape, n.y)
    b.put(n.y, y, shape, range(len(shape)))


def _swapped(b: Builder, v: Value) -> Value:
    """The transposed of a matrix."""
    x, order = b.native(v)
    return layout.value(x, v.shape[::-1], [1 - a for a in order])


def _transposed(c: Constant) -> Constant:
    """The transposed of a constant matrix."""
    quant = c.quant
    if quant is not None and quant.per_channel:
        quant = replace(quant, axis=1 - quant.axis)
    return Constant(c.array.T, quant)


def _filters(n: Node, b: Builder) -> Constant:
    """Weights (a, b, kh, kw); of one dimension (a, b, 1, k)."""
    w = b.fixed(n, 1, "weights")
    if len(w.shape) == 3:
        return replace(w, array=w.array[:, :, None])
    if len(w.shape) != 4:
        n.refuse(f"its weights have {len(w.shape)} dimensions; three and four are taken")
    return w


def _bias(n: Node, b: Builder, channels: int) -> Constant | None:
    """One value a channel, or None."""
    if not n.has(2):
        return None
    found = b.fixed(n, 2, "bias")
    return replace(found, array=np.broadcast_to(found.array.reshape(-1), (channels,)))


def _tensors(b: Builder, n: Node, bias: Constant | None) -> tuple[Tensor, ...]:
    """The bias as the last input of an operator, if there is one."""
    if bias is None:
        return ()
    return (b.constant(bias, n.inputs[2] if n.has(2) else f"{n.y}/bias"),)
