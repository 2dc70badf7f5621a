"""A graph of the K210's operators becomes a kmodel: memories, copies, places, layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua import kmodel
from ascua.ir import Graph, Op, Tensor
from ascua.kmodel import DType, Kmodel, Layout, Memory, Port
from ascua.kmodel.memory import f32
from ascua.kmodel.model import v3_inputs
from ascua.targets.k210 import images, ops
from ascua.targets.k210.buffers import TRIES, Buffer, Command, placed, ranged
from ascua.targets.k210.layers3 import V3
from ascua.targets.k210.layers4 import V4
from ascua.targets.k210.moves import moved
from ascua.targets.k210.ops import Runtime


def lowered(graph: Graph, runtime: Runtime, tries: int = TRIES) -> Kmodel:
    """The kmodel of `graph`, whose operators have the arithmetic of that `runtime`.

    Raises DoesNotFit where KPU RAM is too small, Unsupported for a layer that the runtime lacks.
    """
    graph = one_width(first_by_kpu(graph)) if runtime == 3 else graph
    lowering = Lowering(graph, V3() if runtime == 3 else V4())
    for op in graph.ops:
        lowering.add(op)
    model = lowering.model(tries)
    kmodel.check(model)
    kmodel.executable(model)
    return model


def first_by_kpu(graph: Graph) -> Graph:
    """An image that the CPU reads too goes through the KPU first: V3's runtime begins there."""
    x = graph.inputs[0]
    if all(isinstance(op, ops.KpuConv) for op in graph.readers[x]):
        return graph
    y = replace(x, name=f"{x.name}/copy")
    block = moved(x.shape[-1], (0, 0), 0, 0)
    found = [replace(op, inputs=tuple(y if t is x else t for t in op.inputs)) for op in graph.ops]
    return replace(graph, ops=(ops.KpuConv((x,), (y,), block, runtime=3), *found))


