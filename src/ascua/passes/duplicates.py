"""Of channels that are equal for every input, one is enough: a reader adds up their weights.

They are equal where the same operator makes them with the same weights, bias and scale, or of
equal channels in the same way. A reader takes one where the sums of weights are weights.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import Weighted
from ascua.passes.cutting import Origins, cut
from ascua.passes.saving import Saving
from ascua.passes.ties import OF_TWO, VIEWS, Channels, makes_anew, ties

MOST_WEIGHT = {"int4": 7}
"""The greatest weight of a type, 127 of others; the least is the same below 0."""


def merge_channels(graph: Graph) -> tuple[Graph, Origins, list[Saving]]:
    """The graph with one of each set of equal channels; what its tensors were, and why."""
    channels = Channels(graph)
    first = firsts(graph)
    goes = np.ones(len(channels.pinned), bool)
    goes[channels.pinned] = False
    for t, of_t in first.items():
        goes[channels.of(t)[of_t == np.arange(len(of_t))]] = False
    layers = [op for op in graph.ops if isinstance(op, Weighted) and makes_anew(op)]
    while bad := [g for op in layers for g in _refused(op, channels, first, goes)]:
        goes[bad] = False
    kept = {
        t: np.flatnonzero(~goes[channels.of(t)])
        for t in channels.numbers
        if goes[channels.of(t)].any()
    }
    if not kept:
        return graph, {}, []
    changed: dict[Op, Op] = {
        op: op.with_weights(merged(op, first[op.x], goes[channels.of(op.x)]))
        for op in layers
        if op.x in kept
    }
    made, origins = cut(graph, kept, changed)
    savings = [
        Saving("duplicates", op.name, op.kind,
               f"{op.channels - len(kept[op.y])} of {op.channels} channels",
               "each equals another one of this layer, for every input: the same weights, bias and"
               " scale; what reads them adds up its weights")
        for op in graph.ops
        if isinstance(op, Weighted) and op.y in kept
    ]  # fmt: skip
    return made, origins, savings


def _refused(
    op: Weighted, channels: Channels, first: dict[Tensor, Array], goes: Array
) -> Iterator[int]:
    """The groups of channels that `op` cannot do without: sums of weights would be none."""
    groups = channels.of(op.x)
    outputs = ~goes[channels.of(op.y)]
    if not goes[groups].any() or not outputs.any():
        return
    weights = merged(op, first[op.x], goes[groups])
    flat = np.moveaxis(weights, op.out_axis, 0)[outputs]
    over = np.abs(flat).reshape(len(flat), -1, len(groups)).max(axis=(0, 1))
    for c in np.flatnonzero(over > MOST_WEIGHT.get(op.w.dtype, 127)):
        same = np.flatnonzero((first[op.x] == c) & goes[groups])
        if len(same):  # else the file itself holds -128
            yield int(groups[same[-1]])


def merged(op: Weighted, first: Array, gone: Array) -> Array:
    """Its weights, int64, those of channels that go added to those of the first alike."""
    weights = np.moveaxis(op.w.values.astype(np.int64), op.out_axis, 0)
    by_channel = weights.reshape(op.channels, -1, len(first)).copy()
    for c in np.flatnonzero(gone):
        by_channel[:, :, first[c]] += by_channel[:, :, c]
    return np.moveaxis(by_channel.reshape(weights.shape), 0, op.out_axis)


def firsts(graph: Graph) -> dict[Tensor, Array]:
    """For each channel of each activation, the first channel of the same tensor that equals it."""
    names: dict[Tensor, list[Hashable]] = {}
    for t in graph.given:
        names[t] = [(t, i) for i in range(t.shape[-1] if t.shape else 1)]
    known: dict[Hashable, int] = {}
    for op in graph.ops:
        for y, named in zip(op.outputs, _named(op, names), strict=True):
            # A number stands for what it is made of, or names would grow with depth.
            names[y] = [known.setdefault(n, len(known)) for n in named]
    found = {}
    for t, named in names.items():
        seen: dict[Hashable, int] = {}
        found[t] = np.array([seen.setdefault(n, i) for i, n in enumerate(named)], int)
    return found


def _named(op: Op, names: dict[Tensor, list[Hashable]]) -> Iterator[list[Hashable]]:
    """For each channel of each output, what it is made of and how: equal where that is."""
    if isinstance(op, Weighted):
        yield _rows(op, names)
        return
    tied = ties(op) or []
    for y in op.outputs:
        n = y.shape[-1] if y.shape else 1
        of: list[list[Hashable]] = [[] for _ in range(n)]
        pairs = (
            (names[t][j], i)
            for tie in tied
            for place in [at for t, at in tie if t is y]
            for t, at in tie
            if t in op.activations
            for i, j in zip(place, at, strict=True)
        )
        for name, i in pairs:
            of[i].append(name)
        if all(of):
            turns = n // op.x.shape[-1] or 1 if isinstance(op, VIEWS) else 1
            part = n // turns
            yield [(op, y, *of[i], i // part, _beside(op, y, i)) for i in range(n)]
        else:
            yield [(op, y, i) for i in range(n)]


def _beside(op: Op, y: Tensor, i: int) -> Hashable:
    """What the constant operands of `op` are in channel i of `y`."""
    if not isinstance(op, OF_TWO):
        return None
    found = []
    for t in op.inputs:
        if t is not None and t.const:
            whole = t.shape[-1:] == y.shape[-1:]
            found.append((t.values[..., i] if whole else t.values).tobytes())
    return tuple(found)


def _rows(op: Weighted, names: dict[Tensor, list[Hashable]]) -> list[Hashable]:
    """The inputs, the weights, the bias and the scale of each channel that `op` makes."""
    rows = np.moveaxis(op.w.values, op.out_axis, 0).reshape(op.channels, -1)
    biases = [0] * op.channels if op.bias is None else op.biases.tolist()
    scales = op.w.q.scales if op.w.quant else ()
    each = scales if len(scales) == op.channels else (scales[:1] or (0.0,)) * op.channels
    inputs, depth = names[op.x], len(names[op.x]) // op.groups
    groups = [tuple(inputs[i : i + depth]) for i in range(0, len(inputs), depth)]
    return [
        (op, groups[i * op.groups // op.channels], row.tobytes(), b, s)
        for i, (row, b, s) in enumerate(zip(rows, biases, each, strict=True))
    ]
