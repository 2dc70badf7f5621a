"""Several plans as one, so that one firmware runs them: each as it was planned alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ascua.boards import Board
from ascua.errors import AscuaError, DoesNotFit
from ascua.ir import Array, Graph
from ascua.plan import Arena, Buffer, Call, Plan, Step, View, check_fit
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit


def joined(graph: Graph, plans: Sequence[Plan], board: Board) -> Plan:
    """The steps of `plans` in turn, their arenas behind each other; `graph` is all of theirs.

    Of networks without states. Everything lies in the board's own memory for variables.
    """
    region = board.memory("w")
    memory = region.name if region else "ram"
    steps: list[Step] = []
    buffers: list[Buffer] = []
    inputs: list[View] = []
    outputs: list[View] = []
    base = 0
    for plan in plans:
        moved = _Moved(plan, memory, base)
        for step in plan.steps:
            name = f"step_{len(steps):02d}_{step.op.kind}"
            steps.append(replace(step, name=name, calls=tuple(map(moved.call, step.calls))))
        buffers += map(moved.buffer, plan.buffers)
        inputs += map(moved.view, plan.inputs)
        outputs += map(moved.view, plan.outputs)
        base += plan.arena.bytes
    arena = Arena(memory, base, base, base)
    return Plan(
        graph, board, plans[0].goal, tuple(steps), tuple(buffers), tuple(inputs), tuple(outputs),
        (arena,),
    )  # fmt: skip


class _Moved:
    """What lies `base` bytes further on, in a memory."""

    def __init__(self, plan: Plan, memory: str, base: int) -> None:
        assert len(plan.arenas) == 1
        self.base = base
        self.buffers = {b: replace(b, memory=memory, offset=b.offset + base) for b in plan.buffers}

    def buffer(self, b: Buffer) -> Buffer:
        return self.buffers[b]

    def view(self, v: View) -> View:
        rows = None if v.rows is None else tuple(r + self.base for r in v.rows)
        return replace(v, buffer=self.buffers[v.buffer], rows=rows)

    def call(self, c: Call) -> Call:
        return replace(
            c,
            reads=tuple(map(self.view, c.reads)),
            writes=tuple(map(self.view, c.writes)),
            lines=c.lines and self.buffers[c.lines],
            scratch=c.scratch and self.buffers[c.scratch],
        )


@dataclass(frozen=True, eq=False)
class Case:
    """A network as planned, its samples (n, *shape) an input, and what comes of them."""

    plan: Plan
    xs: list[Array]
    expected: list[Array]


def differing(cases: Sequence[Case], board: Board, folder: Path) -> list[str]:
    """What goes wrong with `cases` on a board, in words: as many at once as it takes.

    On this computer with sanitizers. A network that the board has no room for counts as right.
    """
    together = Graph(
        "joined",
        tuple(t for c in cases for t in c.plan.graph.inputs),
        tuple(t for c in cases for t in c.plan.graph.outputs),
        tuple(op for c in cases for op in c.plan.graph.ops),
    )
    plan = joined(together, [c.plan for c in cases], board)
    n = len(cases[0].xs[0])
    try:
        check_fit(plan)
        given = pack([x for c in cases for x in c.xs])
        outcome = run(board, emit(plan, "net"), given, n, build_dir=folder,
                      sanitize=board.name == "host")  # fmt: skip
    except AscuaError as e:
        if len(cases) > 1:
            half = len(cases) // 2
            return [
                *differing(cases[:half], board, folder),
                *differing(cases[half:], board, folder),
            ]
        return [] if isinstance(e, DoesNotFit) else [f"{_said(cases[0])}: {e.what}"]
    found = []
    ys = iter(unpack(outcome.outputs, together, n))
    for c in cases:
        for t, expected in zip(c.plan.graph.outputs, c.expected, strict=True):
            y = next(ys)
            wrong = np.argwhere(y != expected)
            if len(wrong):
                at = [int(i) for i in wrong[0]]
                found.append(f"{_said(c)}: '{t.name}'{at}, and {len(wrong)} of {y.size} values")
    return found


def _said(c: Case) -> str:
    return f"{c.plan.graph.name} as planned for {c.plan.board.name}, {c.plan.goal.kind}"
