"""A graph that states its quantisation, by QUANTIZE and DEQUANTIZE in it, computes in integers.

Between a DEQUANTIZE and a QUANTIZE, an operator of floats becomes the one of integers, with the
scales that stand there and the weights as they were rounded: nothing is calibrated anew.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from ascua.errors import Unsupported, brief
from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops import Weighted
from ascua.ops.dequantize import Dequantize
from ascua.ops.quantize import Quantize
from ascua.passes.dead import drop_dead
from ascua.quantize.rules import SCHEMES, Range, quantized, real, weight_scales
from ascua.quantize.simplify import fuse, fused_activation, fused_padding

log = logging.getLogger(__name__)

INT8 = SCHEMES["int8"]
NEAR = 1e-5
"""Scales that differ by less, relatively, are one: they are products of float32."""


def stated(graph: Graph) -> bool:
    """Whether the graph says, somewhere inside, how values are quantised."""
    return any(isinstance(op, Quantize | Dequantize) for op in graph.ops)


def integers(graph: Graph, where: str) -> Graph:
    """The graph with all in integers whose quantisation it states, its inputs and outputs too.

    What has no stated quantisation stays in float, between a DEQUANTIZE and a QUANTIZE. Raises
    Unsupported where an operator has no integer form.
    """
    for rule in (fused_activation, fused_padding):
        graph = fuse(graph, rule)
    return _Converter(graph, where).converted()


class _Converter:
    """Goes through the operators of one graph, in order."""

    def __init__(self, graph: Graph, where: str) -> None:
        self.graph, self.where = graph, where
        self.rounded: dict[Tensor, Tensor] = {}
        """Float tensors, and the integers that a QUANTIZE makes of each."""
        for op in graph.ops:
            if isinstance(op, Quantize):
                self.rounded.setdefault(op.x, op.y)
        self.twins: dict[Tensor, Tensor] = {}
        """Float tensors, and integers that are there and stand for the same."""
        self.instead: dict[Tensor, Tensor] = {}
        """What a QUANTIZE makes, and what an operator of integers makes in its place."""
        self.made: set[Tensor] = set(graph.inputs)
        self.ops: list[Op] = []

    def converted(self) -> Graph:
        """The graph of integers."""
        begun = {x: self.rounded[x] for x in self.graph.inputs if self.only_rounded(x)}
        self.instead |= {y: y for y in begun.values()}
        for op in self.graph.ops:
            if isinstance(op, Dequantize) and op.x.dtype != "float32":
                self.twins[op.y] = self.instead.get(op.x, op.x)
            elif isinstance(op, Quantize):
                self.quantize(op)
            elif not self.integer(op):
                self.add(replace(op, inputs=tuple(self.real(t) if t else t for t in op.inputs)))
        ends = begun | {y: self.twins[y] for y in self.graph.outputs if y in self.twins}
        ends = {t: replace(new, name=t.name) for t, new in ends.items()}
        instead = {begun.get(t) or self.twins[t]: new for t, new in ends.items()}
        ops = [op.on(instead) for op in self.ops]
        return drop_dead(self.graph.replaced(ends, ops))

    def only_rounded(self, x: Tensor) -> bool:
        """Whether all that reads an input is one QUANTIZE."""
        readers = self.graph.readers[x]
        return len(readers) == 1 and isinstance(readers[0], Quantize)

    def add(self, op: Op) -> None:
        """One more operator."""
        self.ops.append(op)
        self.made |= set(op.outputs)

    def quantize(self, op: Quantize) -> None:
        """A QUANTIZE: what it makes is there already, or is made of integers, or of floats."""
        if op.y in self.instead:
            return
        twin = self.twins.get(op.x)
        if twin is not None and twin.quant == op.y.quant:
            self.instead[op.y] = twin
            return
        self.add(op if twin is None else replace(op, inputs=(twin,)))

    def real(self, t: Tensor) -> Tensor:
        """The floats `t`, made of its integers where only these are there; weights too."""
        if t.const and t.quant is not None:
            return replace(t, dtype="float32", quant=None, data=_real(t))
        if t not in self.made and t in self.twins:
            self.add(Dequantize((self.twins[t],), (t,)))
        return t

    def integer(self, op: Op) -> bool:
        """Put an operator of integers in place of `op`; False where a quantisation is not known."""
        floats = [t for t in op.activations if t.dtype == "float32"]
        if not floats or not all(t in self.twins for t in floats):
            return False
        quants = [self.quant(op, y) for y in op.outputs]
        if any(q is None for q in quants):
            return False
        ys = []
        for y, q in zip(op.outputs, quants, strict=True):
            named = self.rounded.get(y, y)
            new = replace(named, dtype=self.twins[floats[0]].dtype, quant=q)
            if named is not y:
                self.instead[named] = new
            self.twins[y] = new
            ys.append(new)
        inputs = [
            self.twins[t] if t in floats else t
            for t in op.inputs
        ]  # fmt: skip
        if op.one_scale:
            inputs = [self.rescaled(t, ys[0].q) if t and t.quant else t for t in inputs]
        done = replace(op, inputs=tuple(inputs), outputs=tuple(ys), version=None)
        done = replace(done, inputs=tuple(_constants(done)))
        if reason := done.check():
            raise Unsupported(
                f"{self.where}: {op.said} has no int8 form: {reason}.",
                ["Quantise the float model here: `ascua quantize`."],
            )
        self.add(done)
        return True

    def quant(self, op: Op, y: Tensor) -> Quant | None:
        """The quantisation of an output: the one that is fixed, stated, or that of the input."""
        if op.output_range is not None:
            return INT8.fixed(*op.output_range)
        if y in self.rounded:
            return self.rounded[y].quant
        if op.one_scale:
            return next(self.twins[t].quant for t in op.activations if t in self.twins)
        return None

    def rescaled(self, t: Tensor, quant: Quant) -> Tensor:
        """The integers `t` in steps of `quant`."""
        if t.quant == quant or t.const:
            return t
        y = replace(t, name=f"{t.name}/rescaled", quant=quant)
        self.add(Quantize((t,), (y,)))
        return y


def _constants(op: Op) -> list[Tensor | None]:
    """The inputs of an integer operator, its constants in integers."""
    if isinstance(op, Weighted):
        return _weights(op)
    return [_constant(t, op) if t and t.const and t.dtype == "float32" else t for t in op.inputs]


def _constant(t: Tensor, op: Op) -> Tensor:
    """A float constant beside integers: in the scale of the output, or one of its own."""
    quant = op.y.q if op.one_scale else INT8.quant(Range.of(t.values))
    data = quantized(t.values, quant, INT8.low, INT8.high, "int8")
    return replace(t, dtype="int8", quant=quant, data=data)


def _weights(op: Weighted) -> list[Tensor | None]:
    """The inputs of a Weighted operator: weights around zero, and biases in units of the sums."""
    w = op.w
    if w.quant is None or any(w.quant.zero_points):
        if w.quant is not None:
            log.warning(
                "'%s': weights with a zero point are rounded again, to none.", brief(w.name)
            )
        values = _real(w)
        peaks = np.abs(np.moveaxis(values, op.out_axis, 0).reshape(op.channels, -1)).max(axis=1)
        none = np.zeros(op.channels)
        scales = weight_scales(peaks, none, op.x.q, op.y.q, INT8)
        quant = Quant(scales, (0,) * len(scales), op.out_axis)
        data = quantized(values, quant, -INT8.most, INT8.most, "int8")
        w = replace(w, dtype="int8", quant=quant, data=data)
    found = [w if t is op.w else t for t in op.inputs]
    if op.bias is not None:
        units = tuple(float(np.float32(op.x.q.scale * s)) for s in w.q.scales)
        found[op.inputs.index(op.bias)] = _bias(op.bias, units)
    return found


def _bias(t: Tensor, units: tuple[float, ...]) -> Tensor:
    """A bias in these units: one for all, as the weights have it, or one a channel."""
    quant = Quant(units, (0,) * len(units))
    if t.quant is not None and np.allclose(t.quant.scales, units, rtol=NEAR, atol=0):
        return replace(t, quant=quant)
    steps = np.clip(np.rint(_real(t) / np.array(units)), -(2.0**31), 2.0**31 - 1)
    return replace(t, dtype="int32", quant=quant, data=steps.astype(np.int32))


def _real(t: Tensor) -> Array:
    """The real values of a constant."""
    return t.values if t.quant is None else real(t.values, t.quant)
