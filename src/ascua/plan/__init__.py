"""Decides how a Graph runs on a Board: kernels, order, and where each tensor lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ascua.boards import Board
from ascua.ir import Graph, Tensor
from ascua.plan.choose import ways
from ascua.plan.cost import Cost
from ascua.plan.cuts import Cut
from ascua.plan.fit import STACK_BYTES, check_fit, check_fit_together
from ascua.plan.flow import ALIGNMENT, Flow
from ascua.plan.goal import BALANCED, GOALS, Goal, goal_named
from ascua.plan.memories import near, wished
from ascua.plan.memory import Placement, check_size, placed
from ascua.plan.parts import STATES, Arena, Buffer, Call, Kept, Near, Plan, Shared, Step, Use, View
from ascua.plan.source import Source, check_rows, source
from ascua.plan.stepping import Stepped, stepped

__all__ = [
    "ALIGNMENT", "BALANCED", "GOALS", "STACK_BYTES", "STATES", "Arena", "Buffer", "Call", "Cost",
    "Goal", "Kept", "Near",
    "Plan", "Shared", "Source", "Step", "Use", "View", "check_fit", "check_fit_together",
    "goal_named", "plan",
]  # fmt: skip


def plan(graph: Graph, board: Board, goal: Goal = BALANCED) -> Plan:
    """Plan `graph` (as `passes.prepare` gives it) for `board`.

    Raises Unsupported where no kernel runs an operator, InputError for a placement of what is not
    there. Whether it fits is for `check_fit`.
    """
    every = [*([source(graph)] if goal.by_rows else []), *ways(graph, board, goal)]
    flow = Flow(graph, tuple(several[0].op for several in every))
    check_size(flow)
    if goal.by_rows:
        check_rows(flow, every)
    wishes = wished(flow, board, goal.placements)
    steps = stepped(flow, every, board, goal)
    cuts, memory = _placed(flow, steps, board, goal, wishes)
    made = Plan(
        graph=graph,
        board=board,
        goal=goal,
        steps=tuple(_step(i, cut, memory) for i, cut in enumerate(cuts)),
        buffers=memory.buffers,
        inputs=tuple(memory.view(t) for t in graph.inputs),
        outputs=tuple(memory.view(t) for t in graph.outputs),
        arenas=memory.arenas,
        states=tuple(memory.kept(s) for s in graph.states),
        least=steps.least,
    )
    return replace(made, near=near(made.calls, made.arenas, board, made.code_estimate, wishes))


def _placed(
    flow: Flow, steps: Stepped, board: Board, goal: Goal, wishes: Mapping[Tensor, str]
) -> tuple[list[Cut], Placement]:
    """The steps that are wanted, as they are placed."""

    def peak(cuts: list[Cut]) -> int:
        return max((c.peak for c in cuts), default=0)

    found: list[tuple[float, list[Cut], Placement]] = []
    for cuts in sorted(steps.ways, key=peak):
        if not found or peak(cuts) <= max(steps.room, min(n for n, _, _ in found)):
            memory = placed(flow, cuts, board, goal.tries, wishes)
            found.append((sum(a.bytes for a in memory.arenas), cuts, memory))

    def rank(arena: float, cuts: list[Cut]) -> tuple[float, float, float, int]:
        flash = 0
        if goal.kind == "size":
            flash = sum(o.const_bytes for c in cuts for o in c.calls.values())
        cost = sum(c.cost for c in cuts)
        return max(arena, steps.room), flash, cost, sum(c.extra for c in cuts)

    _, cuts, memory = min(found, key=lambda f: rank(f[0], f[1]))
    return cuts, memory


def _step(i: int, cut: Cut, memory: Placement) -> Step:
    places = {n: k for k, n in enumerate(cut.calls)}
    calls = tuple(_call(i, cut, memory) for i in cut.calls)
    order = tuple(places[n] for n in cut.course.order)
    return Step(f"step_{i:02d}_{calls[-1].op.kind}", calls, order, cut.peak)


def _call(i: int, cut: Cut, memory: Placement) -> Call:
    c, again = cut.calls[i], cut.course.again
    op, kernel = c.op, c.kernel
    read = {cut.course.moves[n].makes[0]: a for n, a in again.items()}
    under = (read[r.tensor].windows for r in cut.course.moves[i].reads if r.tensor in read)
    return Call(
        kernel=kernel,
        op=op,
        params=c.params,
        consts=kernel.consts(op),
        reads=tuple(memory.view(t) for t in op.activations),
        writes=tuple(memory.view(t) for t in op.outputs),
        work=c.work,
        lines=memory.lines.get(op),
        scratch=memory.scratch.get(op),
        inline=c.inline,
        alike=c.alike,
        cost=c.cost and c.cost.times(len(again[i].rows) / op.y.height) if i in again else c.cost,
        code=c.own_code,
        parts=c.parts,
        again=again[i].rows if i in again else None,
        under=next(under, None),
    )
