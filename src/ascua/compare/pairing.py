"""Which activation of one network is which of another: by name, else by structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ascua.ir import Graph, Op, Tensor

BETWEEN = ("QUANTIZE", "DEQUANTIZE")
"""Operators that change how values are held, and compute nothing; so do views."""


class Pair(NamedTuple):
    """Activations of two networks that stand for the same real values."""

    a: Tensor
    b: Tensor
    op: str
    """The first network's operator, by TFLite's name; INPUT of an input."""
    at: int
    """Its place in the first network's order; -1 of an input."""


def pairs(a: Graph, b: Graph) -> tuple[Pair, ...]:
    """The pairs in the order of `a`: inputs by position, layers by name, the rest by structure.

    By structure: the longest common subsequence of layers of one operator with outputs and weights
    of one shape; where their inputs contradict it, a pair is dropped.
    """
    found = dict(zip(a.inputs, b.inputs, strict=True))
    named = _by_name(a, b)
    taken = set(named.values())
    left = [op for op in layers(a) if op not in named]
    right = [op for op in layers(b) if op not in taken]
    aligned = {left[i]: right[j] for i, j in common([*map(key, left)], [*map(key, right)])}
    result = [Pair(t, found[t], "INPUT", -1) for t in a.inputs]
    for at, p in enumerate(a.ops):
        q = named.get(p) or aligned.get(p)
        if q is None or (p not in named and _contradicts(p, q, found, a, b)):
            continue
        found |= zip(p.outputs, q.outputs, strict=True)
        result += [Pair(t, u, p.tflite, at) for t, u in zip(p.outputs, q.outputs, strict=True)]
    return tuple(result)


def layers(graph: Graph) -> list[Op]:
    """The operators that compute."""
    return [op for op in graph.ops if not between(op)]


def between(op: Op) -> bool:
    """Whether `op` only changes how values are held."""
    return op.view or op.tflite in BETWEEN


def source(t: Tensor, graph: Graph) -> Tensor:
    """The layer's output or the input that `t` holds in another way."""
    while (op := graph.makers.get(t)) is not None and between(op) and op.activations:
        t = op.activations[0]
    return t


def key(op: Op) -> tuple[object, ...]:
    """What two layers have in common that are the same by structure."""
    weights = next((t.shape for t in op.inputs if t is not None and t.const), None)
    return op.tflite, tuple(t.shape for t in op.outputs), weights


def common(xs: Sequence[object], ys: Sequence[object]) -> list[tuple[int, int]]:
    """The positions of a longest common subsequence."""
    return heaviest([[float(x == y) for y in ys] for x in xs])


def heaviest(weights: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The pairs (i, j), both ascending, of the greatest sum of weights[i][j]; 0 makes no pair."""
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            pair = best[i + 1][j + 1] + weights[i][j] if weights[i][j] else 0.0
            best[i][j] = max(pair, best[i + 1][j], best[i][j + 1])
    i = j = 0
    found = []
    while i < rows and j < columns:
        if weights[i][j] and best[i][j] == best[i + 1][j + 1] + weights[i][j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _by_name(a: Graph, b: Graph) -> dict[Op, Op]:
    """Layers of `b` by those of `a` whose outputs have their names and shapes."""
    theirs = {q.name: q for q in layers(b)}
    found = {}
    for p in layers(a):
        q = theirs.get(p.name)
        if q is not None and [t.shape for t in p.outputs] == [t.shape for t in q.outputs]:
            found[p] = q
    return found


def _contradicts(p: Op, q: Op, found: Mapping[Tensor, Tensor], a: Graph, b: Graph) -> bool:
    """Whether `p` reads something else than `q`, as far as pairs tell."""
    reads = {source(t, b) for t in q.activations}
    paired = set(found.values())
    wanted = [found.get(source(t, a)) for t in p.activations]
    missing = any(t is not None and t not in reads for t in wanted)
    return missing and reads <= paired
