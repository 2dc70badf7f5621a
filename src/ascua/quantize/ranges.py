"""Ranges of activations over calibration data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ascua.ir import Array, Graph
from ascua.quantize.floats import batches, compute
from ascua.quantize.rules import Range


def calibrate(
    graph: Graph, xs: Sequence[Array], progress: Callable[[int, int], None] | None = None
) -> dict[int, Range]:
    """The least and the greatest value of each activation, by identity."""
    found: dict[int, Range] = {}
    done = 0
    for batch in batches(graph, xs):
        for t, y in graph.walk(batch, compute):
            if y.dtype.kind == "f":
                low, high = float(y.min()), float(y.max())
                old = found.get(id(t), Range(low, high))
                found[id(t)] = Range(min(low, old.low), max(high, old.high))
        done += len(batch[0])
        if progress:
            progress(done, len(xs[0]))
    return found
