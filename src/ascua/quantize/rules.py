"""The LiteRT 8-bit specification: which quantisation every tensor of a float graph gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Graph, Op, Quant, Tensor, limits

MOST_BIAS = {"int32": 2**30, "int64": 2**46}
"""A bias stays below it in units of the accumulator: TFLM's sums have 32 or 48 bits."""
LEAST_FACTOR = 2.0**-16
"""From accumulator to output, of channels without weights."""


class Range(NamedTuple):
    """The least and the greatest real value that a tensor is to hold."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Array) -> Range:
        """From the least to the greatest of `values` and 0."""
        return cls(float(values.min(initial=0.0)), float(values.max(initial=0.0)))


@dataclass(frozen=True)
class Scheme:
    """Types of a quantised network."""

    name: str
    activation: str = "int8"
    weight: str = "int8"
    most: int = 127
    """The greatest magnitude of a weight."""
    bias: str = "int32"
    uint8: bool = False
    """Whether files have uint8 where Ascua has int8, and weights one scale and a zero point."""

    @property
    def low(self) -> int:
        """The least value of an activation."""
        return limits(self.activation)[0]

    @property
    def high(self) -> int:
        """The greatest value of an activation."""
        return limits(self.activation)[1]

    @property
    def symmetric(self) -> bool:
        """Whether the zero point of every activation is 0."""
        return self.activation == "int16"

    def quant(self, r: Range) -> Quant:
        """The quantisation whose steps cover `r` and 0, which it holds exactly."""
        low, high = min(r.low, 0.0), max(r.high, 0.0)
        if self.symmetric:
            return Quant((float(np.float32(max(-low, high) / self.high)),), (0,))
        scale = float(np.float32((high - low) / (self.high - self.low)))
        zero = round(self.low - low / scale)
        return Quant((scale,), (min(max(zero, self.low), self.high),))

    def fixed(self, low: float, high: float) -> Quant:
        """The quantisation of an output that a specification states: `low` to `high` in all steps.

        Symmetric ones hold both.
        """
        steps = self.high - self.low + 1
        if self.symmetric:
            return Quant((2 * max(-low, high) / steps,), (0,))
        scale = (high - low) / steps
        return Quant((scale,), (min(round(self.low - low / scale), self.high),))


SCHEMES = {
    s.name: s
    for s in (
        Scheme("int8"),
        Scheme("int16x8", activation="int16", bias="int64"),
        Scheme("int4-weights", weight="int4", most=7),
        Scheme("uint8-per-tensor", uint8=True),
    )
}
"""By name; what an operator does not take, its `check` refuses."""


class Assigned(NamedTuple):
    """The quantisation of each activation, and inputs that need a copy of their own.

    A copy is an operator and the input's position: a QUANTIZE goes between.
    """

    quants: Mapping[Tensor, Quant]
    copies: Mapping[tuple[Op, int], Quant]


class Tied(NamedTuple):
    """Which activations share one quantisation."""

    groups: _Groups
    copied: tuple[tuple[Op, int], ...]
    """Inputs, by operator and position, that a QUANTIZE brings to the operator's output."""

    def root(self, t: Tensor) -> Tensor:
        """The same for all tensors that share their quantisation."""
        return self.groups.root(t)

    def pin(self, t: Tensor) -> Quant | None:
        """The quantisation of `t` where it is given."""
        return self.groups.pins.get(self.root(t))


def tied(graph: Graph, pinned: Mapping[Tensor, Quant], scheme: Scheme) -> Tied:
    """Which tensors of `graph` the operators of `one_scale` tie together; `pinned` as below."""
    pins = dict(pinned)
    for op in graph.ops:
        if op.output_range is not None:
            pins[op.y] = scheme.fixed(*op.output_range)
    groups = _Groups(pins)
    copied: list[tuple[Op, int]] = []
    for op in graph.ops:
        if op.one_scale:
            copied += _tie(op, groups)
    return Tied(groups, tuple(copied))


