"""A small network with every operator that Ascua knows, for tests of files and of whole plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.concatenation import Concatenation
from ascua.ops.conv2d import Conv2D
from ascua.ops.depth_to_space import DepthToSpace
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.dequantize import Dequantize
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mean import Mean
from ascua.ops.mul import Mul
from ascua.ops.pack import Pack
from ascua.ops.pad import Pad, PadV2
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from ascua.ops.reshape import Reshape
from ascua.ops.shape import Shape
from ascua.ops.slice import Slice
from ascua.ops.softmax import Softmax
from ascua.ops.space_to_depth import SpaceToDepth
from ascua.ops.split import Split, SplitV
from ascua.ops.squeeze import Squeeze
from ascua.ops.strided_slice import StridedSlice
from ascua.ops.transpose import Transpose
from ascua.ops.unpack import Unpack
from tests.support import activation, constant


def integers(name: str, values: object) -> Tensor:
    return constant(name, np.array(values, np.int32))


def weights(name: str, shape: tuple[int, ...], channels: int, axis: int) -> Tensor:
    rng = np.random.default_rng(len(name))
    data = rng.integers(-127, 128, shape).astype(np.int8)
    return constant(name, data, list(rng.uniform(0.001, 0.004, channels)), axis)


def image_part(x: Tensor) -> list[Op]:
    """From a float image (1, 6, 6, 2) to an int8 one (1, 2, 2, 4)."""
    a = activation("quantized", (1, 6, 6, 2), 0.03, 2)
    p = replace(a, name="padded", shape=(1, 8, 7, 2))
    v = replace(a, name="padded_v2", shape=(1, 8, 8, 2))
    fill = Tensor("fill", (), "int8", a.quant, np.array(7, np.int8))
    c = activation("convolved", (1, 8, 8, 4), 0.05, -4)
    d = activation("depthwise", (1, 4, 4, 4), 0.04, 0)
    r, s = replace(d, name="positive"), activation("sum", (1, 4, 4, 4), 0.07, 1)
    gate = constant("gate", np.array([9, -5, 99, 1], np.int8), [0.01])
    m = activation("product", (1, 4, 4, 4), 0.05, -1)
    pooled = replace(m, name="max_pooled", shape=(1, 3, 3, 4))
    y = replace(m, name="average_pooled", shape=(1, 2, 2, 4))
    same = {"padding": "SAME", "activation": "NONE"}
    return [
        Quantize((x,), (a,)),
        Pad((a, integers("paddings", [[0, 0], [1, 1], [1, 0], [0, 0]])), (p,)),
        PadV2((p, integers("paddings_v2", [[0, 0], [0, 0], [0, 1], [0, 0]]), fill), (v,)),
        Conv2D(
            (v, weights("filters", (4, 3, 3, 2), 4, 0), integers("bias", [100, -7, 0, 9])),
            (c,), stride=(1, 1), dilation=(1, 1), **same,
        ),
        DepthwiseConv2D(
            (c, weights("taps", (1, 3, 3, 4), 4, 3)),
            (d,), stride=(2, 2), dilation=(1, 1), multiplier=1, **same,
        ),
        Relu((d,), (r,)),
        Add((d, r), (s,), "RELU6"),
        Mul((s, gate), (m,), "NONE"),
        MaxPool2D((m,), (pooled,), (2, 2), (1, 1), "VALID", "NONE"),
        AveragePool2D((pooled,), (y,), (2, 2), (1, 1), "VALID", "NONE"),
    ]  # fmt: skip


def moving_part(x: Tensor) -> list[Op]:
    """From an int8 image (1, 2, 2, 4) to one of some of its values, in other places."""

    def like(name: str, *shape: int) -> Tensor:
        return replace(x, name=name, shape=shape)

    a, b = like("left", 1, 2, 2, 2), like("right", 1, 2, 2, 2)
    c, d, e, f = (like(f"quarter_{i}", 1, 2, 2, 1) for i in range(4))
    packed, whole = like("packed", 1, 2, 2, 2, 1), like("whole", 1, 2, 2, 4)
    turned, deep = like("turned", 1, 4, 2, 2), like("deep", 1, 2, 1, 8)
    wide, some = like("wide", 1, 4, 2, 2), like("some", 1, 2, 2, 2)
    every, y = like("every_other", 1, 2, 2, 2), like("moved", 1, 2, 2, 4)
    start, end = integers("image_begin", [0] * 4), integers("image_end", [1, 4, 2, 2])
    return [
        Split((integers("last", 3), x), (a, b)),
        SplitV((b, integers("counts", [1, -1]), integers("very_last", -1)), (c, d)),
        Pack((c, d), (packed,), 3),
        Unpack((packed,), (e, f), 1),
        Concatenation((a, e, f), (whole,), 3),
        Transpose((whole, integers("order", [0, 3, 1, 2])), (turned,)),
        SpaceToDepth((turned,), (deep,), 2),
        DepthToSpace((deep,), (wide,), 2),
        Slice((wide, integers("at", [0, 1, 0, 0]), integers("size", [1, 2, -1, 2])), (some,)),
        StridedSlice((wide, start, end, integers("image_stride", [1, 2, 1, 1])), (every,)),
        Concatenation((some, every), (y,), 3),
    ]


def class_part(x: Tensor) -> list[Op]:
    """From an int8 image (1, 2, 2, 4) to float probabilities (1, 3)."""
    one = replace(x, name="concatenated", shape=(1, 2, 2, 8))
    six, leaky = replace(one, name="six"), replace(one, name="leaky")
    gated = replace(activation("gated", one.shape, 1 / 256, -128))
    mean = activation("mean", (1, 8), 0.004, -128)
    squeezed, expanded = replace(mean, name="squeezed", shape=(8,)), replace(mean, name="expanded")
    shape, batch = Tensor("shape", (2,), "int32"), Tensor("batch", (), "int32")
    target, flat = Tensor("target", (2,), "int32"), replace(mean, name="flat")
    logits = activation("logits", (1, 3), 0.01, 5)
    shares = activation("shares", (1, 3), 1 / 256, -128)
    bounds = [integers(n, [v]) for n, v in (("begin", 0), ("end", 1), ("stride", 1))]
    return [
        Concatenation((x, x), (one,), 3),
        Relu6((one,), (six,)),
        LeakyRelu((six,), (leaky,), 0.125),
        Logistic((leaky,), (gated,)),
        Mean((gated, integers("axes", [1, 2])), (mean,), keep_dims=False),
        Squeeze((mean,), (squeezed,), (0,)),
        ExpandDims((squeezed, integers("axis", 0)), (expanded,)),
        Shape((expanded,), (shape,)),
        StridedSlice((shape, *bounds), (batch,), shrink_axis_mask=1),
        Pack((batch, integers("rest", -1)), (target,)),
        Reshape((expanded, target), (flat,), (1, 8)),
        FullyConnected(
            (flat, weights("matrix", (3, 8), 3, 0), integers("matrix_bias", [5, 0, -5])),
            (logits,), keep_num_dims=False, activation="NONE",
        ),
        Softmax((logits,), (shares,), 1.0),
        Dequantize((shares,), (Tensor("probabilities", (1, 3), "float32"),)),
    ]  # fmt: skip


def everything() -> Graph:
    """The whole network, from float32 to float32."""
    x = Tensor("image", (1, 6, 6, 2), "float32")
    first = image_part(x)
    moving = moving_part(first[-1].y)
    last = class_part(moving[-1].y)
    ops = (*first, *moving, *last)
    return Graph("everything", (x,), (last[-1].y,), ops, "every operator")
