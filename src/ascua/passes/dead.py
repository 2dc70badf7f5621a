"""What no output depends on, of this run or of a later one, can go."""

from __future__ import annotations

from dataclasses import replace

from ascua.ir import Graph, State


def drop_dead(graph: Graph) -> Graph:
    """Remove ops and states that no output depends on, of this run or of a later one."""
    states: list[State] = []
    while True:
        wanted = {*graph.outputs, *(s.after for s in states)}
        ops = []
        for op in reversed(graph.ops):
            if any(t in wanted for t in op.outputs):
                ops.append(op)
                wanted.update(t for t in op.inputs if t is not None)
        more = [s for s in graph.states if s.tensor in wanted and s not in states]
        if not more:
            kept = tuple(s for s in graph.states if s in states)
            return replace(graph, ops=tuple(reversed(ops)), states=kept)
        states += more
