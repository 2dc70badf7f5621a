"""Runs a float graph and its quantised twin side by side, and improves each layer as it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ascua.inputs import quantize as to_integers
from ascua.ir import Array, Graph, Op, Tensor, each
from ascua.ops import Weighted
from ascua.quantize.fidelity import dequantized
from ascua.quantize.floats import compute
from ascua.quantize.ranges import Progress

BYTES = 1 << 29
"""What the widest operator's float inputs and outputs may take: else fewer samples are used."""

CHUNK = 1 << 24
"""Bytes of float inputs and outputs that are computed at once."""


class Improve(Protocol):
    """Makes a better quantised layer out of a float one and its inputs on both sides."""

    def __call__(self, real: Weighted, small: Weighted, x: Array, xq: Array) -> Weighted:
        """`small` improved: `x` (n, *shape) is what `real` reads, `xq` what `small` does, real."""


class BothSides:
    """The values of a float graph and of its quantised twin, as far as the twin is made."""

    def __init__(
        self,
        graph: Graph,
        xs: Sequence[Array],
        improve: Sequence[Improve],
        progress: Progress | None = None,
    ) -> None:
        widest = max(_bytes(op) for op in graph.ops)
        count = min(len(xs[0]), max(1, BYTES // widest))
        at = np.linspace(0, len(xs[0]) - 1, count).astype(int)
        self.graph = graph
        self.improve = improve
        self.progress = progress
        self.done = 0
        self.real = dict(zip(graph.inputs, (x[at] for x in xs), strict=True))
        self.small: dict[Tensor, Array] = {}
        """By the float tensor, as `real`."""

    def __call__(self, op: Op, made: list[Op], twin: Callable[[Tensor], Tensor]) -> list[Op]:
        """`made` of `op` (its twin is the last), improved; both sides are then run."""
        for t in op.activations:
            if t not in self.small:  # an input of the graph
                self.small[t] = to_integers(self.real[t], twin(t))
        values = {twin(t): self.small[t] for t in op.activations}
        for before in made[:-1]:
            values |= _run(before, values)
        last = made[-1]
        if isinstance(op, Weighted) and isinstance(last, Weighted):
            for improve in self.improve:
                xq = dequantized(values[last.x], last.x)
                last = improve(op, last, self.real[op.x], xq)
        values |= _run(last, values)
        self.small |= {t: values[y] for t, y in zip(op.outputs, last.outputs, strict=True)}
        xs = [self.real[t] for t in op.activations]
        ys = in_chunks(op, xs, lambda *parts: compute(op, *parts))
        self.real |= zip(op.outputs, ys, strict=True)
        for t in (*op.activations, *op.outputs):
            if self.graph.last_use[t] == self.done:
                self.real.pop(t, None)
                self.small.pop(t, None)
        self.done += 1
        if self.progress:
            self.progress(self.done, len(self.graph.ops))
        return [*made[:-1], last]


def _bytes(op: Op) -> int:
    return sum(4 * t.size for t in (*op.activations, *op.outputs))


def _run(op: Op, values: dict[Tensor, Array]) -> dict[Tensor, Array]:
    """The outputs of a quantised operator, by tensor."""
    xs = [values[t] for t in op.activations]
    ys = in_chunks(op, xs, lambda *parts: each(op.run(*parts)))
    return dict(zip(op.outputs, ys, strict=True))


def in_chunks(
    op: Op, xs: Sequence[Array], run: Callable[..., tuple[Array, ...]]
) -> tuple[Array, ...]:
    """`run` of samples (n, *shape), a few at a time."""
    step = max(1, CHUNK // _bytes(op))
    parts = [run(*(x[i : i + step] for x in xs)) for i in range(0, len(xs[0]), step)]
    return tuple(np.concatenate(ys) for ys in zip(*parts, strict=True))
