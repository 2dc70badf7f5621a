"""Which steps a plan has: as fast as a goal wants it, in the memory that it allows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ascua.boards import Board
from ascua.kernels import Rows
from ascua.plan.calm import calm, room
from ascua.plan.choose import Chosen, choose, price
from ascua.plan.course import course
from ascua.plan.cuts import Cut, Search, Ways
from ascua.plan.flow import Flow, align
from ascua.plan.goal import BALANCED_COST, RAM_COST, Goal

BRANCHES = 6
"""The most operators of a loop, where memory is not all that counts."""
MORE_CONSTANTS = 64
"""Bytes of flash that another kernel's constants may take beyond those of the chosen one."""
SHARES = (1.0, 0.95, 0.9, 0.85)
"""Of a board's memory, what the steps hold of plans that are placed there; the rest is gaps."""
FEWEST = 1e12
"""The cost of a step where few of them are wanted: rows lie closer together than whole tensors."""


@dataclass(frozen=True, eq=False)
class Stepped:
    """The steps of a plan: several ways, of which one is wanted that can be placed well.

    `least` is what no plan holds less than, of all cuts and orders of operators, where a search has
    seen them all. Of ways whose arenas take no more bytes than `room` the cheapest is wanted, of
    others the smallest.
    """

    ways: list[list[Cut]]
    least: int | None = None
    room: float = 0.0


def stepped(flow: Flow, every: Sequence[Sequence[Chosen]], board: Board, goal: Goal) -> Stepped:
    """The steps for the options `every` of each operator."""
    chosen = choose(calm(flow, every, board, goal), board, goal)
    found = [_single(flow, chosen)]
    if goal.kind in ("balanced", "ram") and all(c.cost for c in chosen):
        ways = _ways(chosen, every)
        for longest in (1, BRANCHES):
            search = Search(flow, ways, goal.effort // 10, longest=longest)
            found += _within_cost(search, found[0], BALANCED_COST)
    usual = min(max((c.peak for c in cuts), default=0) for cuts in found)
    if goal.kind != "ram" and usual <= room(flow, every, board):
        return Stepped(found)
    lean = _least(flow, chosen, every, board, goal)
    if goal.kind != "ram":
        return replace(lean, ways=[*found, *lean.ways])
    known = None if lean.least is None else min(lean.least, align(usual))
    return Stepped([*found, *lean.ways], known)


def _least(
    flow: Flow, usual: Sequence[Chosen], every: Sequence[Sequence[Chosen]], board: Board, goal: Goal
) -> Stepped:
    """The steps that hold least of those that cost little more than need be: the cheapest ones, and
    the fewest.

    Where these do not fit the board, whatever they cost.
    """
    plain = [_plain(several) for several in every]
    chosen = choose(plain, board, goal)
    ways = [
        Ways(sorted([*_alike(c, several), u], key=price), _looped(c, several))
        for c, several, u in zip(chosen, every, usual, strict=True)
    ]
    search = Search(flow, ways, goal.effort)
    limit = RAM_COST * sum(min(price(o)[0] for o in several) for several in plain)
    bare = search.least()
    least = _affordable(search, bare, limit, search.upper()) if limit else bare
    if least > room(flow, every, board):
        least, limit = bare, math.inf
    asked = [(least, 0.0), (least, FEWEST), *((align(int(m * least)), 0.0) for m in (1.04, 1.08))]
    found = [plan for peak, step in asked if (plan := search.cheapest(peak, step))]
    lists = [cuts for cost, cuts in found if cost % FEWEST <= limit]
    if goal.kind != "ram":
        most = room(flow, every, board)
        plans = [p for share in SHARES if (p := search.cheapest(int(share * most)))]
        return Stepped([*lists, *(cuts for _, cuts in plans)], room=most)
    known = None if search.exhausted else align(bare)
    if goal.patch > 1:
        lists += _again(search, least, goal, limit)
        known = None
    return Stepped(lists, known)


def _again(search: Search, least: int, goal: Goal, limit: float) -> list[list[Cut]]:
    """Plans that hold less than `least`, and do some multiply-accumulates again for that."""
    search.spare = int((goal.patch - 1) * sum(op.macs() for op in search.flow.ops))
    search.effort += goal.effort
    again = search.least_again(least)
    search.effort = max(search.effort, goal.effort // 4)
    if limit:
        again = _affordable(search, again, limit * goal.patch, least)
    found = (search.cheapest(again, step) for step in (0.0, FEWEST))
    return [plan[1] for plan in found if plan and (plan[0] % FEWEST <= limit * goal.patch)]


def _affordable(search: Search, least: int, limit: float, most: int) -> int:
    """The least bytes, `least` or more, within which there is a plan of at most that cost."""
    low, high = least, max(most, least)
    while low < high:
        middle = (low + high) // 2
        plan = search.cheapest(middle)
        if plan is not None and plan[0] <= limit:
            high = middle
        else:
            low = middle + 1
    return low


def _single(flow: Flow, chosen: Sequence[Chosen]) -> list[Cut]:
    """Every operator as a step of its own."""
    moves = ({i: flow.moves(c, alone=True)} for i, c in enumerate(chosen))
    return [
        Cut({i: c}, course(flow, m, (1 << i) - 1))
        for i, (c, m) in enumerate(zip(chosen, moves, strict=True))
    ]


def _within_cost(search: Search, single: list[Cut], most: float) -> list[list[Cut]]:
    """The steps that hold least for at most so many times the cost of `single`.

    And those that hold a little more, one after the other, as they may be placed better.
    """
    limit = most * sum(cut.cost for cut in single)
    found: list[list[Cut]] = []
    peaks = sorted(p for p in search.peaks() if p < max((c.peak for c in single), default=0))
    low, high = 0, len(peaks)
    while low < high:
        middle = (low + high) // 2
        plan = search.cheapest(peaks[middle])
        if plan is not None and plan[0] <= limit:
            found, high = [plan[1], *found], middle
        else:
            low = middle + 1
    return found


def _ways(chosen: Sequence[Chosen], every: Sequence[Sequence[Chosen]]) -> list[Ways]:
    """How each operator can run: as it was chosen, or with kernels whose constants take no more."""
    found = []
    for c, several in zip(chosen, every, strict=True):
        small = [o for o in several if o.const_bytes <= c.const_bytes + MORE_CONSTANTS]
        found.append(Ways(_alike(c, small), _looped(c, small)))
    return found


def _alike(c: Chosen, several: Iterable[Chosen]) -> list[Chosen]:
    """The ways to run an operator, the cheapest first, each kernel once: inline as `c` is."""
    same = [o for o in several if o.inline == c.inline]
    kernels = {o.kernel: o for o in (*same, *(o for o in same if o.alike == c.alike), c)}
    return sorted(kernels.values(), key=price)


def _looped(c: Chosen, several: Iterable[Chosen]) -> list[Chosen]:
    """The ways to run an operator by rows, the cheapest first."""
    rows = (replace(o, looped=True) for o in _alike(c, several) if o.by_rows)
    return sorted(rows, key=price)


def _plain(several: Sequence[Chosen]) -> list[Chosen]:
    """The options but those whose turns make several rows, where there are others."""
    return [o for o in several if not (isinstance(o.work, Rows) and o.work.block > 1)] or [*several]
