"""Targets turn a graph into a Plan, and a Plan into an Artifact; a board states which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ascua.artifact import Artifact
from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.files.folders import Form
from ascua.ir import Array, Graph
from ascua.plan import Goal, Plan, plan
from ascua.targets import c
from ascua.targets.c.names import identifier

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class Target(Generic[A]):
    """What makes a network run on a kind of boards.

    `lower(graph, board, goal)` plans, and raises Unsupported where an operator cannot run there.
    `emit(plan, name)` makes the artifact, with a step for each of the plan's; it raises InputError
    for a name that will not do, and `named(text)` makes one of any text.

    `ascua compile` writes a folder of that `form`: the artifact, what `extras` adds for people and
    their tools, such as a test with vectors (samples and outputs, (n, *shape) each) and names of
    classes, all of it side by side where it is to be `flat`, and says the `usage`.
    """

    lower: Callable[[Graph, Board, Goal], Plan]
    emit: Callable[[Plan, str], A]
    named: Callable[[str], str]
    form: Form
    extras: Callable[[A, Sequence[Array], Sequence[Array], Sequence[str]], Mapping[str, bytes]]
    flat: Callable[[A, Mapping[str, bytes]], Mapping[str, bytes]]
    usage: Callable[[A], str]


TARGETS: Mapping[str, Target[Any]] = {
    "c": Target(plan, c.emit, identifier, c.FORM, c.extras, c.flat, c.usage)
}
"""Every target by the name that boards state."""


def of(board: Board) -> Target[Any]:
    """The target of `board`. Raises Unsupported for one that Ascua does not write yet."""
    if board.target not in TARGETS:
        raise Unsupported(
            f"{board.name}: it runs no C that Ascua writes; its target is {board.target!r}.",
            [
                f"Of a float model: `ascua compile MODEL --data D --board {board.name} -o"
                " MODEL.kmodel` makes what it runs.",
                f"Choose a board of the target {' or '.join(map(repr, TARGETS))}: `ascua boards`.",
            ],
        )
    return TARGETS[board.target]
