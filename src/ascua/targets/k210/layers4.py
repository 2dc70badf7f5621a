"""Operators as layers of kmodel V4."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod

import numpy as np

from ascua.errors import Unsupported
from ascua.ir import Array
from ascua.kmodel import DType, Layer, Layout, Memory, Range, v4
from ascua.targets.k210 import images, ops, ops4
from ascua.targets.k210.block import Block
from ascua.targets.k210.buffers import WORD, At, Buffer, Command, ranged

NOWHERE = Range(Memory.CONST, DType.F32, 0, 0)
"""What a pass says that has no copy in main memory: zeros."""
MOST = float(np.finfo(np.float32).max)
Four = tuple[int, int, int, int]


class V4:
    """Makes commands for the runtime of V4 files, and the constants that these read."""

    version = 4

    def __init__(self) -> None:
        self.constants = b""

    def constant(self, values: Array) -> Range:
        """A place for constants: of float32 or uint8."""
        start = len(self.constants)
        data = values.tobytes()
        self.constants += data + bytes(-len(data) % WORD)
        dtype = DType.U8 if values.dtype == np.uint8 else DType.F32
        return Range(Memory.CONST, dtype, start, len(data))

    def convolution(
        self, name: str, block: Block, source: Buffer, target: Buffer, copy: Buffer | None
    ) -> Command:
        """A pass of the KPU, maybe with a copy in main memory."""
        assert source.layout
        layout = source.layout

        def make(at: At) -> Layer:
            conv = block.conv(layout, at(source), at(target), main=copy is not None)
            return v4.KpuConv2d(ranged(copy, at) if copy else NOWHERE, 1, 0, conv)

        writes = (target, copy) if copy else (target,)
        return Command(name, (source,), writes, make)

    def upload(self, name: str, source: Buffer, target: Buffer) -> Command:
        """A map goes from main memory to KPU RAM."""
        assert target.layout
        shape = (1, target.layout.channels, target.layout.height, target.layout.width)
        return from_one(name, source, target, v4.KpuUpload, shape)

    def dense(self, op: ops.KpuDense, x: Buffer, y: Buffer) -> list[Command]:
        """A vector as one pixel of a map."""
        name, block = op.name, op.block
        padded = Buffer(f"{name}/padded", DType.U8, 16 * block.ic)
        source = Buffer(f"{name}/source", DType.U8, 16 * block.ic, Layout(4, 4, block.ic))
        target = Buffer(f"{name}/map", DType.U8, 16 * block.oc, Layout(4, 4, block.oc))
        copy = Buffer(f"{name}/copy", DType.U8, 16 * block.oc)
        frame = ((0, 0), (0, 0), (0, 3), (0, 3))
        vector, whole = (1, block.ic, 1, 1), (1, block.oc, 4, 4)
        pixel = (1, block.oc, 1, 1)
        return [
            from_one(name, x, padded, v4.Pad, vector, frame, DType.U8, block.pad_value),
            self.upload(name, padded, source),
            self.convolution(name, block, source, target, copy),
            from_one(name, copy, y, v4.StridedSlice, whole, (0,) * 4, pixel, (1,) * 4, *(0,) * 5),
        ]

    @singledispatchmethod
    def cpu(self, op: ops.ChipOp, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:  # noqa: ARG002
        """Layers of the CPU."""
        raise Unsupported(
            f"{op.kind} '{op.name}': the runtime of kmodels V4 has no such layer.",
            [
                "V3 has other layers; where it lacks this one too, build the network without it.",
                "`--kmodel 3`, if that is not what was asked first.",
            ],
        )

    @cpu.register
    def _(self, op: ops.Quantize, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        scale, zero = op.constants
        return [from_one(op.name, xs[0], y, v4.Quantize, int(zero), float(scale))]

    @cpu.register
    def _(self, op: ops.Dequantize, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        scale, zero = op.constants
        return [from_one(op.name, xs[0], y, v4.Dequantize, int(zero), float(scale))]

    @cpu.register
    def _(self, op: ops.Add, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        s, (a, b), shape = op.sum, (xs * 2)[:2], shaped(op.y.shape)

        def make(at: At) -> Layer:
            return v4.QuantizedBinary(
                ranged(a, at), ranged(b, at), ranged(y, at), v4.BinaryOp.ADD, shape, shape, shape,
                s.a_offset, s.a_mul, 0, s.b_offset, s.b_mul, 0, s.out_offset, 1, s.shift,
            )  # fmt: skip

        return [Command(op.name, xs, (y,), make)]

    @cpu.register
    def _(self, op: ops.Table, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        table = self.constant(op.table)
        x = xs[0]
        return [
            Command(
                op.name, xs, (y,), lambda at: v4.TableLookup1d(ranged(x, at), table, ranged(y, at))
            )
        ]

    @cpu.register
    def _(self, op: ops.Mean, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        shape = shaped(op.x.shape)
        out = (1, shape[1], 1, 1)
        return [from_one(op.name, xs[0], y, v4.Reduce, v4.ReduceOp.MEAN, shape, out, 0.0)]

    @cpu.register
    def _(self, op: ops.Softmax, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        return [from_one(op.name, xs[0], y, v4.Softmax, y.count, 1, op.beta)]

    @cpu.register
    def _(self, op: ops.Logistic, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        one = self.constant(np.ones(1, "<f4"))
        shape, single = (1, 1, 1, y.count), (1, 1, 1, 1)

        def binary(kind: v4.BinaryOp) -> Command:
            def make(at: At) -> Layer:
                whole = ranged(y, at)
                return v4.Binary(one, whole, whole, kind, single, shape, shape, -MOST, MOST)

            return Command(op.name, (y,), (y,), make)

        return [
            from_one(op.name, xs[0], y, v4.Unary, v4.UnaryOp.NEG),
            from_one(op.name, y, y, v4.Unary, v4.UnaryOp.EXP),
            binary(v4.BinaryOp.ADD),
            binary(v4.BinaryOp.DIV),
        ]

    @cpu.register
    def _(self, op: images.Concat, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        pixels = op.y.size // op.y.shape[-1]
        dims = tuple(x.count // pixels for x in xs)

        def make(at: At) -> Layer:
            return v4.Concat(ranged(y, at), pixels, 1, tuple(ranged(x, at) for x in xs), dims)

        return [Command(op.name, xs, (y,), make)]

    @cpu.register
    def _(self, op: images.MaxPool, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        return [windowed(op, xs[0], y, v4.ReduceOp.MAX, -MOST)]

    @cpu.register
    def _(self, op: images.AveragePool, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        return [windowed(op, xs[0], y, v4.ReduceOp.MEAN, 0.0)]

    @cpu.register
    def _(self, op: images.Slice, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        shape, out = shaped(op.x.shape), shaped(op.y.shape)
        begin, strides = (0, 0, *op.begin), (1, 1, *op.stride)
        end = tuple(b + (n - 1) * s + 1 for b, n, s in zip(begin, out, strides, strict=True))
        masks = (0,) * 5
        return [from_one(op.name, xs[0], y, v4.StridedSlice, shape, begin, end, strides, *masks)]

    @cpu.register
    def _(self, op: images.Pad, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        rows, columns, channels = op.pads
        frame = ((0, 0), channels, rows, columns)
        shape = shaped(op.x.shape)
        return [from_one(op.name, xs[0], y, v4.Pad, shape, frame, DType.U8, op.byte)]

    @cpu.register
    def _(self, op: images.Resize, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        (_, oh, ow, _), mode = op.y.shape, v4.ResizeMode.NEAREST
        shape = shaped(op.x.shape)
        return [from_one(op.name, xs[0], y, v4.ResizeImage, shape, oh, ow, mode, 0, (0,) * 3)]

    @cpu.register
    def _(self, op: ops.Dense, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        matrix = self.constant(np.ascontiguousarray(op.weights.T, "<f4"))
        x, columns, bias = xs[0], len(op.weights), op.bias.astype("<f4")
        low, high = (float(np.clip(v, -MOST, MOST)) for v in op.limits)

        def make(at: At) -> Layer:
            where = ranged(x, at), matrix, ranged(y, at)
            return v4.Matmul(*where, 1, x.count, columns, low, high, bias)

        return [Command(op.name, xs, (y,), make)]

    @cpu.register
    def _(self, op: ops4.Matmul, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        matrix = self.constant(np.ascontiguousarray(op.weights))
        x, (columns, bias), (offset, factor) = xs[0], (y.count, op.bias.astype("<i4")), op.scaling

        def make(at: At) -> Layer:
            where = ranged(x, at), matrix, ranged(y, at)
            numbers = op.x_offset, op.w_offset, *factor, offset
            return v4.QuantizedMatmul(*where, 1, x.count, columns, *numbers, bias)

        return [Command(op.name, xs, (y,), make)]

    @cpu.register
    def _(self, op: ops4.Binary, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        a, shape = xs[0], aligned(op.x.shape)
        single = None if op.byte is None else self.constant(np.array([op.byte], np.uint8))
        second = (1, 1, 1, 1) if single else aligned((op.activations * 2)[1].shape)
        numbers = [n for s in (op.a, op.b, op.out) for n in (s.offset, *s.factor)]

        def make(at: At) -> Layer:
            where = ranged(a, at), single or ranged((xs * 2)[1], at), ranged(y, at)
            return v4.QuantizedBinary(*where, op.function, shape, second, shape, *numbers)

        return [Command(op.name, xs, (y,), make)]

    @cpu.register
    def _(self, op: ops4.Reduce, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        init = -MOST if op.function is v4.ReduceOp.MAX else 0.0
        shapes = aligned(op.x.shape), aligned(op.y.shape)
        return [from_one(op.name, xs[0], y, v4.Reduce, op.function, *shapes, init)]

    @cpu.register
    def _(self, op: ops4.Exp, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        return [from_one(op.name, xs[0], y, v4.Unary, v4.UnaryOp.EXP)]

    @cpu.register
    def _(self, op: images.Flatten, xs: tuple[Buffer, ...], y: Buffer) -> list[Command]:
        return [from_one(op.name, xs[0], y, v4.Transpose, shaped(op.x.shape), (0, 2, 3, 1))]


def from_one(name: str, x: Buffer, y: Buffer, make: Callable[..., Layer], *rest: object) -> Command:
    """A layer that begins with its input and its output."""
    return Command(name, (x,), (y,), lambda at: make(ranged(x, at), ranged(y, at), *rest))


def shaped(shape: tuple[int, ...]) -> Four:
    """The shape (n, c, h, w) of a map or a vector."""
    if len(shape) == 4:
        return 1, shape[3], shape[1], shape[2]
    return 1, shape[-1], 1, 1


def aligned(shape: tuple[int, ...]) -> Four:
    """The shape of a map, or of a vector along the last axis, as broadcasting has it."""
    return shaped(shape) if len(shape) == 4 else (1, 1, 1, shape[-1])


def windowed(
    op: images.MaxPool | images.AveragePool, x: Buffer, y: Buffer, kind: v4.ReduceOp, init: float
) -> Command:
    """A pool of floats."""
    pads = [
        (before, max(0, (out - 1) * stride + window - before - size))
        for size, out, window, stride, before in zip(
            op.x.shape[1:3], op.y.shape[1:3], op.window, op.stride, op.before, strict=True
        )
    ]
    rest = (*pads, *op.window, *op.stride, 1, 1, init, -MOST, MOST)
    return from_one(op.name, x, y, v4.ReduceWindow2d, kind, shaped(op.x.shape), *rest)
