"""Decides how a Graph runs on a Board: kernels, order, and where each tensor lies."""

from __future__ import annotations

from collections.abc import Sequence

from ascua.boards import Board
from ascua.ir import Graph
from ascua.kernels import Rows, Run, Sums
from ascua.plan.calm import calm
from ascua.plan.choose import Chosen, choose, ways
from ascua.plan.cost import Cost
from ascua.plan.fit import STACK_BYTES, check_fit
from ascua.plan.goal import BALANCED, GOALS, Goal, goal_named
from ascua.plan.loops import joined
from ascua.plan.memory import Placement, placed, rows_at_once
from ascua.plan.parts import STATES, Arena, Buffer, Call, Kept, Plan, Step, View

__all__ = [
    "BALANCED", "GOALS", "STACK_BYTES", "STATES", "Arena", "Buffer", "Call", "Cost", "Goal", "Kept",
    "Plan", "Step", "View", "check_fit", "goal_named", "plan",
]  # fmt: skip


def plan(graph: Graph, board: Board, goal: Goal = BALANCED) -> Plan:
    """Plan `graph` (as `passes.prepare` gives it) for `board`.

    Raises Unsupported where no kernel runs an operator. Whether it fits is for `check_fit`.
    """
    every = calm(graph, ways(graph, board, goal), board, goal)
    kernels = choose(every, board, goal)
    chosen = joined(graph, kernels) if goal.row_loops else [(c,) for c in kernels]
    memory = placed(graph, chosen, board, goal.tries)
    return Plan(
        graph=graph,
        board=board,
        goal=goal,
        steps=tuple(_step(i, parts, memory) for i, parts in enumerate(chosen)),
        buffers=memory.buffers,
        inputs=tuple(memory.view(t) for t in graph.inputs),
        outputs=tuple(memory.view(t) for t in graph.outputs),
        arenas=memory.arenas,
        states=tuple(memory.kept(s) for s in graph.states),
    )


def _step(i: int, parts: Sequence[Chosen], memory: Placement) -> Step:
    calls = tuple(_call(c, memory, rows_at_once(parts)) for c in parts)
    return Step(name=f"step_{i:02d}_{parts[-1].op.kind}", calls=calls)


def _call(c: Chosen, memory: Placement, rows: int) -> Call:
    op, kernel = c.op, c.kernel
    params = c.params
    if any(t in memory.passing for t in op.activations):
        assert isinstance(c.work, Run), kernel.name
        params = {**params, **c.work.params(op.y, rows)}
    return Call(
        kernel=kernel,
        op=op,
        params=params,
        consts=kernel.consts(op),
        reads=tuple(memory.view(t) for t in op.activations),
        writes=tuple(memory.view(t) for t in op.outputs),
        window=c.work if isinstance(c.work, Rows) else None,
        sums=c.work if isinstance(c.work, Sums) else None,
        lines=memory.lines.get(op),
        scratch=memory.scratch.get(op),
        inline=c.inline,
        alike=c.alike,
        cost=c.cost,
        code=c.own_code,
        parts=c.parts,
    )
