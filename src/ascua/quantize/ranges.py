"""Ranges of activations over calibration data, by several methods, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import numpy as np

from ascua.ir import Array, Graph, Tensor
from ascua.quantize.floats import batches, compute
from ascua.quantize.options import Options, Ranges
from ascua.quantize.rules import Range

BINS = 4096
"""Of a histogram on either side of zero; at least half of one side are in use."""

MEMORY = 0.95
"""The part of a moving average that stays at each sample."""

LEVELS = 255
"""Steps of an 8-bit range."""

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


class Observer:
    """What has been seen of one activation."""

    def __init__(self, *, histogram: bool) -> None:
        self.low, self.high = np.inf, -np.inf
        self.mean: Range | None = None
        self.histogram = Histogram() if histogram else None

    def see(self, y: Array) -> None:
        """Take in samples (m, ...)."""
        flat = y.reshape(len(y), -1)
        lows, highs = flat.min(axis=1), flat.max(axis=1)
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
            old, new = self.mean or Range(low, high), 1 - MEMORY
            self.mean = Range(MEMORY * old.low + new * low, MEMORY * old.high + new * high)
        self.low = min(self.low, float(lows.min()))
        self.high = max(self.high, float(highs.max()))
        if self.histogram is not None:
            self.histogram.see(flat.reshape(-1))

    def range(self, method: Ranges, percentile: float) -> Range:
        """The range by `method`; never wider than what was seen, but it holds 0."""
        whole = Range(min(self.low, 0.0), max(self.high, 0.0))
        if method == "minmax" or whole.low == whole.high:
            return whole
        if method == "moving-average":
            assert self.mean is not None
            return Range(min(self.mean.low, 0.0), max(self.mean.high, 0.0))
        assert self.histogram is not None
        if method == "percentile":
            return self.histogram.percentile(percentile, whole)
        return self.histogram.least(kl if method == "kl" else squared, whole)


class Histogram:
    """Counts of values in bins of one width; it widens by powers of two as values come."""

    def __init__(self) -> None:
        self.limit = 2.0**-20
        self.counts = np.zeros(2 * BINS)
        self.zeros = 0

    def see(self, y: Array) -> None:
        """Take in finite values (n,); zeros are counted apart, as they are always exact."""
        size = y.size
        y = y[y != 0]
        top = float(np.abs(y).max(initial=0.0))
        while top >= self.limit:
            half = self.counts.reshape(2, BINS // 2, 2).sum(axis=2)
            self.counts = np.concatenate([np.zeros(BINS // 2), *half, np.zeros(BINS // 2)])
            self.limit *= 2
        at = np.floor(y * np.float32(BINS / self.limit)).astype(np.int32) + BINS
        self.counts += np.bincount(np.minimum(at, 2 * BINS - 1), minlength=2 * BINS)
        self.zeros += size - y.size

    @property
    def width(self) -> float:
        """Of one bin."""
        return self.limit / BINS

    @property
    def centers(self) -> Array:
        """The middle of each bin."""
        centers: Array = (np.arange(-BINS, BINS) + 0.5) * self.width
        return centers

    def percentile(self, percent: float, whole: Range) -> Range:
        """The least range that leaves out (100 - percent) / 2 % of all values on either side."""
        counts = self.counts.copy()
        counts[BINS] += self.zeros
        total = np.cumsum(counts)
        outside = (1 - percent / 100) / 2 * total[-1]
        first = int(np.searchsorted(total, outside, side="right"))
        last = int(np.searchsorted(total, total[-1] - outside, side="left"))
        low, high = (first - BINS) * self.width, (last + 1 - BINS) * self.width
        return Range(max(min(low, 0.0), whole.low), min(max(high, 0.0), whole.high))

    def least(self, error: Callable[[Array, Array, Range], float], whole: Range) -> Range:
        """The part of `whole` of the least `error`: both ends at first, then each by itself."""
        used = self.counts > 0
        counts, centers = self.counts[used], self.centers[used]
        best, found = error(counts, centers, whole), whole

        def look(candidates: Sequence[Range]) -> None:
            nonlocal best, found
            for r in candidates:
                if r.low < r.high and (e := error(counts, centers, r)) < best:
                    best, found = e, r

        parts = np.linspace(1.0, 0.1, 73)[1:].tolist()
        look([Range(whole.low * p, whole.high * p) for p in parts])
        if whole.low < 0 < whole.high:
            start = found
            look([Range(whole.low * p, start.high) for p in (1.0, *parts)])
            start = found
            look([Range(start.low, whole.high * p) for p in (1.0, *parts)])
        return found


def squared(counts: Array, centers: Array, r: Range) -> float:
    """The squared error of values under `r`."""
    step = (r.high - r.low) / LEVELS
    zero = round(-r.low / step)
    steps = np.clip(np.rint(centers / step) + zero, 0, LEVELS) - zero
    return float((counts * np.square(steps * step - centers)).sum())


def kl(counts: Array, centers: Array, r: Range) -> float:
    """What is lost of the distribution under `r`: the divergence of Kullback and Leibler.

    Values beyond the range count at its ends; within a step, the quantised distribution is even
    over the bins that are not empty.
    """
    inside = (centers >= r.low) & (centers <= r.high)
    if inside.sum() < 2:
        return np.inf
    p = counts[inside].copy()
    q = p.copy()
    at = centers[inside]
    p[0] += counts[centers < r.low].sum()
    p[-1] += counts[centers > r.high].sum()
    step = (r.high - r.low) / LEVELS
    levels = np.rint((at - r.low) / step).astype(np.int64)
    mass, bins = np.bincount(levels, q), np.bincount(levels)
    q = (mass / np.maximum(bins, 1))[levels]
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())


def observe(
    graph: Graph, xs: Sequence[Array], progress: Progress | None = None, *, histogram: bool
) -> dict[Tensor, Observer]:
    """What float activations of `graph` take for values on `xs` (n, *shape)."""
    found: dict[Tensor, Observer] = {}
    done = 0
    for batch in batches(graph, xs):
        for t, y in graph.walk(batch, compute):
            if y.dtype.kind == "f":
                found.setdefault(t, Observer(histogram=histogram)).see(y)
        done += len(batch[0])
        if progress:
            progress(done, len(xs[0]))
    return found


def ranges(
    observers: dict[Tensor, Observer], options: Options, whole: Container[Tensor] = ()
) -> dict[Tensor, Range]:
    """The range of each activation; those in `whole` are not clipped."""
    return {
        i: o.range("minmax" if i in whole else options.ranges, options.percentile)
        for i, o in observers.items()
    }


def largest(matrix: Array) -> Array:
    """The greatest magnitude (channels,) of weights (channels, k)."""
    peaks: Array = np.abs(matrix).max(axis=1, initial=0.0)
    return peaks


def weight_peaks(matrix: Array, most: int) -> Array:
    """The magnitude (channels,) at which weights (channels, k) are clipped for least error.

    `most` is the greatest magnitude of a quantised weight.
    """
    whole = largest(matrix)
    best = np.full(len(matrix), np.inf)
    found = whole.copy()
    for part in np.linspace(1.0, 0.4, 49):
        step = np.maximum(whole * part / most, np.finfo(np.float32).tiny)[:, None]
        error = np.square(np.clip(np.rint(matrix / step), -most, most) * step - matrix).sum(axis=1)
        better = error < best
        best[better], found[better] = error[better], whole[better] * part
    return found


def weight_range(values: Array) -> Range:
    """The range of least error for weights (n,) that share one scale and zero point."""
    whole = Range.of(values)
    if whole.low == whole.high:
        return whole
    seen = Histogram()
    seen.see(values)
    return seen.least(squared, whole)
