"""Several plans as one, so that one firmware runs them: each as it was planned alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ascua.boards import Board
from ascua.ir import Graph
from ascua.plan import Arena, Buffer, Call, Plan, Step, View


def joined(graph: Graph, plans: Sequence[Plan], board: Board) -> Plan:
    """The steps of `plans` in turn, their arenas behind each other; `graph` is all of theirs.

    Of networks without states.
    """
    steps: list[Step] = []
    buffers: list[Buffer] = []
    inputs: list[View] = []
    outputs: list[View] = []
    base = 0
    for plan in plans:
        moved = _Moved(plan, base)
        for step in plan.steps:
            name = f"step_{len(steps):02d}_{step.op.kind}"
            steps.append(replace(step, name=name, calls=tuple(map(moved.call, step.calls))))
        buffers += map(moved.buffer, plan.buffers)
        inputs += map(moved.view, plan.inputs)
        outputs += map(moved.view, plan.outputs)
        base += plan.arena.bytes
    arena = Arena(plans[0].arena.memory, base, base, base)
    return Plan(
        graph, board, plans[0].goal, tuple(steps), tuple(buffers), tuple(inputs), tuple(outputs),
        (arena,),
    )  # fmt: skip


class _Moved:
    """What lies `base` bytes further on."""

    def __init__(self, plan: Plan, base: int) -> None:
        self.base = base
        self.buffers = {b: replace(b, offset=b.offset + base) for b in plan.buffers}

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
