"""Two networks side by side: layer by layer, and in their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ascua.compare.answers import MOST_CLASSES, Answers, answers, check_labels
from ascua.compare.cuts import Follower
from ascua.compare.layers import LayerPair, Sums, measure, run
from ascua.compare.network import Network, Observed, batch, check_range, check_together, prepared
from ascua.compare.pairing import Pair, layers, pairs
from ascua.compare.samples import Samples
from ascua.errors import InputError
from ascua.ir import Array
from ascua.nearness import decibels

__all__ = [
    "Answers", "Comparison", "LayerPair", "Network", "Observed", "Samples", "check",
    "check_ranges", "compare", "prepared",
]  # fmt: skip

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


class Comparison(NamedTuple):
    """What became of a comparison of network B with network A."""

    a: str
    b: str
    samples: int
    layers: tuple[LayerPair, ...]
    """In A's order; the inputs first."""
    alone_a: tuple[str, ...]
    """Layers of A that have no twin in B."""
    alone_b: tuple[str, ...]
    cut_samples: int
    """Samples that the cuts were made on; 0 without."""
    start: float | None
    """A's accuracy on those."""
    output_sqnr_db: float
    """Of the first output."""
    answers: Answers | None
    """None where the first output has one value, and so no classes."""

    def __repr__(self) -> str:
        near = f"{self.output_sqnr_db:.1f} dB of signal to error"
        return f"Comparison({self.a!r}, {self.b!r}, {self.samples} samples, {near})"


def check(a: Network, b: Observed, samples: Samples) -> None:
    """Raise InputError unless both networks and the labels of the samples go together."""
    check_together(a, b)
    classes = a.graph.outputs[0].size
    if samples.labels is not None:
        if classes < 2:
            raise InputError(
                f"{a.name}: its first output is one value: there are no classes to choose from.",
                ["Leave out the labels: then the layers are compared."],
            )
        if samples.classes and len(samples.classes) != classes:
            raise InputError(
                f"{samples.source}: it has {len(samples.classes)} classes, and the networks answer"
                f" {classes}.",
                ["Give the data set that the networks were trained on."],
            )
        check_labels(samples.labels, classes, samples.source)


def check_ranges(a: Network, b: Observed, samples: Samples) -> None:
    """Raise InputError unless the values of the samples are those that quantised inputs take."""
    xs = samples.real(a.graph, 0, 256)
    check_range(a, xs)
    check_range(b, xs)


def compare(
    a: Network, b: Observed, samples: Samples, *, top: int = 5, cuts: int = 0,
    progress: Progress | None = None, cut_progress: Progress | None = None,
) -> Comparison:  # fmt: skip
    """Run both on all samples, and follow the answers through the layers on `cuts` of them.

    `check` and `check_ranges` come first. Raises InputError (NaN), Unsupported, ModelError.
    """
    paired = pairs(a.graph, b.graph)
    sums = {p.a: Sums(p, held=(a.integers(p.a), b.integers(p.b))) for p in paired}
    scores = _Scores()
    for start, stop in _spans(a, b, paired, samples.count):
        both = measure(a, b, paired, samples.real(a.graph, start, stop), sums)
        scores.add(*(ys[0].reshape(stop - start, -1) for ys in both))
        if progress:
            progress(stop, samples.count)
    follower = _follow(a, b, paired, samples.chosen(cuts), cut_progress) if cuts else None
    found = follower.cuts(labelled=samples.labels is not None) if follower else {}
    first = {p.at: p.a for p in reversed(paired)}
    measured = [
        sums[p.a].layer()._replace(cut=found.get(p.at) if first[p.at] == p.a else None)
        for p in paired
    ]
    twins = {t for p in paired for t in (p.a, p.b)}
    alone = [tuple(op.name for op in layers(g) if op.y not in twins) for g in (a.graph, b.graph)]
    ya, yb = scores.joined()
    enough = 1 < ya.shape[1] <= MOST_CLASSES
    k = max(1, min(top, ya.shape[1] - 1))
    return Comparison(
        a=a.name,
        b=b.name,
        samples=samples.count,
        layers=tuple(measured),
        alone_a=alone[0],
        alone_b=alone[1],
        cut_samples=follower.samples if follower else 0,
        start=follower.start() if follower and samples.labels is not None else None,
        output_sqnr_db=decibels(float((ya**2).sum()), float(((yb - ya) ** 2).sum())),
        answers=answers(ya, yb, samples.labels, samples.index, k) if enough else None,
    )


class _Scores:
    """The first output of both networks, batch after batch."""

    def __init__(self) -> None:
        self.parts: tuple[list[Array], list[Array]] = ([], [])

    def add(self, a: Array, b: Array) -> None:
        for side, y in zip(self.parts, (a, b), strict=True):
            side.append(y.astype(np.float64))

    def joined(self) -> tuple[Array, Array]:
        return np.concatenate(self.parts[0]), np.concatenate(self.parts[1])


def _spans(a: Network, b: Observed, paired: tuple[Pair, ...], count: int) -> list[tuple[int, int]]:
    """The batches, from where to where."""
    step = batch(a, b, {p.b for p in paired})
    return [(start, min(start + step, count)) for start in range(0, count, step)]


def _follow(
    a: Network, b: Observed, paired: tuple[Pair, ...], samples: Samples, progress: Progress | None
) -> Follower:
    """The answers of A behind each layer of B."""
    follower = Follower(a, b, paired)
    keep = {p.b: p.a for p in paired}
    for start, stop in _spans(a, b, paired, samples.count):
        xs = samples.real(a.graph, start, stop)
        theirs, _ = run(b, xs, keep)
        _, ys = run(a, xs, {})
        labels = None if samples.labels is None else samples.labels[start:stop]
        follower.add(ys[0].reshape(stop - start, -1), xs, theirs, labels)
        if progress:
            progress(stop, samples.count)
    return follower
