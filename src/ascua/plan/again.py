"""Rows that are made again instead of being kept: multiply-accumulates for memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from ascua.kernels import Rows
from ascua.plan.choose import Chosen
from ascua.plan.flow import Flow, Moves, Read


@dataclass(frozen=True)
class Again:
    """The rows of a tensor as a call makes them for its one reader, one a turn, some several times.

    `rows`: which row of the tensor each turn makes. `windows`: for each turn of the reader the
    turns that made what it reads, one for each row of its window; None where that is padding.
    """

    rows: tuple[int, ...]
    windows: tuple[tuple[int | None, ...], ...]

    @cached_property
    def lasts(self) -> list[int]:
        """For each of `rows` the last turn of the reader that needs it."""
        found = [0] * len(self.rows)
        for turn, window in enumerate(self.windows):
            for made in window:
                if made is not None:
                    found[made] = turn
        return found

    @cached_property
    def deaths(self) -> list[int]:
        """`rows`, by their places, in the order in which they are used up."""
        return sorted(range(len(self.rows)), key=self.lasts.__getitem__)

    def read(self, r: Read) -> Read:
        """How the reader reads: its first row is the number of rows that are used up."""
        ends = sorted(self.lasts)
        firsts = tuple(bisect_left(ends, turn) for turn in range(len(self.windows)))
        lasts = (max((m for m in w if m is not None), default=-1) for w in self.windows)
        return replace(r, rows=len(self.rows), firsts=firsts, lasts=tuple(accumulate(lasts, max)))

    def made(self, m: Moves) -> Moves:
        """The turns of the call."""
        return replace(m, turns=len(self.rows), reads=tuple(map(self._taken, m.reads)))

    def _taken(self, r: Read) -> Read:
        """What it reads itself: each row for as long as one of its turns will need it."""
        firsts = [*accumulate((r.first(row) for row in reversed(self.rows)), min)]
        return replace(
            r, firsts=tuple(reversed(firsts)), lasts=tuple(r.last(row) for row in self.rows)
        )


def again(turns: int, work: Rows, rows: int, stops: Container[int]) -> Again:
    """How a tensor of `rows` is made for a reader of so many `turns`.

    Rows that its next turn needs are held, but for those turns that are among the `stops`.
    """
    made: list[int] = []
    windows: list[tuple[int | None, ...]] = []
    held: dict[int, int] = {}
    for turn in range(turns):
        window = [turn * work.sy - work.py + ky * work.dy for ky in range(work.kh)]
        inside = [row for row in window if 0 <= row < rows]
        now = {row: held[row] for row in inside if row in held and turn not in stops}
        for row in inside:
            if row not in now:
                now[row] = len(made)
                made.append(row)
        windows.append(tuple(now.get(row) for row in window))
        held = now
    return Again(tuple(made), tuple(windows))


def ahead(moves: Mapping[int, Moves]) -> list[tuple[int, int]]:
    """The calls whose output no other one of a step reads, and how far each goes by and by."""
    read = {r.tensor for m in moves.values() for r in m.reads}
    ends = [c for c, m in moves.items() if not any(n in read for n in m.makes)]
    ends = ends or [*moves][-1:]
    many = max(moves[c].turns for c in ends)
    steps = [(c, moves[c].turns * (i + 1) // many) for i in range(many) for c in ends]
    return [*steps, *((c, m.turns) for c, m in moves.items())]


def candidates(flow: Flow, moves: Mapping[int, Moves], calls: Mapping[int, Chosen]) -> list[int]:
    """Those of the calls of a loop that can make rows again, for one reader's windows."""
    found = []
    for i, m in moves.items():
        if m.late or not m.reads or len(m.makes) != 1 or m.makes[0] in flow.left:
            continue
        (n,) = m.makes
        readers = flow.readers[n]
        if len(readers) != 1 or readers[0] not in moves or m.turns != flow.rows[n] or m.turns == 1:
            continue
        work, reader = calls[readers[0]].work, moves[readers[0]]
        one = len(reader.reads) == 1 and reader.reads[0].step > 0 and reader.turns > 1
        if one and isinstance(work, Rows) and overlap(work) > 0:
            found.append(i)
    return found


def overlap(work: Rows) -> int:
    """How many rows of a window are those of the one before, too."""
    here = {ky * work.dy for ky in range(work.kh)}
    return len(here & {row - work.sy for row in here})


def apart(calls: Iterable[int], reader: Callable[[int], int]) -> list[int]:
    """Those of `calls` that can make rows again for readers that do not so themselves."""
    found: list[int] = []
    for i in sorted({*calls}, reverse=True):
        if reader(i) not in found:
            found.append(i)
    return found


def rebuilt(
    flow: Flow, calls: Mapping[int, Chosen], moves: Mapping[int, Moves],
    stops: Mapping[int, Container[int]],
) -> dict[int, Again]:  # fmt: skip
    """How calls make rows again; `stops`: for each, before which turns of its reader."""
    found: dict[int, Again] = {}
    for i, turns in stops.items():
        (n,) = moves[i].makes
        (reader,) = flow.readers[n]
        work = calls[reader].work
        assert isinstance(work, Rows)
        found[i] = again(moves[reader].turns, work, flow.rows[n], turns)
    return found


def moved(moves: Mapping[int, Moves], again: Mapping[int, Again]) -> dict[int, Moves]:
    """The turns of calls of which some make rows again."""
    found = {i: again[i].made(m) if i in again else m for i, m in moves.items()}
    made = {moves[i].makes[0]: a for i, a in again.items()}
    for i, m in found.items():
        if any(r.tensor in made for r in m.reads):
            reads = (made[r.tensor].read(r) if r.tensor in made else r for r in m.reads)
            found[i] = replace(m, reads=tuple(reads))
    return found


def extra(calls: Mapping[int, Chosen], again: Mapping[int, Again]) -> int:
    """The multiply-accumulates that are done more than once."""
    return sum(executed(calls[i], a) - calls[i].op.macs() for i, a in again.items())


def executed(c: Chosen, a: Again | None) -> int:
    """The multiply-accumulates of a call."""
    macs = c.op.macs()
    return macs if a is None else macs * len(a.rows) // c.op.y.height