def assigned(
    graph: Graph, ranges: Mapping[Tensor, Range], pinned: Mapping[Tensor, Quant], scheme: Scheme
) -> Assigned:
    """The quantisation of every float activation of `graph`.

    Operators of `one_scale` tie their tensors together: these get the range that covers all.
    `pinned` are tensors with a given quantisation, as images have; so have the outputs of softmax
    and its like. Such a tensor is tied to others by a QUANTIZE.
    """
    ties = tied(graph, pinned, scheme)
    covered: dict[Tensor, Range] = {}
    floats = [t for t in graph.tensors() if not t.const and t.dtype == "float32"]
    for t in floats:
        root, r = ties.root(t), ranges[t]
        old = covered.get(root, r)
        covered[root] = Range(min(old.low, r.low), max(old.high, r.high))
    quants = {}
    for t in floats:
        quants[t] = ties.pin(t) or scheme.quant(_filled(covered[ties.root(t)]))
    copies = {(op, i): quants[op.y] for op, i in ties.copied}
    return Assigned(quants, copies)


def _filled(r: Range) -> Range:
    """`r`, or one that can be divided by where all values are 0."""
    if max(r.high, 0.0) - min(r.low, 0.0) > np.finfo(np.float32).tiny * 1024:
        return r
    return Range(0.0, 1.0)


class _Groups:
    """Tensors tied together; a pinned one is the root of its group."""

    def __init__(self, pins: Mapping[Tensor, Quant]) -> None:
        self.parent: dict[Tensor, Tensor] = {}
        self.pins = pins

    def root(self, t: Tensor) -> Tensor:
        while t in self.parent:
            t = self.parent[t]
        return t

    def tie(self, a: Tensor, b: Tensor) -> None:
        a, b = self.root(a), self.root(b)
        if a != b:
            child, parent = (b, a) if a in self.pins else (a, b)
            self.parent[child] = parent


def _tie(op: Op, groups: _Groups) -> list[tuple[Op, int]]:
    """Tie the tensors of `op`; answers the inputs that need a copy instead."""
    floats = [(i, t) for i, t in enumerate(op.inputs) if t and not t.const and t.dtype == "float32"]
    pins = {groups.pins.get(groups.root(t)) for _, t in floats}
    copied = []
    for i, t in floats:
        if len(pins) > 1 and groups.root(t) in groups.pins:
            copied.append((op, i))
        else:
            groups.tie(t, op.y)
    for y in op.outputs:
        groups.tie(y, op.y)
    return copied


def real(values: Array, quant: Quant) -> Array:
    """The float32 that integers of `quant` stand for."""
    shape = [1] * values.ndim
    if quant.per_channel:
        shape[quant.axis] = -1
    scales = np.array(quant.scales, np.float32).reshape(shape if quant.per_channel else ())
    zeros = np.array(quant.zero_points, np.int64).reshape(shape if quant.per_channel else ())
    found: Array = (values.astype(np.int64) - zeros).astype(np.float32) * scales
    return found


def quantized(values: Array, quant: Quant, low: int, high: int, dtype: str) -> Array:
    """Real values as integers of `quant`, a scale a slice of its axis or one for all."""
    shape = [1] * values.ndim
    if quant.per_channel:
        shape[quant.axis] = -1
    scales = np.array(quant.scales).reshape(shape if quant.per_channel else ())
    zeros = np.array(quant.zero_points).reshape(shape if quant.per_channel else ())
    steps = np.rint(values.astype(np.float64) / scales) + zeros
    clipped: Array = np.clip(steps, low, high).astype(dtype)
    return clipped


def weight_scales(
    peaks: Array, bias: Array, x: Quant, y: Quant, scheme: Scheme
) -> tuple[float, ...]:
    """A scale a channel, for weights of the magnitudes `peaks` (channels,).

    It is so coarse that the bias fits beside the products, and is never 0.
    """
    least = np.abs(bias) / (MOST_BIAS[scheme.bias] * x.scale)
    scales = np.maximum(peaks / scheme.most, least)
    scales = np.where(peaks > 0, scales, np.maximum(least, LEAST_FACTOR * y.scale / x.scale))
    return tuple(float(s) for s in scales.astype(np.float32))


def weight_quant(r: Range, bias: Array, x: Quant, y: Quant, scheme: Scheme) -> Quant:
    """One scale and zero point for weights in `r`, which holds 0: coarse as in `weight_scales`."""
    least = float(np.abs(bias).max(initial=0.0)) / (MOST_BIAS[scheme.bias] * x.scale)
    steps = scheme.high - scheme.low
    if r.low == r.high:
        return scheme.quant(Range(0.0, steps * max(least, LEAST_FACTOR * y.scale / x.scale)))
    wider = max(1.0, steps * least / (r.high - r.low))
    return scheme.quant(Range(r.low * wider, r.high * wider))
