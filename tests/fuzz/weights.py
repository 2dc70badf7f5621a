"""Generators of operators with weights: convolutions and products of matrices."""

from __future__ import annotations

import math

import numpy as np

from ascua.geometry import Padding, axis
from ascua.ir import Tensor
from ascua.ops import Convolution, Pool2D
from ascua.ops._activation import Activation
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.batch_matmul import BatchMatMul
from ascua.ops.batch_to_space_nd import BatchToSpaceND
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.space_to_batch_nd import SpaceToBatchND
from ascua.ops.transpose_conv import TransposeConv
from tests.fuzz.builder import Builder

ACTIVATIONS: tuple[Activation, ...] = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
MULTIPLIERS = (1, 1, 2, 3, 4)
KERNELS = (3, 3, 3, 1, 2, 5, 4, 7)
STRIDES = (1, 1, 2, 3, 5)


def filters(b: Builder, shape: tuple[int, ...], channel_axis: int) -> Tensor:
    """Constant weights with a scale each slice of `channel_axis`, or one for all."""
    channels = shape[channel_axis]
    scale = b.scale() / 16
    scales = [scale]
    if b.draw.one_in(2) and channels > 1:
        spread = b.draw.values().uniform(-2, 2, channels)
        if b.draw.one_in(8):
            spread *= 5
        scales = [float(np.float32(scale * 2.0**s)) for s in spread]
    return b.constant(b.bytes(shape), scales, axis=channel_axis)


def bias(b: Builder, x: Tensor, w: Tensor, channels: int) -> tuple[Tensor, ...]:
    """One int32 a channel, small or large or at the edges; or none."""
    rng = b.draw.values()
    most = b.draw.pick((0, 500, 500, 500, 20_000, 1 << 24, (1 << 31) - 1))
    if most == 0:
        return ()
    values = rng.integers(-most, most + 1, channels)
    if b.draw.one_in(12):
        values = rng.choice([-(2**31), 2**31 - 1], channels)
    scales = [x.q.scale * s for s in w.q.scales]
    return (b.constant(values.astype(np.int32), scales),)


def product_reach(x: Tensor, w: Tensor, terms: int) -> float:
    """What sums of that many products of x and w reach, mostly."""
    return x.q.scale * float(np.median(w.q.scales)) * 70 * 70 * math.sqrt(terms) * 2


def summed(b: Builder, x: Tensor, w: Tensor, shape: tuple[int, ...], terms: int) -> Tensor:
    """An output whose scale suits sums of that many products."""
    return b.activation(shape, b.quant(product_reach(x, w, terms)))


