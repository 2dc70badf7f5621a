"""Cross-layer equalisation: channels are scaled between two layers, so that they share a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Graph, Op
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.convolution import Convolution
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mean import Mean
from ascua.ops.pad import Pad, PadV2
from ascua.quantize.floats import batches, compute
from ascua.quantize.simplify import Weighted, biases, with_weights

MOST = 64.0
"""Channels are scaled by this factor at most, up or down."""

SIX = 6.0 * (1 - 1e-6)
"""A channel that comes up to here is cut by a RELU6, and keeps its scale."""


class Pair(NamedTuple):
    """Two layers by their place in the graph, with nothing but pools and frames between them."""

    first: int
    second: int


def equalize(graph: Graph, xs: Sequence[Array]) -> Graph:
    """`graph` with scaled channels; on the samples `xs` (n, *shape) it computes the same.

    A channel of a layer is divided by a factor, and the weights that read it are multiplied by
    it: with a ReLU between them, no output changes. Through a ReLU6 it stays so for the channels
    that `xs` do not bring up to 6; the others keep their scale.
    """
    found = pairs(graph)
    seen = _peaks(graph, xs) if found else {}  # a pair does not change those of other layers
    for pair in found:
        first, second = graph.ops[pair.first], graph.ops[pair.second]
        assert isinstance(first, Weighted)
        assert isinstance(second, Weighted)
        factors = _factors(first, second, seen[id(first.y)])
        ops = list(graph.ops)
        ops[pair.first] = _divided(first, factors)
        ops[pair.second] = _multiplied(second, factors)
        graph = replace(graph, ops=tuple(ops))
    return graph


def pairs(graph: Graph) -> list[Pair]:
    """The pairs of layers of `graph`, in order, where only the second reads the first."""
    readers: dict[int, list[int]] = {}
    for i, op in enumerate(graph.ops):
        for t in op.activations:
            readers.setdefault(id(t), []).append(i)
    outputs = {id(t) for t in graph.outputs}
    found = []
    for i, op in enumerate(graph.ops):
        if not isinstance(op, Weighted) or not op.w.const or len(op.y.shape) != 4:
            continue
        y = op.y
        while id(y) not in outputs and len(readers.get(id(y), ())) == 1:
            j = readers[id(y)][0]
            reader = graph.ops[j]
            if isinstance(reader, Convolution) and reader.x is y and reader.w.const:
                found.append(Pair(i, j))
            if not _keeps_channels(reader):
                break
            y = reader.y
    return found


def _keeps_channels(op: Op) -> bool:
    """Whether scaling a channel of its input scales that of its output, and nothing else."""
    if isinstance(op, MaxPool2D | AveragePool2D):
        return op.activation in ("NONE", "RELU")
    if isinstance(op, Mean):
        return len(op.x.shape) == len(op.y.shape) == 4 and 3 not in op.axes
    return isinstance(op, Pad) and not isinstance(op, PadV2) and not any(op.pads()[-1])


def _peaks(graph: Graph, xs: Sequence[Array]) -> Mapping[int, Array]:
    """The greatest magnitude (channels,) of each activation that is an image, by identity."""
    found: dict[int, Array] = {}
    for batch in batches(graph, xs):
        for t, y in graph.walk(batch, compute):
            if len(t.shape) == 4:
                peak = np.abs(y).reshape(-1, t.shape[3]).max(axis=0)
                found[id(t)] = np.maximum(found.get(id(t), peak), peak)
    return found


def _factors(first: Weighted, second: Weighted, peaks: Array) -> Array:
    """By what each channel of `first` is divided."""
    if isinstance(second, DepthwiseConv2D):
        # Its weights have a scale a channel: only the activation's scale is shared.
        wanted = peaks.astype(np.float64)
    else:
        reading = np.abs(second.w.values).max(axis=(0, 1, 2))
        wanted = np.sqrt(peaks.astype(np.float64) / np.maximum(reading, 1e-30))
        wanted[reading == 0] = 0
    alive = (wanted > 0) & (peaks > 0)
    if not alive.any():
        return np.ones_like(wanted)
    wanted = np.clip(wanted / np.exp(np.log(wanted[alive]).mean()), 1 / MOST, MOST)
    wanted[~alive] = 1.0
    if first.activation == "RELU6":
        wanted = np.where(peaks >= SIX, 1.0, np.maximum(wanted, peaks / SIX))
    return wanted if first.activation in ("NONE", "RELU", "RELU6") else np.ones_like(wanted)


def _divided(op: Weighted, factors: Array) -> Weighted:
    shape = [1] * op.w.values.ndim
    shape[op.channel_axis or 0] = -1
    return with_weights(op, op.w.values / factors.reshape(shape), biases(op) / factors)


def _multiplied(op: Weighted, factors: Array) -> Weighted:
    if isinstance(op, DepthwiseConv2D):
        factors = np.repeat(factors, op.multiplier)
    return with_weights(op, op.w.values * factors, biases(op))
