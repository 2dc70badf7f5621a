"""Leaves out kernels with more working memory than a goal or the board allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ascua.boards import Board
from ascua.plan.choose import Chosen
from ascua.plan.course import live
from ascua.plan.fit import STACK_BYTES
from ascua.plan.flow import Flow, align, line_bytes
from ascua.plan.goal import BALANCED_ARENA, SPEED_ARENA, Goal


def calm(
    flow: Flow, every: Sequence[Sequence[Chosen]], board: Board, goal: Goal
) -> list[list[Chosen]]:
    """The options of each operator with which its step holds no more than is allowed.

    Where there is none, those that hold least.
    """
    if not every:
        return []
    tensors = [_whole(flow, i) for i in range(len(every))]
    whole = max(tensors)
    most = BALANCED_ARENA * whole
    if goal.kind == "speed":
        most = max(most, whole + SPEED_ARENA)
    if whole <= room(flow, every, board):  # else nothing helps
        most = min(most, room(flow, every, board))
    found = []
    for held, several in zip(tensors, every, strict=True):
        own = [_own(o) for o in several]
        limit = max(most - held, min(own))
        found.append([o for o, n in zip(several, own, strict=True) if n <= limit])
    return found


def room(flow: Flow, every: Sequence[Sequence[Chosen]], board: Board) -> float:
    """Bytes of RAM that a board has for arenas, in all its memories.

    Beside states and stack, and what constants take there at least where they are copied.
    """
    found = sum(m.bytes for m in board.memories if "w" in m.use)
    states = sum(s.tensor.bytes for s in flow.graph.states)
    copied = 0
    if board.core.constants == "copied":
        copied = sum(min(c.const_bytes for c in several) for several in every)
    return found - states - copied - STACK_BYTES if found else math.inf


def _whole(flow: Flow, i: int) -> int:
    """The bytes of the whole tensors that are there while an operator runs, in the file's order."""
    made = {flow.place[t] for t in flow.ops[i].outputs}
    return sum(align(flow.tensors[n].bytes) for n in live(flow, (1 << i) - 1) | made)


def _own(c: Chosen) -> int:
    """Bytes that a call works with beside its tensors: lines and scratch."""
    return line_bytes(c, alone=True) + align(c.kernel.scratch(c.op))
