"""Cross-layer equalisation: channels are scaled between layers, so that they share a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import Convolution, Weighted
from ascua.quantize.floats import batches, compute

MOST = 64.0
"""Channels are scaled by this factor at most, up or down."""

SIX = 6.0 * (1 - 1e-6)
"""A channel that comes up to here is cut by a RELU6, and keeps its scale."""


class End(NamedTuple):
    """A layer at an end of a group, by its place in the graph, and the group's channel that is its
    first."""

    layer: int
    at: int


class Group(NamedTuple):
    """Channels that are scaled together: activations with only pools and the like between them."""

    channels: int
    writers: tuple[End, ...]
    readers: tuple[End, ...]
    tensors: tuple[tuple[Tensor, int], ...]
    """The activations, and the channel of the group that is the first of each."""


def equalize(graph: Graph, xs: Sequence[Array]) -> Graph:
    """`graph` with scaled channels; on the samples `xs` (n, *shape) it computes the same.

    A channel of the layers that write it is divided by a factor, and the weights that read it are
    multiplied by it: with a ReLU between them, no output changes. Through a ReLU6 it stays so for
    the channels that `xs` do not bring up to 6; the others keep their scale.
    """
    found = groups(graph)
    seen = _peaks(graph, xs) if found else {}  # a group does not change activations of others
    ops = list(graph.ops)
    for group in found:
        factors = _factors(group, ops, seen)
        for end in group.writers:
            ops[end.layer] = _divided(_weighted(ops, end), factors[end.at :])
        for end in group.readers:
            ops[end.layer] = _multiplied(_weighted(ops, end), factors[end.at :])
    return replace(graph, ops=tuple(ops))


def groups(graph: Graph) -> list[Group]:
    """The groups of `graph` that only layers write, and only layers read, in order."""
    found: list[Group] = []
    seen: set[Tensor] = set()
    for op in graph.ops:
        if _writes(op) and op.y not in seen:
            places, whole = _spread(graph, op.y)
            seen |= set(places)
            if whole:
                found.append(_group(graph, places))
    return [g for g in found if g.readers]


Places = dict[Tensor, int]
"""The first channel of each activation."""


def _spread(graph: Graph, first: Tensor) -> tuple[Places, bool]:
    """What is scaled with `first`, and whether nothing but layers writes and reads it."""
    places: Places = {first: 0}
    todo, whole = [first], True
    while todo:
        t = todo.pop()
        at, maker = places[t], graph.makers.get(t)
        whole &= maker is not None and t not in graph.outputs
        near = [] if maker is None or _writes(maker) else [maker]
        near += [op for op in graph.readers[t] if not _reads(op, t)]
        for op in near:
            ties = _tied(op)
            whole &= bool(ties)
            start = next((at - offset for u, offset in ties if u is t), 0)
            for u, offset in ties:
                if u not in places:
                    places[u] = start + offset
                    todo.append(u)
                whole &= places[u] == start + offset
    return places, whole


def _group(graph: Graph, places: Places) -> Group:
    """The group of the activations `places`."""
    least = min(places.values())
    channels = max(at + t.shape[3] for t, at in places.items()) - least
    placed = tuple((t, at - least) for t, at in places.items())
    made = ((graph.makers[t], at) for t, at in placed)
    read = ((op, t, at) for t, at in placed for op in graph.readers[t])
    layer = {op: i for i, op in enumerate(graph.ops)}
    return Group(
        channels,
        tuple(End(layer[op], at) for op, at in made if _writes(op)),
        tuple(End(layer[op], at) for op, t, at in read if _reads(op, t)),
        placed,
    )


def _writes(op: Op) -> bool:
    """Whether the channels of its output can be divided by factors."""
    linear = ("NONE", "RELU", "RELU6")
    return isinstance(op, Weighted) and len(op.y.shape) == 4 and op.activation in linear


def _reads(op: Op, t: Tensor) -> bool:
    """Whether its weights can be multiplied by factors of the channels of `t`."""
    return isinstance(op, Convolution) and op.x is t


def _tied(op: Op) -> list[tuple[Tensor, int]]:
    """The images that `op` reads and writes, where their channels scale together."""
    images = all(len(t.shape) == 4 for t in (*op.activations, op.y))
    return op.tied_channels() if images else []


def _peaks(graph: Graph, xs: Sequence[Array]) -> Mapping[Tensor, Array]:
    """The greatest magnitude (channels,) of each activation that is an image."""
    found: dict[Tensor, Array] = {}
    for batch in batches(graph, xs):
        for t, y in graph.walk(batch, compute):
            if len(t.shape) == 4:
                peak = np.abs(y).reshape(-1, t.shape[3]).max(axis=0)
                found[t] = np.maximum(found.get(t, peak), peak)
    return found


def _weighted(ops: Sequence[Op], end: End) -> Weighted:
    op = ops[end.layer]
    assert isinstance(op, Weighted)
    return op


def _factors(group: Group, ops: Sequence[Op], seen: Mapping[Tensor, Array]) -> Array:
    """By what each channel of the group is divided."""
    peaks: Array = np.zeros(group.channels)
    for t, at in group.tensors:
        part = peaks[at : at + t.shape[3]]
        np.maximum(part, seen[t], out=part)
    reading = np.zeros(group.channels)
    dense = [end for end in group.readers if _depth(_weighted(ops, end)) > 1]
    for end in dense:
        size = np.abs(_by_input(_weighted(ops, end)))
        # Weights have a scale an output: what counts is their part of the greatest of it.
        size /= np.maximum(size.max(axis=(2, 3), keepdims=True), 1e-30)
        most = size.max(axis=(1, 2)).reshape(-1)
        part = reading[end.at : end.at + len(most)]
        np.maximum(part, most, out=part)
    if dense:
        wanted: Array = np.sqrt(peaks / np.maximum(reading, 1e-30))
        wanted[reading == 0] = 0
    else:
        # Weights of one input channel have a scale of their own: only the activation's is shared.
        wanted = peaks.copy()
    alive = (wanted > 0) & (peaks > 0)
    if not alive.any():
        return np.ones_like(wanted)
    wanted = np.clip(wanted / np.exp(np.log(wanted[alive]).mean()), 1 / MOST, MOST)
    wanted[~alive] = 1.0
    limited = [s for s in group.writers if _weighted(ops, s).activation == "RELU6"]
    for end in limited:
        peak = seen[ops[end.layer].y]
        part = wanted[end.at : end.at + len(peak)]
        np.maximum(part, peak / SIX, out=part)
    for end in limited:
        peak = seen[ops[end.layer].y]
        wanted[end.at : end.at + len(peak)][peak >= SIX] = 1.0
    return wanted


def _divided(op: Weighted, factors: Array) -> Weighted:
    factors = factors[: op.channels]
    return op.with_weights(op.w.values / op.along_outputs(factors), op.biases / factors)


def _multiplied(op: Weighted, factors: Array) -> Weighted:
    by_group = factors[: op.x.shape[3]].reshape(op.groups, 1, 1, -1)
    return op.with_weights(op.from_matrices(_by_input(op) * by_group), op.biases)


def _depth(op: Weighted) -> int:
    """Input channels that an output sums over."""
    return op.w.shape[op.in_axis]


def _by_input(op: Weighted) -> Array:
    """The weights (groups, outputs of a group, taps, input channels of a group)."""
    matrices = op.matrices()
    return matrices.reshape(*matrices.shape[:2], -1, _depth(op))
