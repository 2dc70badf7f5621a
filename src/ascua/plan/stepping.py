"""Which steps a plan has: as fast as a goal wants it, in the memory that it allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ascua.boards import Board
from ascua.kernels import Rows
from ascua.plan.calm import calm
from ascua.plan.choose import Chosen, choose, price
from ascua.plan.course import course
from ascua.plan.cuts import Cut, Search, Ways
from ascua.plan.flow import Flow
from ascua.plan.goal import BALANCED_COST, RAM_COST, Goal

BRANCHES = 6
"""The most operators of a loop, where memory is not all that counts."""
FEWEST = 1e12
"""The cost of a step where few of them are wanted: rows lie closer together than whole tensors."""


def stepped(
    flow: Flow, every: Sequence[Sequence[Chosen]], board: Board, goal: Goal
) -> list[list[Cut]]:
    """The steps for the options `every` of each operator: several ways that hold as little."""
    if goal.kind == "ram":
        every = [_thrifty(several) for several in every]
        chosen = choose(every, board, goal)
        search = Search(flow, _ways(chosen, every), goal.effort)
        least = search.least()
        found = [search.cheapest(least, step) for step in (0.0, FEWEST)]
        return [f[1] for f in found if f] or [_single(flow, chosen)]
    chosen = choose(calm(flow, every, board, goal), board, goal)
    single = _single(flow, chosen)
    if goal.kind == "balanced" and all(c.cost for c in chosen):
        search = Search(flow, _ways(chosen, every), goal.effort, longest=BRANCHES)
        return [_within_cost(search, single, BALANCED_COST)]
    return [single]


def _single(flow: Flow, chosen: Sequence[Chosen]) -> list[Cut]:
    """Every operator as a step of its own."""
    moves = ({i: flow.moves(c, alone=True)} for i, c in enumerate(chosen))
    return [
        Cut({i: c}, course(flow, m, (1 << i) - 1))
        for i, (c, m) in enumerate(zip(chosen, moves, strict=True))
    ]


def _within_cost(search: Search, single: list[Cut], most: float) -> list[Cut]:
    """The steps that hold least for at most so many times the cost of `single`."""
    limit = most * sum(price(c)[0] for cut in single for c in cut.calls.values())
    found = single
    peaks = sorted(p for p in search.peaks() if p < max((c.peak for c in single), default=0))
    low, high = 0, len(peaks)
    while low < high:
        middle = (low + high) // 2
        plan = search.cheapest(peaks[middle])
        if plan is not None and plan[0] <= limit:
            found, high = plan[1], middle
        else:
            low = middle + 1
    return found


def _ways(chosen: Sequence[Chosen], every: Sequence[Sequence[Chosen]]) -> list[Ways]:
    """How each operator can run: as it was chosen, with a kernel for rows in a loop."""
    return [Ways([c], _looped(c, several)) for c, several in zip(chosen, every, strict=True)]


def _looped(c: Chosen, several: Iterable[Chosen]) -> list[Chosen]:
    """The ways to run an operator by rows, the cheapest first."""
    rows = [replace(o, looped=True) for o in several if o.inline == c.inline and o.by_rows]
    kernels = {o.kernel: o for o in rows if o.alike == c.alike} or {o.kernel: o for o in rows}
    return sorted(kernels.values(), key=price)


def _thrifty(several: Sequence[Chosen]) -> list[Chosen]:
    """The options that cost little more than the cheapest by rows, or of whole tensors."""
    plain = [o for o in several if not (isinstance(o.work, Rows) and o.work.block > 1)]
    if not plain or any(o.cost is None for o in plain):
        return [*plain] or [*several]
    most = RAM_COST * min(price(o)[0] for o in plain)
    return [o for o in plain if price(o)[0] <= most]
