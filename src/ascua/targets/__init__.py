"""Targets turn a graph into a Plan, and a Plan into files; a board states which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.ir import Graph
from ascua.library import Library
from ascua.plan import Goal, Plan, plan
from ascua.targets import c


@dataclass(frozen=True)
class Target:
    """What makes a network run on a kind of boards.

    `lower(graph, board, goal)` plans, and raises Unsupported where an operator cannot run there;
    `emit(plan, name)` writes the files, every symbol of which is prefixed with the name.
    """

    lower: Callable[[Graph, Board, Goal], Plan]
    emit: Callable[[Plan, str], Library]


TARGETS = {"c": Target(plan, c.emit)}
"""Every target by the name that boards state."""


def of(board: Board) -> Target:
    """The target of `board`. Raises Unsupported for one that Ascua does not write yet."""
    if board.target not in TARGETS:
        raise Unsupported(
            f"{board.name}: its target is {board.target!r}, which Ascua does not write yet.",
            [f"Choose a board of the target {' or '.join(map(repr, TARGETS))}: `ascua boards`."],
        )
    return TARGETS[board.target]
