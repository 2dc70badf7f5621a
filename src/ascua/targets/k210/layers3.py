"""Operators as layers of kmodel V3."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

from ascua.errors import Unsupported
from ascua.kmodel import DType, Layer, Layout, v3
from ascua.kmodel.v3.moves import Part
from ascua.targets.k210 import images, ops
from ascua.targets.k210.block import Block
from ascua.targets.k210.buffers import At, Buffer, Command, Make

MAIN = 1
"""The flag of a result in main memory."""
ACTIVATIONS = {
    (False, False): v3.FusedActivation.LINEAR,
    (True, False): v3.FusedActivation.RELU,
    (True, True): v3.FusedActivation.RELU6,
}


class V3:
    """Makes commands for the runtime of V3 files."""

    version = 3

    def __init__(self) -> None:
        self.constants = b""

    def convolution(
        self, name: str, block: Block, source: Buffer, target: Buffer, copy: Buffer | None
    ) -> Command:
        """A pass of the KPU, maybe with a copy in main memory."""
        assert source.layout
        layout = source.layout

        def make(at: At) -> Layer:
            conv = block.conv(layout, at(source), at(target))
            return v3.K210Conv(int(copy is not None), at(copy) if copy else 0, conv)

        writes = (target, copy) if copy else (target,)
        return Command(name, (source,), writes, make)

    def upload(self, name: str, source: Buffer, target: Buffer) -> Command:
        """A map goes from main memory to KPU RAM."""
        assert target.layout
        size = (target.layout.width, target.layout.height, target.layout.channels)
        return Command(
            name, (source,), (target,), lambda at: v3.K210Upload(0, at(source), at(target), *size)
        )

    def dense(self, op: ops.KpuDense, x: Buffer, y: Buffer) -> list[Command]:
        """A vector as one pixel of a map."""
        name, block = op.name, op.block
        source = Buffer(f"{name}/padded", DType.U8, 16 * block.ic, Layout(4, 4, block.ic))
        target = Buffer(f"{name}/map", DType.U8, 16 * block.oc, Layout(4, 4, block.oc))
        copy = Buffer(f"{name}/copy", DType.U8, 16 * block.oc)
        return [
            Command(
                name, (x,), (source,), lambda at: v3.K210AddPadding(0, at(x), at(source), block.ic)
            ),
            self.convolution(name, block, source, target, copy),
            Command(
                name,
                (copy,),
                (y,),
                lambda at: v3.K210RemovePadding(MAIN, at(copy), at(y), block.oc),
            ),
        ]

    def cpu(self, op: ops.ChipOp, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        """A layer of the CPU."""
        return [Command(op.name, xs, (y,), layer(op, xs, y))]


@singledispatch
def layer(op: ops.ChipOp, xs: tuple[Buffer, ...], y: Buffer) -> Make:  # noqa: ARG001
    """What makes the layer of `op` from `xs` to `y`."""
    raise Unsupported(
        f"{op.kind} '{op.name}': the runtime of kmodels V3 has no such layer.",
        [
            "V4 has other layers; where it lacks this one too, build the network without it.",
            "`--kmodel 4`, if that is not what was asked first.",
        ],
    )


def from_one(xs: tuple[Buffer, ...], y: Buffer, make: Callable[..., Layer], *rest: object) -> Make:
    """A layer that begins with its flags, its input and its output."""
    return lambda at: make(MAIN, at(xs[0]), at(y), *rest)


@layer.register
def _(op: ops.Quantize, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    return from_one(xs, y, v3.Quantize, y.count, *map(float, op.constants))


@layer.register
def _(op: ops.Dequantize, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    return from_one(xs, y, v3.Dequantize, y.count, *map(float, op.constants))


@layer.register
def _(op: ops.Add, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    s, (a, b) = op.sum, (xs * 2)[:2]
    return lambda at: v3.QuantizedAdd(
        MAIN, at(a), at(b), at(y), y.count, s.a_offset, s.a_mul, 0, s.b_offset, s.b_mul, 0,
        s.out_offset, 1, s.shift,
    )  # fmt: skip


@layer.register
def _(op: ops.Table, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    return from_one(xs, y, v3.Requantize, y.count, op.table)


@layer.register
def _(op: ops.Mean, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    channels = op.x.shape[-1]
    return from_one(xs, y, v3.GlobalAveragePool2d, op.x.size // channels, channels)


@layer.register
def _(op: ops.Softmax, xs: tuple[Buffer, ...], y: Buffer) -> Make:  # noqa: ARG001
    return from_one(xs, y, v3.Softmax, y.count)


@layer.register
def _(op: ops.Logistic, xs: tuple[Buffer, ...], y: Buffer) -> Make:  # noqa: ARG001
    return from_one(xs, y, v3.Logistic, y.count)


@layer.register
def _(op: images.Concat, xs: tuple[Buffer, ...], y: Buffer) -> Make:  # noqa: ARG001
    return lambda at: v3.QuantizedConcat(MAIN, at(y), tuple(Part(at(x), x.size) for x in xs))


def sizes(op: ops.ChipOp) -> tuple[int, ...]:
    """Width, height and channels of input and output."""
    (_, h, w, c), (_, oh, ow, oc) = op.x.shape, op.y.shape
    return w, h, c, ow, oh, oc


@layer.register
def _(op: images.MaxPool, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    windows = (*op.window[::-1], *op.stride[::-1], *op.before[::-1])
    return from_one(xs, y, v3.QuantizedMaxPool2d, *sizes(op), *windows)


@layer.register
def _(op: images.Slice, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    return from_one(xs, y, v3.QuantizedMaxPool2d, *sizes(op), 1, 1, *op.stride[::-1], 0, 0)


@layer.register
def _(op: images.AveragePool, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    windows = (*op.window[::-1], *op.stride[::-1], *op.before[::-1])
    linear = v3.FusedActivation.LINEAR
    return from_one(xs, y, v3.AveragePool2d, *sizes(op), *windows, linear)


@layer.register
def _(op: images.Resize, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    w, h, c, ow, oh, _ = sizes(op)
    return from_one(xs, y, v3.QuantizedResizeNearestNeighbor, w, h, c, ow, oh, 0)


@layer.register
def _(op: ops.Dense, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    low, high = op.limits
    act = ACTIVATIONS[low == 0, high == 6]
    weights, bias = op.weights.astype("<f4"), op.bias.astype("<f4")
    return from_one(xs, y, v3.FullyConnected, weights.shape[1], y.count, act, weights, bias)


@layer.register
def _(op: images.Flatten, xs: tuple[Buffer, ...], y: Buffer) -> Make:
    _, h, w, c = op.x.shape
    return from_one(xs, y, v3.TensorflowFlatten, w, h, c)
