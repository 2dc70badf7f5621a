"""The least RAM of a network, by simulation: operators run interleaved, row by row of their maps.

Each row is made once, when the first operator behind it wants it: 1.00 times the MACs. What is
counted are the bytes of the rows that are alive; kernels' scratch is not, nor what a placement
loses. Nothing here comes from Ascua's planner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from ascua.geometry import Axis
from ascua.ir import Graph, Op, Tensor

BY_PLACE = {
    "add", "sub", "mul", "div", "maximum", "minimum", "squared_difference", "softmax", "prelu",
    "l2_normalization", "log_softmax", "table",
}  # fmt: skip
"""Operators whose output's row is made of the same row of their inputs, beside `elementwise`."""
IN_PLACE = BY_PLACE - {"softmax", "l2_normalization", "log_softmax"}
"""Of these, those that may write over what they read."""
SUMS = {"average_pool2d", "mean", "sum", "fully_connected"}
"""Operators that can take their input row by row, if they keep sums of 32 bits."""


@dataclass(frozen=True)
class Rule:
    """What is counted. As it stands: each row from when it is made until its last reader has run.

    Whole tensors between groups of operators come and go by rows as well.
    """

    rings: bool = False
    """Whether a map in a group keeps the most rows that are alive at once, until it is not read."""
    whole: bool = False
    """Whether what a group leaves takes all its bytes from its start."""
    dies: bool = True
    """Whether what lies whole before a group goes row by row, or with the group."""
    extra: int = 3
    """Bytes for each value of a sum beside the output's: 4, where the output lies apart."""
    pools: bool = True
    """Whether the maximum of windows apart from each other is made in its output."""


EXACT = Rule()
RINGS = Rule(rings=True, whole=True, extra=4, pools=False)
"""As rings of a fixed number of rows, one a map."""
RESIDENT = replace(RINGS, dies=False)
"""The same, with an input that nothing writes over."""


@dataclass(frozen=True)
class Floor:
    """The least bytes, and the groups of operators, as ranges of the graph's order, with theirs."""

    bytes: int
    groups: tuple[tuple[range, int], ...]


class Work(NamedTuple):
    """An operator: call `r` of `calls` reads rows `need(r, j)` of input j, and makes `makes(r)`."""

    kind: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    calls: int
    need: Callable[[int, int], range]
    makes: Callable[[int], range]
    sums: bool
    """Whether it can take its input row by row, and keeps a state meanwhile."""
    extra: bool
    """Whether that state is larger than its output."""


class Event(NamedTuple):
    """A call of an operator, or a part of one that takes the row `part` into a sum."""

    op: int
    call: int
    part: int | None
    last: bool


@dataclass(frozen=True)
class Net:
    """A graph as rows: of each tensor, how many there are and their bytes."""

    maps: tuple[tuple[int, int], ...]
    works: tuple[Work, ...]
    given: frozenset[int]
    left: frozenset[int]

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        """The operators that read each tensor."""
        found: dict[int, list[int]] = {t: [] for t in range(len(self.maps))}
        for i, work in enumerate(self.works):
            for t in work.reads:
                found[t].append(i)
        return found

    @cached_property
    def makers(self) -> dict[int, int]:
        """The operator that makes each tensor."""
        return {t: i for i, work in enumerate(self.works) for t in work.writes}


def floor(graph: Graph, *, by_rows: bool = False, rule: Rule = EXACT) -> Floor:
    """The least of all ways to cut `graph` (as `passes.prepare` gives it) into groups in order.

    `by_rows`: the input comes row by row, in order, once each; otherwise it lies there whole.
    """
    net = net_of(graph)
    n = len(net.works)
    best, cut = [0, *[1 << 62] * n], [0] * (n + 1)
    own = [0] * (n + 1)
    for end in range(1, n + 1):
        for start in range(end - 1, -1, -1):
            if best[start] < best[end]:
                took = _group(net, start, end, by_rows, rule)
                if max(best[start], took) < best[end]:
                    best[end], cut[end], own[end] = max(best[start], took), start, took
    groups, end = [], n
    while end:
        groups.append((range(cut[end], end), own[end]))
        end = cut[end]
    return Floor(best[n], tuple(reversed(groups)))


