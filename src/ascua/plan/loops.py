"""Which operators become one loop over rows: where the step then holds no more than before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ascua.ir import Graph
from ascua.kernels import Elementwise, Rows
from ascua.plan.choose import Chosen
from ascua.plan.memory import ALIGNMENT, lifetimes, line_bytes, roots_of
from ascua.plan.place import align

Parts = tuple[Chosen, ...]


def joined(graph: Graph, chosen: Sequence[Chosen]) -> list[Parts]:
    """The steps for kernels in order: each for itself, or several that hand rows on."""
    held = _Held(graph, chosen)
    found: list[Parts] = []
    for i, second in enumerate(chosen):
        if found and _hands_rows(graph, found[-1], second):
            longer = (*found[-1], second)
            first = i + 1 - len(longer)
            if held.together(longer, first) <= held.apart(first, i):
                found[-1] = longer
                continue
        found.append((second,))
    return found


def _hands_rows(graph: Graph, step: Parts, second: Chosen) -> bool:
    """Whether `second` can take each row of what `step` makes, and nobody else needs it."""
    last = step[-1].op
    return (
        isinstance(step[0].work, Rows)
        and isinstance(second.work, Elementwise)
        and len(last.outputs) == 1
        and graph.readers[last.y] == (second.op,)
        and last.y not in graph.left
        and last.y.shape == second.op.y.shape
    )


class _Held:
    """The bytes that are in use while each kernel runs as a step of its own."""

    def __init__(self, graph: Graph, chosen: Sequence[Chosen]) -> None:
        self.roots = roots_of(graph)
        change = [0] * (max(len(chosen), 1) + 1)
        for t, (first, last) in lifetimes(graph, self.roots, [(c,) for c in chosen]).items():
            change[first] += align(t.bytes, ALIGNMENT)
            change[last + 1] -= align(t.bytes, ALIGNMENT)
        self.tensors = list(accumulate(change))
        self.own = [
            sum(align(n, ALIGNMENT) for n in (line_bytes(c.op, c.work), c.kernel.scratch(c.op)))
            for c in chosen
        ]

    def apart(self, first: int, last: int) -> int:
        """Bytes at the fullest of the kernels from `first` to `last`."""
        return max(self.tensors[i] + self.own[i] for i in range(first, last + 1))

    def together(self, step: Parts, first: int) -> int:
        """Bytes while all kernels of `step`, from `first` on, run row by row."""
        made = sum(
            align(t.bytes, ALIGNMENT) for c in step[1:] for t in c.op.outputs if t not in self.roots
        )
        handed = [c.op.y for c in step[:-1]]
        rows = sum(align(t.bytes // t.shape[1], ALIGNMENT) for t in handed)
        spared = sum(align(t.bytes, ALIGNMENT) for t in handed)
        own = sum(self.own[first : first + len(step)])
        return self.tensors[first] + made - spared + rows + own
