"""The reference: the operators' `eval`, in parts of bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ascua.executors import Answer, Progress
from ascua.ir import Array, Graph

CHUNK_BYTES = 1 << 21
"""Activations that it holds at once are a small multiple of this: what caches hold, for larger
arrays take twice the time."""


@dataclass(frozen=True)
class Reference:
    """Ascua's own computation, which boards are compared with in every run."""

    name: ClassVar[str] = "reference"

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """As `Executor.run`; it raises nothing."""
        n = len(xs[0])
        largest = max((t.size for t in graph.tensors() if not t.const), default=1)
        chunk = 1 if graph.states else max(1, min(n, CHUNK_BYTES // (8 * largest)))
        left = graph.initial(1) if states is None else tuple(states)
        parts: list[list[Array]] = []
        for start in range(0, n, chunk):
            ys, left = graph.eval(
                [x[start : start + chunk] for x in xs], left if graph.states else None
            )
            parts.append([ys[t.name] for t in graph.outputs])
            if progress:
                progress(min(start + chunk, n), n)
        return Answer([np.concatenate(ys) for ys in zip(*parts, strict=True)], left)


def reference(
    graph: Graph, xs: Sequence[Array] | Array, progress: Progress | None = None
) -> list[Array]:  # fmt: skip
    """The reference's outputs (n, *shape) on `xs`: an array an input, or that of the only one."""
    xs = [xs] if isinstance(xs, np.ndarray) else xs
    return Reference().run(graph, xs, progress=progress).outputs
