"""A channel that is constant, or that nobody reads, can go: what it adds is a bias.

Where every value of a channel is known, a layer that sums over it gets the same from its bias, as
long as that is the same at every position of its output. Sums are of integers, in 64 bits here, so
nothing is rounded. What goes is the largest set such that everyone who reads of it does without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops import Weighted
from ascua.passes.cutting import Origins, cut
from ascua.passes.ranges import Ranges, ranges
from ascua.passes.saving import Saving
from ascua.passes.ties import Channels, makes_anew

MOST = 2**31 - 1
"""What bias and sums of a layer may come to together."""


class Read(NamedTuple):
    """What a layer reads, and of which it makes channels anew.

    `weights` are (outputs, taps, channels of the input); `values` (positions, taps, channels) what
    each tap meets where the input is constant, less its zero point, and 0 elsewhere.
    """

    op: Weighted
    weights: Array
    known: Array
    """Whether each channel of the input is constant: booleans (channels,)."""
    values: Array
    steady: Array
    """Whether what a channel adds is the same at every position, whatever the weights."""

    def refused(self, outputs: Array, gone: Array) -> Array:
        """Which channels of those `gone` the outputs that stay cannot do without; both booleans."""
        weights = self.weights[outputs]
        read = gone & weights.any(axis=(0, 1))
        bad = np.logical_and(read, ~self.known)
        for c in np.flatnonzero(read & self.known & ~self.steady):
            added = self.values[:, :, c] @ weights[:, :, c].T
            bad[c] = (added != added[0]).any()
        folded = read & ~bad
        adds = folded & self.values.any(axis=(0, 1))
        if adds.any() and not self._fits(outputs, folded, gone):
            bad = np.logical_or(bad, adds)
        return bad

    def bias(self, folded: Array) -> Array:
        """The bias (outputs,) int64 with what the channels `folded` add."""
        added = np.einsum("tc,otc->o", self.values[0][:, folded], self.weights[:, :, folded])
        old = 0 if self.op.bias is None else self.op.biases.astype(np.int64)
        total: Array = old + added.astype(np.int64)
        return total

    def _fits(self, outputs: Array, folded: Array, gone: Array) -> bool:
        """Whether the biases are int32, and no sum passes 32 bits."""
        if self.op.x.dtype != "int8" or (self.op.bias and self.op.bias.dtype != "int32"):
            return False
        zero = self.op.x.q.zero_point
        rest = np.abs(self.weights[:, :, ~gone]).sum(axis=(1, 2)) * max(127 - zero, zero + 128)
        return bool((np.abs(self.bias(folded)) + rest <= MOST)[outputs].all())


def reads(graph: Graph, known: Ranges) -> Iterator[Read]:
    """Each layer of the graph that makes channels anew."""
    for op in graph.ops:
        if isinstance(op, Weighted) and makes_anew(op):
            channels = op.x.shape[-1]
            weights = op.matrices()[0].reshape(op.channels, -1, channels).astype(np.int64)
            low = np.zeros(op.x.shape)
            constant = constants(op.x, known)
            if constant.any():
                low[..., constant] = known[op.x].low[..., constant] - float(op.x.q.zero_point)
            values = _values(op, low, constant)
            steady = (values == values[:1]).all(axis=(0, 1))
            yield Read(op, weights, constant, values, steady)


def constants(t: Tensor, known: Ranges) -> Array:
    """Which channels of `t` have one value for every input at each position: booleans."""
    if t not in known:
        return np.zeros(t.shape[-1], bool)
    found: Array = np.logical_and.reduce(known[t].constant.reshape(-1, t.shape[-1]))
    return found


def _values(op: Weighted, low: Array, constant: Array) -> Array:
    """What each tap of each window meets, int64; one window where all of it is 0."""
    taps = op.matrices().shape[-1]
    if not low.any() or not constant.any():
        return np.zeros((1, taps // op.x.shape[-1], op.x.shape[-1]), np.int64)
    found = op.gathered(low[None]).reshape(-1, taps // op.x.shape[-1], op.x.shape[-1])
    return found.astype(np.int64)


def drop_channels(graph: Graph) -> tuple[Graph, Origins, list[Saving]]:
    """The graph without channels that are constant or unread; what its tensors were, and why."""
    known = ranges(graph)
    layers = list(reads(graph, known))
    channels = Channels(graph)
    stays = settled(graph, channels, layers)
    kept = {
        t: np.flatnonzero(stays[channels.of(t)])
        for t in channels.numbers
        if not stays[channels.of(t)].all()
    }
    if not kept:
        return graph, {}, []
    changed: dict[Op, Op] = {}
    for read in layers:
        folded = read.known & ~stays[channels.of(read.op.x)]
        if (folded & read.values.any(axis=(0, 1))).any():
            changed[read.op] = with_bias(read.op, read.bias(folded))
    made, origins = cut(graph, kept, changed)
    return made, origins, list(_savings(graph, kept, known))


def settled(graph: Graph, channels: Channels, layers: list[Read]) -> Array:
    """By group of channels, whether it stays: booleans."""
    stays = channels.pinned.copy()
    while True:
        before = stays.sum()
        for read in layers:
            outputs = stays[channels.of(read.op.y)]
            inputs = channels.of(read.op.x)
            if outputs.any() and not stays[inputs].all():
                stays[inputs[read.refused(outputs, ~stays[inputs])]] = True
        if stays.sum() == before and not _empty(graph, channels, stays):
            return stays


def _empty(graph: Graph, channels: Channels, stays: Array) -> bool:
    """Make the first channel stay of what an operator reads that stays, if none does.

    A concatenation can do without.
    """
    found = False
    for op in graph.ops:
        if any(stays[channels.of(t)].any() for t in op.outputs) and makes_anew(op):
            of_input = channels.of(op.x)
            if not stays[of_input].any():
                stays[of_input[0]] = found = True
    return found


def with_bias(op: Weighted, bias: Array) -> Weighted:
    """`op` with this bias (outputs,), which it may not have had."""
    (at,) = op.optional
    if op.bias is not None:
        new = replace(op.bias, data=bias.astype(np.int32).reshape(op.bias.shape))
    else:
        scales = tuple(float(np.float32(op.x.q.scale * s)) for s in op.w.q.scales)
        quant = Quant(scales, (0,) * len(scales))
        values = bias.astype(np.int32)
        new = Tensor(f"{op.name}/bias", values.shape, "int32", quant, values)
    return replace(op, inputs=(*op.inputs[:at], new))


def _savings(graph: Graph, kept: Mapping[Tensor, Array], known: Ranges) -> Iterator[Saving]:
    """What went of each operator with weights."""
    for op in graph.ops:
        if isinstance(op, Weighted) and op.y in kept:
            gone = np.setdiff1d(np.arange(op.channels), kept[op.y])
            n = int(constants(op.y, known)[gone].sum())
            why = []
            if n:
                why.append(
                    f"{n} {_are(n)} the same for every input, by the ranges of the weights and of"
                    " what they meet: readers have that in their biases"
                )
            if rest := len(gone) - n:
                why.append(f"{rest} {_are(rest)} read by nothing that an output depends on")
            yield Saving("channels", op.name, op.kind,
                         f"{len(gone)} of {op.channels} channels", "; ".join(why))  # fmt: skip


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