class Lowering:
    """Takes a graph's operators in order."""

    def __init__(self, graph: Graph, dialect: V3 | V4) -> None:
        self.graph = graph
        self.dialect = dialect
        self.commands: list[Command] = []
        self.kpu: dict[Tensor, Buffer] = {}
        self.main: dict[Tensor, Buffer] = {}
        self.joined = set[Op]()
        for op in graph.ops:
            if isinstance(op, images.Concat):
                self.join(op)
        for x in graph.inputs:
            if all(isinstance(op, ops.KpuConv) for op in graph.readers[x]):
                self.kpu[x] = self.map_of(x)
            else:
                self.main[x] = values_of(x)

    def map_of(self, t: Tensor) -> Buffer:
        """A new map in KPU RAM."""
        _, h, w, c = t.shape
        return Buffer(t.name, DType.U8, t.size, Layout(w, h, c))

    def wanted_by_kpu(self, t: Tensor) -> bool:
        """Whether the KPU reads `t`."""
        return any(isinstance(op, ops.KpuConv) for op in self.graph.readers[t])

    def wanted_in_main(self, t: Tensor) -> bool:
        """Whether the CPU reads `t`, or what is free of its copies."""
        return t in self.graph.outputs or any(
            not isinstance(op, ops.KpuConv) and (op not in self.joined or op.y in self.main)
            for op in self.graph.readers[t]
        )

    def join(self, op: images.Concat) -> None:
        """Maps that lie side by side are joined already, where a place within lines allows that.

        In main memory it always does.
        """
        parts = op.activations
        makers = [self.graph.makers.get(t) for t in parts]
        if len({*parts}) < len(op.inputs) or any(m is None or m in self.joined for m in makers):
            return
        if any(t in self.kpu or t in self.main for t in parts):
            return
        groups = Layout(op.y.shape[2], op.y.shape[1], 1).groups
        aligned = all(t.shape[-1] % groups == 0 for t in parts[:-1])
        made_there = all(isinstance(m, ops.KpuConv) for m in makers)
        by_kpu = self.wanted_by_kpu(op.y) and aligned and made_there
        self.joined.add(op)
        if by_kpu:
            self.kpu[op.y] = self.map_of(op.y)
            self.share(self.kpu, op)
        if not by_kpu or self.wanted_in_main(op.y):
            self.main[op.y] = values_of(op.y)
            self.share(self.main, op)

    def share(self, memory: dict[Tensor, Buffer], op: images.Concat) -> None:
        """Each part lies in the whole."""
        whole, offset = memory[op.y], 0
        for t in op.activations:
            own = self.map_of(t) if whole.layout else values_of(t)
            memory[t] = replace(own, within=whole, offset=offset)
            offset += own.size

    def add(self, op: Op) -> None:
        """Append the layers of `op`."""
        assert isinstance(op, ops.ChipOp)
        if op in self.joined:
            return
        if isinstance(op, images.Part):
            self.main[op.y] = replace(values_of(op.y), within=self.main[op.x], offset=op.begin)
            return
        if isinstance(op, ops.KpuConv):
            source = self.on_kpu(op.x)
            target = self.kpu.setdefault(op.y, self.map_of(op.y))
            copy = None
            if self.wanted_in_main(op.y) or op.y in self.main:
                copy = self.main.setdefault(op.y, values_of(op.y))
            made = self.dialect.convolution(op.name, op.block, source, target, copy)
            self.commands.append(made)
            return
        xs = tuple(self.in_main(t) for t in op.activations)
        y = self.main.setdefault(op.y, values_of(op.y))
        if isinstance(op, ops.KpuDense):
            self.commands += self.dialect.dense(op, xs[0], y)
        else:
            self.commands += self.dialect.cpu(op, xs, y)

    def on_kpu(self, t: Tensor) -> Buffer:
        """The map of `t`, brought there once."""
        if t not in self.kpu:
            self.kpu[t] = self.map_of(t)
            self.commands.append(self.dialect.upload(t.name, self.main[t], self.kpu[t]))
        return self.kpu[t]

    def in_main(self, t: Tensor) -> Buffer:
        """The values of `t` in main memory."""
        return self.main[t]

    def model(self, tries: int) -> Kmodel:
        """All of it, in its places."""
        before = [self.main.get(t) or self.kpu[t] for t in self.graph.inputs]
        after = [self.main[t] for t in self.graph.outputs]
        at = placed(self.graph.name, self.commands, before, after, tries)
        layers = tuple(command.make(at) for command in self.commands)
        version = self.dialect.version
        inputs = tuple(port(t, b, at(b)) for t, b in zip(self.graph.inputs, before, strict=True))
        return Kmodel(
            name=self.graph.name,
            version=version,
            main_bytes=at.main_bytes,
            inputs=v3_inputs(layers) if version == 3 else inputs,
            outputs=tuple(f32(at(b), b.count) for b in after),
            layers=layers,
            constants=self.dialect.constants,
            weight_bits=weight_bits(self.graph),
        )


def values_of(t: Tensor) -> Buffer:
    """A new place in main memory."""
    return Buffer(t.name, DType.U8 if t.dtype == "uint8" else DType.F32, t.size)


def port(t: Tensor, buffer: Buffer, at: int) -> Port:
    """An input of a V4 file."""
    h, w, c = t.shape[1:] if len(t.shape) == 4 else (1, 1, t.size)
    where = ranged(buffer, lambda _: at)
    return Port(
        buffer.layout.at(at) if buffer.memory is Memory.KPU and buffer.layout else where,
        (1, c, h, w),
    )


def one_width(graph: Graph) -> Graph:
    """All passes with weights of 16 bits, where one has: the chip has one mode for all."""
    passes = [op for op in graph.ops if isinstance(op, ops.KpuConv | ops.KpuDense)]
    if all(op.block.weights.dtype == np.uint8 for op in passes):
        return graph

    def wide(op: Op) -> Op:
        if not isinstance(op, ops.KpuConv | ops.KpuDense):
            return op
        return replace(op, block=replace(op.block, weights=op.block.weights.astype(np.uint16)))

    return replace(graph, ops=tuple(wide(op) for op in graph.ops))


def weight_bits(graph: Graph) -> int:
    """Of the weights of all passes."""
    found = (op.block for op in graph.ops if isinstance(op, ops.KpuConv | ops.KpuDense))
    return max((8 * block.weights.itemsize for block in found), default=8)