def geometry(b: Builder, x: Tensor, dilate: bool = True) -> tuple[
    tuple[int, int], tuple[int, int], tuple[int, int], Padding, tuple[int, int]
]:  # fmt: skip
    """Kernel, stride, dilation, padding and output sizes of a window that slides over x."""
    square = b.draw.one_in(2)
    kernel = [b.draw.pick(KERNELS) for _ in range(2)]
    stride = [b.draw.pick(STRIDES) for _ in range(2)]
    kernel, stride = ([n[0]] * 2 if square else n for n in (kernel, stride))
    dilation = [1, 1]
    usual = b.draw.one_in(3)
    if usual:
        kernel, stride = [3, 3], [b.draw.pick((1, 1, 2))] * 2
    elif dilate and b.draw.one_in(4):
        dilation = [b.draw.integer(1, 4) for _ in range(2)]
    padding = b.draw.pick(("VALID", "SAME"))
    if padding == "VALID":
        most = [max(1, (d - 1) // n + 1) for d, n in zip(x.shape[1:3], dilation, strict=True)]
        kernel = [min(k, m) for k, m in zip(kernel, most, strict=True)]
    sizes = [
        axis(d, k, s, n, padding).out
        for d, k, s, n in zip(x.shape[1:3], kernel, stride, dilation, strict=True)
    ]
    return tuple(kernel), tuple(stride), tuple(dilation), padding, tuple(sizes)  # type: ignore[return-value]


def convolution(
    b: Builder, x: Tensor, depthwise: bool, plain: tuple[int, int] | None = None
) -> Convolution:
    """A convolution of image x, not added yet; or one of a `plain` kernel without padding."""
    (kh, kw), stride, dilation, padding, sizes = geometry(b, x)
    if plain:
        (kh, kw), stride, dilation, padding = plain, (1, 1), (1, 1), "VALID"
        sizes = (x.shape[1] - kh + 1, x.shape[2] - kw + 1)
    ic = x.shape[3]
    act = b.draw.pick(ACTIVATIONS)
    if depthwise:
        multiplier = b.draw.pick(MULTIPLIERS) if ic < 16 else 1
        oc = ic * multiplier
        w = filters(b, (1, kh, kw, oc), 3)
        y = summed(b, x, w, (x.shape[0], *sizes, oc), kh * kw)
        inputs = (x, w, *bias(b, x, w, oc))
        return DepthwiseConv2D(inputs, (y,), stride, dilation, padding, act, multiplier)
    oc = b.channels()
    groups = [n for n in (1, 2, 3, 4, 8, ic) if ic % n == 0 and oc % n == 0]
    depth = ic // (b.draw.pick(groups) if b.draw.one_in(4) else 1)
    w = filters(b, (oc, kh, kw, depth), 0)
    y = summed(b, x, w, (x.shape[0], *sizes, oc), kh * kw * depth)
    return Conv2D((x, w, *bias(b, x, w, oc)), (y,), stride, dilation, padding, act)


def conv_2d(b: Builder) -> None:
    """One in three is pointwise, which has kernels of its own."""
    plain = (1, 1) if b.draw.one_in(3) else None
    b.add(convolution(b, b.image(), depthwise=False, plain=plain))


def depthwise_conv_2d(b: Builder) -> None:
    b.add(convolution(b, b.image(), depthwise=True))


def dilated(b: Builder) -> None:
    """A convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, as old exporters write it.

    What is padded is cropped again: TFLM pads with what another operator left in memory.
    """
    x = b.new_input((1, b.size(9), b.size(9), b.channels()))
    blocks, ends, crops, parts, kernel, sizes = [], [], [], [], [], []
    for d in x.shape[1:3]:
        block = b.draw.integer(1, 3)
        k = min(b.draw.pick(KERNELS), (d - 1) // block + 1)
        rest = -d % block
        blocks.append(block)
        ends.append([0, rest])
        parts.append((d + rest) // block)
        kernel.append(k)
        sizes.append(parts[-1] - k + 1)
        crops.append([0, rest])
    batch = blocks[0] * blocks[1]
    many = b.like(x, (batch, *parts, x.shape[3]))
    depthwise = b.draw.one_in(2)
    conv = convolution(b, many, depthwise, (kernel[0], kernel[1]))
    y = b.like(conv.y, (1, *(n * d - c[1] for n, d, c in zip(blocks, sizes, crops, strict=True)),
                        conv.y.shape[3]))  # fmt: skip
    b.append(SpaceToBatchND((x, b.integers(blocks), b.integers(ends)), (many,)))
    b.append(conv)
    b.add(BatchToSpaceND((conv.y, b.integers(blocks), b.integers(crops)), (y,)))


def transpose_conv(b: Builder) -> None:
    x = b.image()
    kernel = [min(b.draw.pick(KERNELS), 5) for _ in range(2)]
    stride = [min(b.draw.pick(STRIDES), 3) for _ in range(2)]
    padding: Padding = b.draw.pick(("VALID", "SAME"))
    sizes = [
        d * s if padding == "SAME" else (d - 1) * s + max(k, s)
        for d, s, k in zip(x.shape[1:3], stride, kernel, strict=True)
    ]
    oc = b.channels()
    if sizes[0] * sizes[1] * oc > 1000:
        oc = b.draw.integer(1, 5)
    w = filters(b, (oc, *kernel, x.shape[3]), 0)
    y = summed(b, x, w, (1, *sizes, oc), max(1, kernel[0] * kernel[1] * x.shape[3] // 2))
    inputs = (b.integers(y.shape), w, x, *bias(b, x, w, oc))
    act = b.draw.pick(ACTIVATIONS)
    b.add(TransposeConv(inputs, (y,), (stride[0], stride[1]), padding, act))


def fully_connected(b: Builder) -> None:
    x = b.any(1, 4)
    whole = b.draw.one_in(2) or len(x.shape) == 1
    k = x.size if whole else x.shape[-1]
    oc = b.channels()
    rows = x.size // k
    keep = not whole and b.draw.one_in(2)
    shape = (*x.shape[:-1], oc) if keep else (rows, oc)
    w = filters(b, (oc, k), 0)
    y = summed(b, x, w, shape, k)
    inputs = (x, w, *(bias(b, x, w, oc) or (None,)))
    b.add(FullyConnected(inputs, (y,), keep, b.draw.pick(ACTIVATIONS)))


def batch_matmul(b: Builder) -> None:
    a = b.any(2, 4)
    adj_x, adj_y = b.draw.one_in(3), b.draw.one_in(3)
    k = a.shape[-2] if adj_x else a.shape[-1]
    rows = a.shape[-1] if adj_x else a.shape[-2]
    cols = b.size(9)
    batch = tuple(1 if b.draw.one_in(3) else d for d in a.shape[:-2])
    batch = batch[b.draw.integer(0, len(batch)) :] if b.draw.one_in(3) else batch
    shape = (*batch, cols, k) if adj_y else (*batch, k, cols)
    if b.draw.one_in(2):
        quant = b.quant()
        other = b.constant(b.bytes(shape), quant.scales, quant.zero_point)
    else:
        other = b.exactly(shape)
    y = summed(b, a, other, (*a.shape[:-2], rows, cols), k)
    pair = (a, other)
    if b.draw.one_in(3) and not adj_x and not adj_y and other.const:
        # The constant on the left: columns times rows.
        shape = (*batch, cols, rows)
        other = b.constant(b.bytes(shape), other.q.scales, other.q.zero_point)
        y = summed(b, a, other, (*a.shape[:-2], cols, k), rows)
        pair = (other, a)
    b.add(BatchMatMul(pair, (y,), adj_x, adj_y))


def pool(b: Builder, kind: type[Pool2D]) -> None:
    x = b.image()
    kernel, stride, _, padding, sizes = geometry(b, x, dilate=False)
    y = b.like(x, (1, *sizes, x.shape[3]))
    b.add(kind((x,), (y,), kernel, stride, padding, b.draw.pick(ACTIVATIONS)))


def average_pool_2d(b: Builder) -> None:
    pool(b, AveragePool2D)


def max_pool_2d(b: Builder) -> None:
    pool(b, MaxPool2D)
