"""Where a network is cut into steps: operators by themselves, or several that go row by row.

A plan of steps is a way from no operators to all: each step adds some whose inputs are there.
Between steps tensors are whole; within one there are rows of those that only it knows. What a step
holds depends on where it begins and on what it adds, so that the least of the fullest steps is
found exactly, over every order of the operators that there is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ascua.plan.choose import Chosen, price
from ascua.plan.course import Course, course, live_bytes
from ascua.plan.flow import Flow, Moves

REPAIRS = 8
"""Times that kernels of a loop are exchanged for ones with which it holds less."""
MOST_CUTS = 2000
"""States between steps that are looked at; of networks with more, those in the file's order."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A step: its calls, by their places, and the order of their turns."""

    calls: Mapping[int, Chosen]
    course: Course

    @property
    def peak(self) -> int:
        """The bytes that it holds at most."""
        return self.course.peak

    @cached_property
    def cost(self) -> float:
        """Of its calls."""
        return sum(price(c)[0] for c in self.calls.values())


@dataclass(frozen=True, eq=False)
class Ways:
    """How each operator can run: as a step of its own, or as one of several by rows."""

    alone: Sequence[Chosen]
    looped: Sequence[Chosen]
    """The cheapest first; empty where it takes whole tensors."""


@dataclass(eq=False)
class Search:
    """The steps of least memory, and the cheapest ones within some."""

    flow: Flow
    ways: Sequence[Ways]
    effort: int
    """Turns that are tried at most."""
    longest: int = 1 << 30
    """The most operators of a loop."""
    exhausted: bool = False
    """Whether these did not suffice to try everything."""
    _moves: dict[tuple[Chosen, bool], Moves] = field(default_factory=dict)
    _courses: dict[tuple[int, ...], Course] = field(default_factory=dict)
    _live: dict[int, int] = field(default_factory=dict)

    @property
    def all(self) -> int:
        """All operators, as bits."""
        return (1 << len(self.ways)) - 1

    def moves(self, c: Chosen, *, alone: bool) -> Moves:
        """The turns of a call."""
        key = (c, alone)
        if key not in self._moves:
            self._moves[key] = self.flow.moves(c, alone=alone)
        return self._moves[key]

    @cached_property
    def lean(self) -> list[Chosen | None]:
        """Of each operator's ways in a loop that with which least is held."""
        return [min(w.looped, key=self.needs) if w.looped else None for w in self.ways]

    def needs(self, c: Chosen) -> int:
        """Bytes that a call works with, and those of the rows that it reads at a time."""
        read = (r.span * self.flow.row_bytes[r.tensor] for r in self.moves(c, alone=False).reads)
        return self.own(c) + sum(read)

    def own(self, c: Chosen, *, alone: bool = False) -> int:
        """Bytes that a call works with."""
        m = self.moves(c, alone=alone)
        return m.work + m.kept

    # -- steps

    def cuts(self) -> list[int]:
        """The sets of operators, as bits, behind which a plan can be cut, the smallest first."""
        if not self.ways:
            return [0]
        found, layer = [0], {0}
        while layer:
            layer = {
                done | 1 << i
                for done in layer
                for i, needs in enumerate(self.flow.needs)
                if not done >> i & 1 and needs & ~done == 0
            }
            found += sorted(layer)
            if len(found) > MOST_CUTS:
                self.exhausted = True
                return [(1 << n) - 1 for n in range(len(self.ways) + 1)]
        return found

    @cached_property
    def sets(self) -> list[int]:
        """`cuts`, once."""
        return self.cuts()

    def course(self, done: int, calls: Mapping[int, Chosen]) -> Course | None:
        """The step of these calls; None: too much has been tried."""
        key = (done, *map(id, calls.values()))
        if key not in self._courses:
            if self.effort <= 0:
                self.exhausted = True
                return None
            alone = len(calls) == 1
            moves = {i: self.moves(c, alone=alone) for i, c in calls.items()}
            self._courses[key] = course(self.flow, moves, done)
            self.effort -= len(self._courses[key].order)
        return self._courses[key]

    def loop(self, done: int, added: int) -> Cut | None:
        """The step that adds several operators, with least working memory; None: there is none."""
        calls = {i: c for i in members(added) if (c := self.lean[i])}
        if len(calls) < added.bit_count():
            return None
        found = self.course(done, calls)
        return Cut(calls, found) if found else None

    def singles(self, done: int, i: int) -> list[Cut]:
        """The ways to run an operator as a step, the cheapest first."""
        ways = [{i: c} for c in self.ways[i].alone]
        return [Cut(calls, found) for calls in ways if (found := self.course(done, calls))]

    def fitting(self, done: int, added: int, most: int) -> Cut | None:
        """The cheapest step that adds some operators and holds no more than `most`, if one does."""
        if added.bit_count() == 1:
            singles = self.singles(done, added.bit_length() - 1)
            return next((cut for cut in singles if cut.peak <= most), None)
        lean = self.loop(done, added)
        if lean is None or lean.peak > most:
            return None
        calls = {i: self._cheapest(i, most - lean.course.most[i], c) for i, c in lean.calls.items()}
        for _ in range(REPAIRS):
            found = self.course(done, calls)
            if found is None or found.peak <= most:
                return Cut(calls, found) if found else None
            # With another kernel a row may be there longer.
            calls = {
                i: c if found.most[i] + self.own(c) <= most else self._leaner(i, c, lean.calls[i])
                for i, c in calls.items()
            }
        return lean

    def _cheapest(self, i: int, room: int, lean: Chosen) -> Chosen:
        """The cheapest way in a loop; `room` is for its work, and what it reads beyond `lean`."""
        read = self.needs(lean) - self.own(lean)
        ways = self.ways[i].looped
        return next((c for c in ways if max(self.own(c), self.needs(c) - read) <= room), lean)

    def _leaner(self, i: int, c: Chosen, lean: Chosen) -> Chosen:
        """The next way that holds less than `c`."""
        ways = self.ways[i].looped
        dearer = ways[ways.index(c) + 1 :]
        return next((o for o in dearer if self.needs(o) < self.needs(c)), lean)

    # -- plans

    def least(self) -> int:
        """The bytes that the fullest step of a plan holds at least."""
        best: dict[int, int] = {0: 0}
        queue = [(0, 0)]
        most = self.upper()
        settled: set[int] = set()
        while queue:
            peak, done = heapq.heappop(queue)
            if done in settled:
                continue
            settled.add(done)
            if done == self.all:
                return peak
            for after in self._next(done, most):
                if after in settled:
                    continue
                found = max(peak, self._peak(done, after))
                if found < best.get(after, most + 1):
                    best[after] = found
                    heapq.heappush(queue, (found, after))
        return most

    def upper(self) -> int:
        """What a plan of single steps holds, in the file's order."""
        done, most = 0, live_bytes(self.flow, 0)
        for i in range(len(self.ways)):
            most = max(most, min((c.peak for c in self.singles(done, i)), default=most))
            done |= 1 << i
        return most

    def _next(self, done: int, most: int) -> Iterator[int]:
        """The cuts that one step leads to, where no more than `most` is held there."""
        for after in self.sets:
            if after & done == done and after != done and self._held(after) <= most:
                added = after & ~done
                loop = added.bit_count() <= self.longest
                if added.bit_count() == 1 or (
                    loop and all(self.ways[i].looped for i in members(added))
                ):
                    yield after

    def _held(self, done: int) -> int:
        """The bytes of the tensors that are whole behind `done`."""
        if done not in self._live:
            self._live[done] = live_bytes(self.flow, done)
        return self._live[done]

    def _peak(self, done: int, after: int) -> int:
        """What the step from one cut to another holds at least."""
        return min((c.peak for c in self.steps(done, after & ~done)), default=1 << 62)

    def steps(self, done: int, added: int) -> list[Cut]:
        """The steps that add some operators: one alone in several ways, or a lean loop."""
        if added.bit_count() == 1:
            return self.singles(done, added.bit_length() - 1)
        loop = self.loop(done, added)
        return [loop] if loop else []

    def peaks(self) -> set[int]:
        """What the steps hold that there can be."""
        pairs = ((done, after) for done in self.sets for after in self._next(done, 1 << 62))
        return {c.peak for done, after in pairs for c in self.steps(done, after & ~done)}

    def cheapest(self, most: int, step: float = 0.0) -> tuple[float, list[Cut]] | None:
        """The cheapest plan none of whose steps holds more than `most`; None: there is none.

        Each step costs `step` more than its calls.
        """
        best: dict[int, tuple[float, int, Cut | None]] = {0: (0.0, -1, None)}
        queue = [(0.0, 0)]
        settled: set[int] = set()
        while queue:
            cost, done = heapq.heappop(queue)
            if done in settled:
                continue
            settled.add(done)
            if done == self.all:
                return cost, self._path(best)
            for after in self._next(done, most):
                cut = None if after in settled else self.fitting(done, after & ~done, most)
                if cut is None:
                    continue
                found = cost + step + cut.cost
                if after not in best or found < best[after][0]:
                    best[after] = found, done, cut
                    heapq.heappush(queue, (found, after))
        return None

    def _path(self, best: Mapping[int, tuple[float, int, Cut | None]]) -> list[Cut]:
        """The steps that lead to all operators."""
        found: list[Cut] = []
        _, done, cut = best[self.all]
        while cut is not None:
            found.append(cut)
            _, done, cut = best[done]
        return found[::-1]


def members(ops: int) -> Iterator[int]:
    """The places of the operators that are among `ops`, bits."""
    while ops:
        low = ops & -ops
        yield low.bit_length() - 1
        ops ^= low