def net_of(graph: Graph) -> Net:
    """`graph` as rows: views are no operators, and a tensor has the rows of the map it is."""
    same: dict[Tensor, Tensor] = {}
    for op in graph.ops:
        if op.view:
            same[op.y] = same.get(op.x, op.x)
    seen: dict[Tensor, list[Tensor]] = {}
    for t in graph.tensors():
        if not t.const:
            seen.setdefault(same.get(t, t), []).append(t)
    index = {t: i for i, t in enumerate(seen)}
    of = {alias: index[t] for t, aliases in seen.items() for alias in aliases}
    maps = tuple(_rows(t, aliases) for t, aliases in seen.items())
    works = tuple(_work(op, of, maps) for op in graph.ops if not op.view)
    given, left = (frozenset(of[t] for t in ts) for ts in (graph.given, graph.left))
    return Net(maps, works, given, left)


def _rows(t: Tensor, aliases: Iterable[Tensor]) -> tuple[int, int]:
    """Rows and bytes of one, of a tensor under its shapes; one row where they do not agree."""
    heights = {a.shape[1] for a in aliases if len(a.shape) == 4 and a.shape[1] > 1}
    rows = heights.pop() if len(heights) == 1 else 1
    return (rows, t.bytes // rows) if rows and t.bytes % rows == 0 else (1, t.bytes)


def _work(op: Op, of: dict[Tensor, int], maps: Sequence[tuple[int, int]]) -> Work:
    reads, writes = (tuple(of[t] for t in ts) for ts in (op.activations, op.outputs))
    heights = [maps[t][0] for t in reads]
    oh = maps[writes[0]][0]
    axis = getattr(op, "rows", None)
    image = bool(reads) and len(op.x.shape) == 4 and heights[0] == op.x.shape[1]
    extra = op.kind in SUMS

    def work(need: Callable[[int, int], range], *, sums: bool = False, calls: int = oh) -> Work:
        made = (lambda r: range(r, r + 1)) if calls == oh else (lambda _: range(oh))
        return Work(op.kind, reads, writes, calls, need, made, sums, extra)

    if isinstance(axis, Axis) and image and oh == axis.out:

        def window(r: int, _: int) -> range:
            assert isinstance(axis, Axis)
            first = r * axis.stride - axis.before
            return range(max(0, first), max(0, min(axis.size, first + axis.span)))

        pool = op.kind == "max_pool2d" and axis.stride >= axis.kernel
        return work(window, sums=pool or (op.kind == "average_pool2d" and oh == 1))
    if len(writes) == 1 and all(h in (1, oh) for h in heights):
        channels = op.kind == "concatenation" and getattr(op, "axis", None) in (3, -1)
        if op.elementwise or op.kind in BY_PLACE or channels:
            return work(lambda r, j: range(r, r + 1) if heights[j] == oh else range(1))
    whole = len(reads) == 1 and heights[0] > 1 and op.kind in SUMS and oh == 1
    calls = 1 if len(writes) == 1 else 0
    every = {t: maps[t][0] for t in writes}
    made = work(lambda _, j: range(heights[j]), sums=whole, calls=1)
    return made if calls else made._replace(makes=lambda _: range(max(every.values())))


def _group(net: Net, start: int, end: int, by_rows: bool, rule: Rule) -> int:
    """The least bytes at the worst moment of the operators `start` to `end` run as one group."""
    some = any(w.sums for w in net.works[start:end])
    many = any(len(w.reads) > 1 for w in net.works[start:end])
    return min(
        _peak(net, start, end, _events(net, start, end, sums, turned), by_rows, rule)
        for sums in ((False, True) if some else (False,))
        for turned in ((False, True) if many else (False,))
        if not (sums and not rule.pools and not any(w.extra for w in net.works[start:end]))
    )


def _left_behind(net: Net, end: int, t: int) -> bool:
    """Whether tensor `t` is needed after the operators before `end`."""
    return t in net.left or any(reader >= end for reader in net.readers[t])


def _events(net: Net, start: int, end: int, sums: bool, turned: bool) -> list[Event]:
    """The calls of a group, each as late as the ones behind it allow.

    `turned`: an operator's last input is asked first.
    """
    made = dict.fromkeys(range(start, end), 0)
    events: list[Event] = []

    def pull(t: int, row: int) -> None:
        maker = net.makers.get(t, -1)
        if maker not in made:
            return
        work = net.works[maker]
        while made[maker] < work.calls and row not in range(_until(work, made[maker])):
            call = made[maker]
            inputs = list(enumerate(work.reads))
            for j, x in reversed(inputs) if turned else inputs:
                rows = work.need(call, j)
                if sums and work.sums and len(rows) > 1:
                    for part in rows[:-1]:
                        pull(x, part)
                        events.append(Event(maker, call, part, last=False))
                if rows:
                    pull(x, rows[-1])
            if made[maker] == call:
                end = rows[-1] if sums and work.sums and rows else None
                events.append(Event(maker, call, end, last=True))
                made[maker] += 1

    ends = [t for w in net.works[start:end] for t in w.writes if _left_behind(net, end, t)]
    for t in (*reversed(ends), *(t for w in net.works[start:end] for t in w.writes)):
        for row in range(net.maps[t][0]):
            pull(t, row)
    return events


def _until(work: Work, calls: int) -> int:
    """Rows of the output after the first `calls`."""
    return work.makes(calls - 1).stop if calls else 0


def _peak(
    net: Net, start: int, end: int, events: Sequence[Event], by_rows: bool, rule: Rule
) -> int:  # fmt: skip
    born, first, last = _lives(net, events)
    change = [0] * (len(events) + 1)

    def alive(bytes_: int, since: int, until: int) -> None:
        if since <= until:
            change[since] += bytes_
            change[until + 1] -= bytes_

    final = len(events) - 1
    for t, (rows, size) in enumerate(net.maps):
        kept = _left_behind(net, end, t)
        maker = net.makers.get(t, -1)
        if maker >= end or not (kept or maker >= start or any(r >= start for r in net.readers[t])):
            continue
        if maker < start:
            streamed = by_rows and t in net.given and not kept
            if streamed:
                _ring(alive, rule, size, {r: (first[t, r], last[t, r]) for r in range(rows)
                                          if (t, r) in first})  # fmt: skip
                continue
            for r in range(rows):
                alive(size, 0, last.get((t, r), -1) if rule.dies and not kept else final)
            continue
        lives = {}
        for r in range(rows):
            since, until = born[t, r], last.get((t, r), born[t, r])
            if _in_place(net, net.works[maker], t, r, since, last, end):
                since += 1
            lives[r] = (0 if kept and rule.whole else since, final if kept else until)
        _ring(alive, replace(rule, rings=rule.rings and not kept), size, lives)
    _sums(net, events, alive, rule)
    return max(accumulate(change))


def _lives(
    net: Net, events: Sequence[Event]
) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """When each row of each tensor is made, first read, and last read."""
    born: dict[tuple[int, int], int] = {}
    first: dict[tuple[int, int], int] = {}
    last: dict[tuple[int, int], int] = {}
    for e, event in enumerate(events):
        work = net.works[event.op]
        for t in work.writes:
            for r in range(net.maps[t][0]) if len(work.writes) > 1 else work.makes(event.call):
                born.setdefault((t, r), e)
        for j, t in enumerate(work.reads):
            part = event.part
            for r in work.need(event.call, j) if part is None else range(part, part + 1):
                first.setdefault((t, r), e)
                last[t, r] = e
    return born, first, last


def _in_place(
    net: Net, work: Work, t: int, row: int, now: int, last: dict[tuple[int, int], int], end: int
) -> bool:
    """Whether `row` is written over a row of an input that is read for the last time."""
    return work.kind in IN_PLACE and any(
        last.get((x, row)) == now and net.maps[x] == net.maps[t] and not _left_behind(net, end, x)
        for x in work.reads
    )


def _ring(
    alive: Callable[[int, int, int], None],
    rule: Rule,
    size: int,
    lives: dict[int, tuple[int, int]],
) -> None:
    """Count rows of `size` bytes: each while it lives, or as many as ever live at once."""
    lives = {r: life for r, life in lives.items() if life[0] <= life[1]}
    if not lives:
        return
    starts = sorted(since for since, _ in lives.values())
    most = max(sum(a <= s <= z for a, z in lives.values()) for s in starts)
    if not rule.rings or most == 1:
        for since, until in lives.values():
            alive(size, since, until)
        return
    final = max(until for _, until in lives.values())
    for since in starts[:most]:
        alive(size, since, final)


def _sums(
    net: Net, events: Sequence[Event], alive: Callable[[int, int, int], None], rule: Rule
) -> None:
    """Count what sums take beside their outputs, from their first part to the last."""
    spans: dict[tuple[int, int], list[int]] = {}
    for e, event in enumerate(events):
        if event.part is not None and net.works[event.op].extra:
            spans.setdefault((event.op, event.call), []).append(e)
    for (op, _), at in spans.items():
        (t,) = net.works[op].writes
        if len(at) > 1:
            alive(rule.extra * net.maps[t][1], at[0], at[-1])
