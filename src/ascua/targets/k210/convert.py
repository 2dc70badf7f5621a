"""Passes with real numbers become operators of the K210, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatchmethod

import numpy as np

from ascua.errors import Unsupported
from ascua.ir import Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.concatenation import Concatenation
from ascua.ops.dequantize import Dequantize
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mean import Mean
from ascua.ops.pad import Pad, PadV2
from ascua.ops.quantize import Quantize
from ascua.ops.reshape import Reshape
from ascua.ops.resize_nearest_neighbor import ResizeNearestNeighbor
from ascua.ops.softmax import Softmax
from ascua.targets.k210 import curves, images, ops
from ascua.targets.k210.affines import Pixels
from ascua.targets.k210.block import MOST_BYTE, Affine
from ascua.targets.k210.curves import Curve
from ascua.targets.k210.fused import Fused, Move, Part, Sample
from ascua.targets.k210.moves import moved
from ascua.targets.k210.numbers import Blocks
from ascua.targets.k210.ops import Runtime
from ascua.targets.k210.sampling import LEAST
from ascua.targets.k210.structure import FUSED, MOST_CHANNELS, curve_of, named
from ascua.targets.k210.sums import sum_of

CUT: Mapping[Runtime, Sequence[Curve]] = {
    3: (curves.LINEAR, curves.RELU, curves.RELU6),
    4: (curves.LINEAR, curves.RELU, curves.RELU6, curves.RELU_N1_TO_1),
}
"""What runtimes do behind a product of floats: they cut it off."""
MOST_REAL = 3e38
"""Where activations have ended to change."""


def bytes_of(t: Tensor) -> Tensor:
    """A tensor of bytes in place of `t`."""
    return replace(t, dtype="uint8", quant=None)


class Converter:
    """Converts the operators of one graph, in order."""

    def __init__(
        self,
        graph: Graph,
        sources: Sequence[Tensor],
        affines: Mapping[Tensor, Affine],
        pixels: Mapping[Tensor, Pixels],
        blocks: Blocks,
        runtime: Runtime,
    ) -> None:
        self.graph = graph
        self.affines = {**affines, **{t: p.affine for t, p in pixels.items()}}
        self.pixels = pixels
        self.blocks = blocks
        self.runtime = runtime
        self.made: list[ops.ChipOp] = []
        self.bytes = dict(zip(graph.inputs, sources, strict=True))
        self.floats: dict[Tensor, Tensor] = {}
        self.scaled: dict[tuple[Tensor, Affine], Tensor] = {}

    def emit(self, op: ops.ChipOp) -> None:
        """Append an operator."""
        self.made.append(op)
        self.blocks.made(op)

    def affine(self, t: Tensor) -> Affine:
        """What the bytes of `t` mean."""
        if t not in self.affines:
            raise self.lacks(self.graph.makers[t], "its output has no scale")
        return self.affines[t]

    def lacks(self, op: Op, why: str = "") -> Unsupported:
        """The error that neither the KPU nor the runtime has `op`."""
        reason = why or f"neither the KPU nor the runtime of kmodels V{self.runtime} has it"
        other = 7 - self.runtime
        return Unsupported(
            f"{op.source if isinstance(op, Fused) else named(op)}: {reason}.",
            [
                f"Compile to V{other}, whose runtime has other layers: --kmodel {other}.",
                "End the network before it, and compute it from the output.",
            ],
        )

    def u8(self, t: Tensor, wanted: Affine | None = None) -> Tensor:
        """`t` as bytes that mean what `wanted` says, or what they do anyway."""
        own = self.affine(t)
        if t not in self.bytes:
            self.bytes[t] = y = replace(bytes_of(t), name=f"{t.name}/bytes")
            self.emit(ops.Quantize((self.floats[t],), (y,), own, runtime=self.runtime))
        if wanted is None or wanted == own:
            return self.bytes[t]
        if (t, wanted) not in self.scaled:
            y = replace(self.bytes[t], name=f"{t.name}/{wanted.scale:g}/{wanted.zero}")
            table = wanted.bytes(own.real(np.arange(256)))
            self.emit(ops.Table((self.bytes[t],), (y,), table=table, runtime=self.runtime))
            self.scaled[t, wanted] = y
        return self.scaled[t, wanted]

    def f32(self, t: Tensor) -> Tensor:
        """`t` as floats."""
        if t not in self.floats:
            y = replace(t, name=f"{t.name}/floats", dtype="float32", quant=None)
            x = self.u8(t)
            self.emit(ops.Dequantize((x,), (y,), self.affine(t), runtime=self.runtime))
            self.floats[t] = y
        return self.floats[t]

    def as_bytes(self, t: Tensor) -> Tensor:
        """A new tensor of bytes for `t`."""
        self.bytes[t] = y = bytes_of(t)
        return y

    def as_floats(self, t: Tensor) -> Tensor:
        """A new tensor of floats for `t`."""
        self.floats[t] = y = replace(t, dtype="float32", quant=None)
        return y

    def graph_made(self) -> Graph:
        """All operators."""
        for op in self.graph.ops:
            self.add(op)
            self.blocks.passed(op)
        outputs = tuple(self.f32(t) for t in self.graph.outputs)
        inputs = tuple(self.bytes[t] for t in self.graph.inputs)
        return Graph(self.graph.name, inputs, outputs, tuple(self.made))

    def add(self, op: Op) -> None:
        """Append what `op` becomes; who has other operators answers for those."""
        self.convert(op)

    @singledispatchmethod
    def convert(self, op: Op) -> None:
        """Append what `op` becomes. Raises Unsupported where that is nothing."""
        curve = curve_of(op)
        if curve is None:
            raise self.lacks(op)
        x, y = self.affine(op.x), self.affine(op.y)
        table = y.bytes(np.asarray(curve.function(x.real(np.arange(256)))))
        self.emit(
            ops.Table((self.u8(op.x),), (self.as_bytes(op.y),), table=table, runtime=self.runtime)
        )

    @convert.register
    def _(self, op: Fused) -> None:
        rest = self.pixels[op.x].rest if op.x in self.pixels else 0.0
        if op.dense and max(op.x.size, op.kernel.oc) > MOST_CHANNELS:
            self.by_cpu(op)
            return
        kind = ops.KpuDense if op.dense else ops.KpuConv
        x = self.u8(op.x)
        block = self.blocks.block(op, x, self.affine(op.x), self.affine(op.y), rest)
        self.emit(kind((x,), (self.as_bytes(op.y),), block, runtime=self.runtime))

    def by_cpu(self, op: Fused) -> None:
        """A product with a matrix that the KPU has no room for."""
        if op.curve not in CUT[self.runtime]:
            raise self.lacks(op, f"the CPU multiplies it, which has no {op.curve.name} behind that")
        low, high = np.asarray(op.curve.function(np.array([-MOST_REAL, MOST_REAL]))).tolist()
        weights = op.kernel.real.reshape(op.kernel.oc, -1)
        bias = op.kernel.bias
        if op.kernel.scales is not None:
            bias = bias * op.kernel.scales * self.affine(op.x).scale
        x = self.f32(op.x)
        y = self.as_floats(op.y)
        made = ops.Dense((x,), (y,), weights, bias, (low, high), runtime=self.runtime)
        self.emit(made)

    @convert.register
    def _(self, op: Move) -> None:
        affine = self.affine(op.y)
        block = moved(op.x.shape[3], op.tap, op.pool, affine.zero)
        x = self.u8(op.x, affine)
        self.emit(ops.KpuConv((x,), (self.as_bytes(op.y),), block, runtime=self.runtime))

    @convert.register
    def _(self, op: Part) -> None:
        x = self.u8(op.x, self.affine(op.y))
        y = self.as_bytes(op.y)
        self.emit(images.Part((x,), (y,), op.begin, runtime=self.runtime))

    @convert.register
    def _(self, op: Sample) -> None:
        x = self.u8(op.x, self.affine(op.y))
        y = self.as_bytes(op.y)
        self.emit(images.Slice((x,), (y,), op.begin, op.stride, runtime=self.runtime))

    @convert.register
    def _(self, op: Add) -> None:
        a, b = op.inputs
        if a is None or b is None or a.const or b.const or not a.shape == b.shape == op.y.shape:
            raise self.lacks(op, "it adds a constant, or tensors of two shapes")
        y = self.affine(op.y)
        numbers = sum_of(self.affine(a), self.affine(b), y, self.runtime)
        operands, total = (self.u8(a), self.u8(b)), self.as_bytes(op.y)
        limits = np.asarray(FUSED[op.activation].function(np.array([-MOST_REAL, MOST_REAL])))
        low, high = y.bytes(limits)
        if (low, high) == (0, MOST_BYTE):
            self.emit(ops.Add(operands, (total,), numbers, runtime=self.runtime))
            return
        whole = replace(total, name=f"{total.name}/sum")
        table = np.clip(np.arange(MOST_BYTE + 1), low, high).astype(np.uint8)
        self.emit(ops.Add(operands, (whole,), numbers, runtime=self.runtime))
        self.emit(ops.Table((whole,), (total,), table=table, runtime=self.runtime))

    @convert.register
    def _(self, op: Concatenation) -> None:
        if op.axis % len(op.y.shape) != len(op.y.shape) - 1 or any(
            t is None or t.const for t in op.inputs
        ):
            raise self.lacks(op, "it joins along rows or columns, or joins constants")
        parts = tuple(self.u8(t, self.affine(op.y)) for t in op.inputs if t)
        self.emit(images.Concat(parts, (self.as_bytes(op.y),), runtime=self.runtime))

    @convert.register
    def _(self, op: MaxPool2D) -> None:
        if op.activation != "NONE":
            raise self.lacks(op, f"its fused activation is {op.activation}")
        before = (op.rows.before, op.columns.before)
        if self.runtime == 3:
            x, y = self.u8(op.x, self.affine(op.y)), self.as_bytes(op.y)
        else:
            x, y = self.f32(op.x), self.as_floats(op.y)
        self.emit(images.MaxPool((x,), (y,), op.window, op.stride, before, runtime=self.runtime))

    @convert.register
    def _(self, op: AveragePool2D) -> None:
        if op.activation != "NONE":
            raise self.lacks(op, f"its fused activation is {op.activation}")
        x, y = self.f32(op.x), self.as_floats(op.y)
        if op.y.shape[1:3] == (1, 1) and op.window == op.x.shape[1:3]:
            self.emit(ops.Mean((x,), (y,), runtime=self.runtime))
            return
        before = (op.rows.before, op.columns.before)
        self.emit(
            images.AveragePool((x,), (y,), op.window, op.stride, before, runtime=self.runtime)
        )

    @convert.register
    def _(self, op: Mean) -> None:
        if len(op.x.shape) != 4 or op.y.size != op.x.shape[3]:
            raise self.lacks(op, f"it is over the axes {list(op.axes)}, not over rows and columns")
        x, y = self.f32(op.x), self.as_floats(op.y)
        self.emit(ops.Mean((x,), (y,), runtime=self.runtime))

    @convert.register
    def _(self, op: Softmax) -> None:
        if op.x.size != op.x.shape[-1] or (self.runtime == 3 and op.beta != 1):
            raise self.lacks(op, f"it is of {list(op.x.shape)}, or its beta is {op.beta:g}")
        x, y = self.f32(op.x), self.as_floats(op.y)
        self.emit(ops.Softmax((x,), (y,), op.beta, runtime=self.runtime))

    @convert.register
    def _(self, op: ResizeNearestNeighbor) -> None:
        x, y = self.u8(op.x, self.affine(op.y)), self.as_bytes(op.y)
        made = images.Resize((x,), (y,), runtime=self.runtime)
        if any((a != b).any() for a, b in zip(made.places(), op.places(), strict=True)):
            raise self.lacks(
                op,
                "the runtime would take other pixels: its places are those of the left top corners",
            )
        self.emit(made)

    @convert.register
    def _(self, op: Pad) -> None:
        pads = op.pads()
        if isinstance(op, PadV2) or len(pads) != 4 or any(pads[0]):
            raise self.lacks(op, "its value is not 0, or it is not of a map")
        affine = self.affine(op.y)
        channels = not any(pads[1]) and not any(pads[2]) and min(op.x.shape[1:3]) >= LEAST
        if self.runtime == 3 and not channels:
            raise self.lacks(op)
        x, y = self.u8(op.x, affine), self.as_bytes(op.y)
        if channels:
            block = moved(op.x.shape[3], (0, 0), 0, affine.zero, pads[3])
            self.emit(ops.KpuConv((x,), (y,), block, runtime=self.runtime))
            return
        frame = (pads[1], pads[2], pads[3])
        self.emit(images.Pad((x,), (y,), frame, affine.zero, runtime=self.runtime))

    @convert.register
    def _(self, op: Reshape) -> None:
        if op.y not in self.graph.outputs:
            raise self.lacks(op)
        x, y = self.f32(op.x), self.as_floats(op.y)
        self.emit(images.Flatten((x,), (y,), runtime=self.runtime))

    @convert.register
    def _(self, op: Dequantize) -> None:
        self.floats[op.y] = self.f32(op.x)

    @convert.register
    def _(self, op: Quantize) -> None:
        if self.affine(op.x) != self.affine(op.y):
            self.bytes[op.y] = self.u8(op.x, self.affine(op.y))
            return
        for memory in (self.bytes, self.floats):
            if op.x in memory:
                memory[op.y] = memory[op.x]
