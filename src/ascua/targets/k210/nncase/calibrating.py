"""The ranges of activations as each version of nncase found them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ascua.ir import Array, Graph, Tensor
from ascua.quantize.floats import batches, compute
from ascua.quantize.ranges import Progress
from ascua.quantize.rules import Range
from ascua.targets.k210.fused import Fused
from ascua.targets.k210.nncase import beta2, rc5


class Seen(NamedTuple):
    """What calibration found."""

    ranges: dict[Tensor, Range]
    padded: dict[Tensor, Range]
    """Of what dense passes make on the whole of their map, by their output; of 0.1.0-rc5 alone."""


def averaged(graph: Graph, xs: Sequence[Array], progress: Progress | None = None) -> Seen:
    """Of 0.1.0-rc5: the range of the first image, and a hundredth of each further one's.

    A vector is one pixel of a map of 4x4; of the others a pass makes its bias.
    """
    found = Seen({}, {})
    for t, y in walked(graph, xs, progress):
        maker, rest = graph.makers.get(t), None
        if isinstance(maker, Fused) and maker.dense:
            rest = np.asarray(maker.curve.function(maker.kernel.bias)).reshape(-1)
        for one in y.reshape(len(y), -1):
            found.ranges[t] = rc5.moved(found.ranges.get(t), rc5.range_of(one))
            if rest is not None:
                whole = rc5.range_of(np.concatenate([one, rest]))
                found.padded[t] = rc5.moved(found.padded.get(t), whole)
    return found


def covered(
    graph: Graph, xs: Sequence[Array], progress: Progress | None = None, *, l2: bool
) -> Seen:
    """Of 0.2.0-beta2: the range of all values, or with `l2` its part of least squared error."""
    ends: dict[Tensor, Range] = {}
    for t, y in walked(graph, xs, None if l2 else progress):
        low, high = ends.get(t, (np.inf, float(np.finfo(np.float32).tiny)))
        ends[t] = Range(min(low, float(y.min())), max(high, float(y.max())))
    ranges = {t: beta2.fixed_up(r) for t, r in ends.items()}
    if not l2:
        return Seen(ranges, {})
    counts = {t: np.zeros(beta2.BINS) for t in ranges}
    for t, y in walked(graph, xs, progress):
        counts[t] += beta2.histogram(y, ranges[t])
    return Seen({t: beta2.least_squares(counts[t], r) for t, r in ranges.items()}, {})


def walked(
    graph: Graph, xs: Sequence[Array], progress: Progress | None
) -> Iterator[tuple[Tensor, Array]]:
    """Each activation that an operator makes, and its values (m, *shape)."""
    done = 0
    for batch in batches(graph, xs):
        yield from ((t, y) for t, y in graph.walk(batch, compute) if t in graph.makers)
        done += len(batch[0])
        if progress:
            progress(done, len(xs[0]))
