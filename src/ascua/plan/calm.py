"""Leaves out kernels with more working memory than a goal or the board allows."""

from __future__ import annotations

from collections.abc import Sequence

from ascua.boards import Board
from ascua.ir import Graph
from ascua.plan.choose import Chosen
from ascua.plan.fit import STACK_BYTES
from ascua.plan.goal import BALANCED_ARENA, SPEED_ARENA, Goal
from ascua.plan.memory import Held, own_bytes


def calm(
    graph: Graph, every: Sequence[Sequence[Chosen]], board: Board, goal: Goal
) -> list[list[Chosen]]:
    """The options of each operator with which its step holds no more than is allowed.

    Where there is none, those that hold least.
    """
    if not every:
        return []
    tensors = Held(graph, [several[0] for several in every]).tensors
    whole = max(tensors)
    most = BALANCED_ARENA * whole
    if goal.kind == "speed":
        most = max(most, whole + SPEED_ARENA)
    ram = board.memory("w")
    room = ram.bytes - sum(s.tensor.bytes for s in graph.states) - STACK_BYTES if ram else most
    if whole <= room:  # else nothing helps
        most = min(most, room)
    found = []
    for held, several in zip(tensors, every, strict=False):
        own = [own_bytes(o) for o in several]
        limit = max(most - held, min(own))
        found.append([o for o, n in zip(several, own, strict=True) if n <= limit])
    return found
