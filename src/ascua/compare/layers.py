"""How near each layer of a network comes to its twin in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ascua.compare.cuts import Cut
from ascua.compare.network import Integers, Network, Observed, real
from ascua.compare.pairing import Pair
from ascua.errors import layer_of
from ascua.ir import Array, Tensor
from ascua.nearness import cosine, decibels

Sources = Callable[[int, int], list[Array]]
"""Real samples (n, *shape) an input, from a position up to another."""


class LayerPair(NamedTuple):
    """The outputs of one layer in network B beside those in A, over all samples."""

    name: str
    op: str
    shape: tuple[int, ...]
    sqnr_db: float
    own_sqnr_db: float
    """With the error that the layer itself adds: beside A's layer on B's inputs."""
    cosine: float
    max_error: float
    max_steps: float | None
    """`max_error` in quantised steps; None between two float networks."""
    mean_error: float
    """Mean of B - A: a bias."""
    at_ends_a: tuple[float, float] | None
    """Share of A's integers that are the least and the greatest of their type."""
    at_ends_b: tuple[float, float] | None
    fitted: bool
    """Whether B's file does not say the scale: `Integers.fitted`."""
    cut: Cut | None = None
    """What this layer costs the answers, where that was looked at."""

    @property
    def title(self) -> str:
        """The name for tables: the Keras layer that it tells, or, of merged layers, the first."""
        return layer_of(self.name) or self.name.partition(";")[0]


class Sums:
    """What a layer's figures are computed from, batch after batch."""

    def __init__(self, pair: Pair, held: tuple[Integers | None, Integers | None]) -> None:
        self.pair = pair
        self.held = held
        self.count = self.aa = self.bb = self.ab = self.ee = self.own = self.own_signal = 0.0
        self.error = self.largest = 0.0
        self.ends = np.zeros(2), np.zeros(2)

    def add(self, a: Array, b: Array) -> None:
        """Take in integers or reals `a` and `b` (n, ...) of both networks."""
        for held, q, ends in zip(self.held, (a, b), self.ends, strict=True):
            if held is not None:
                ends += [np.sum(q == held.least), np.sum(q == held.most)]
        x, y = (
            real(q, held).astype(np.float64).reshape(-1)
            for q, held in zip((a, b), self.held, strict=True)
        )
        e = y - x
        self.count += x.size
        self.aa, self.bb = self.aa + float(x @ x), self.bb + float(y @ y)
        self.ab += float(x @ y)
        self.ee += float(e @ e)
        self.error += float(e.sum())
        self.largest = max(self.largest, float(np.abs(e).max(initial=0.0)))

    def add_own(self, expected: Array, got: Array) -> None:
        """Take in real outputs: A's layer on B's inputs, and B's."""
        x = expected.astype(np.float64).reshape(-1)
        e = got.astype(np.float64).reshape(-1) - x
        self.own += float(e @ e)
        self.own_signal += float(x @ x)

    def layer(self) -> LayerPair:
        """The figures."""
        a, b = self.held
        scale = next((held.scale for held in (b, a) if held), None)
        ends = [
            (float(low), float(high)) if held else None
            for held, (low, high) in zip(
                self.held, (e / self.count for e in self.ends), strict=True
            )
        ]
        return LayerPair(
            name=self.pair.a.name,
            op=self.pair.op,
            shape=self.pair.a.shape,
            sqnr_db=decibels(self.aa, self.ee),
            own_sqnr_db=decibels(self.own_signal, self.own),
            cosine=cosine(self.aa, self.bb, self.ab),
            max_error=self.largest,
            max_steps=self.largest / scale if scale else None,
            mean_error=self.error / self.count,
            at_ends_a=ends[0],
            at_ends_b=ends[1],
            fitted=b is not None and b.fitted,
        )


def measure(
    a: Network, b: Observed, paired: Sequence[Pair], xs: Sequence[Array], sums: dict[Tensor, Sums]
) -> tuple[list[Array], list[Array]]:
    """Take one batch of real samples `xs` into `sums`, which are by A's tensors.

    Answers the real outputs (n, *shape) of both.
    """
    theirs, outputs_b = run(b, xs, {p.b: p.a for p in paired})
    outputs_a: dict[Tensor, Array] = {}
    for t, y in a.walk(a.given(xs)):
        if t in sums:
            sums[t].add(y, theirs[t])
        if t in a.graph.outputs:
            outputs_a[t] = real(y, a.integers(t))
    held = {p.a: b.integers(p.b) for p in paired}

    def instead(t: Tensor, y: Array) -> Array:
        if t not in held:
            return y
        got = real(theirs[t], held[t])
        sums[t].add_own(real(y, a.integers(t)), got)
        return a.own(got, t)

    a.rerun(xs, instead)
    return [outputs_a[t] for t in a.graph.outputs], outputs_b


def run(
    net: Observed, xs: Sequence[Array], keep: Mapping[Tensor, Tensor]
) -> tuple[dict[Tensor, Array], list[Array]]:
    """The activations to `keep` as they are, under their new keys, and the real outputs."""
    kept: dict[Tensor, Array] = {}
    outputs: dict[Tensor, Array] = {}
    for t, y in net.walk(net.given(xs)):
        if t in keep:
            kept[keep[t]] = y
        if t in net.graph.outputs:
            outputs[t] = real(y, net.integers(t))
    return kept, [outputs[t] for t in net.graph.outputs]
