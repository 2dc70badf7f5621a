"""Which operators become one loop over rows: where the step then holds no more than before."""

from __future__ import annotations

from collections.abc import Sequence

from ascua.ir import Graph
from ascua.kernels import Rows, Run
from ascua.plan.choose import Chosen
from ascua.plan.memory import Held

Parts = tuple[Chosen, ...]


def joined(graph: Graph, chosen: Sequence[Chosen]) -> list[Parts]:
    """The steps for kernels in order: each for itself, or several that hand rows on."""
    held = Held(graph, chosen)
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
    last, work = step[-1].op, step[0].work
    return (
        isinstance(work, Rows)
        and last.y.shape[1] % work.block == 0
        and isinstance(second.work, Run)
        and second.work.each == last.y.shape[-1]  # work by elements, which are cheap
        and len(last.outputs) == 1
        and graph.readers[last.y] == (second.op,)
        and last.y not in graph.left
        and last.y.shape == second.op.y.shape
    )
