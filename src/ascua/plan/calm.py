"""Takes kernels with less working memory where a goal allows no larger arena."""

from __future__ import annotations

from collections.abc import Sequence

from ascua.boards import Board
from ascua.ir import Graph
from ascua.plan.choose import Chosen, price
from ascua.plan.fit import STACK_BYTES
from ascua.plan.goal import BALANCED_ARENA, SPEED_ARENA, Goal
from ascua.plan.memory import Held, own_bytes


def calmed(
    graph: Graph,
    chosen: Sequence[Chosen],
    every: Sequence[Sequence[Chosen]],
    board: Board,
    goal: Goal,
) -> list[Chosen]:
    """`chosen`, where a step holds more than goal or board allow the fastest option that does not.

    Where there is none, the one that holds least.
    """
    if not chosen:
        return []
    tensors = Held(graph, chosen).tensors
    whole = max(tensors)
    most = whole + SPEED_ARENA if goal.kind == "speed" else BALANCED_ARENA * whole
    ram = board.memory("w")
    room = ram.bytes - sum(s.tensor.bytes for s in graph.states) - STACK_BYTES if ram else most
    if whole <= room:  # else nothing helps
        most = min(most, room)
    found = []
    for held, c, options in zip(tensors, chosen, every, strict=False):
        if held + own_bytes(c) > most:
            modes = [o for o in options if o.inline == c.inline] or options
            fitting = [o for o in modes if held + own_bytes(o) <= most]
            c = min(fitting, key=price) if fitting else min(modes, key=own_bytes)
        found.append(c)
    return found
