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
    _courses: dict[tuple[int, int], Course | None] = field(default_factory=dict)

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

    def course(self, done: int, added: int) -> Course | None:
        """The step that adds several operators, with least working memory; None: there is none."""
        key = (done, added)
        if key not in self._courses:
            self._courses[key] = self._walked(done, added)
        return self._courses[key]

    def _walked(self, done: int, added: int) -> Course | None:
        moves = {}
        for i in members(added):
            c = self.lean[i]
            if c is None:
                return None
            moves[i] = self.moves(c, alone=False)
        if self.effort <= 0:
            self.exhausted = True
            return None
        found = course(self.flow, moves, done)
        self.effort -= len(found.order)
        return found

    def single(self, done: int, i: int) -> list[tuple[int, Chosen]]:
        """The ways to run an operator as a step, with what the step holds, the cheapest first."""
        found = []
        for c in self.ways[i].alone:
            key = (done, -1 - id(c))
            known = self._courses.get(key)
            if known is None:
                known = course(self.flow, {i: self.moves(c, alone=True)}, done)
                self._courses[key] = known
            found.append((known.peak, c))
        return found

    # -- plans

    def least(self) -> int:
        """The bytes that the fullest step of a plan holds at least."""
        best: dict[int, int] = {0: 0}
        queue = [(0, 0)]
        most = self._upper()
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

    def _upper(self) -> int:
        """What a plan of single steps holds, in the file's order."""
        done, most = 0, live_bytes(self.flow, 0)
        for i in range(len(self.ways)):
            most = max(most, min(p for p, _ in self.single(done, i)))
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
        key = (done, 0)
        if key not in self._live:
            self._live[key] = live_bytes(self.flow, done)
        return self._live[key]

    @cached_property
    def _live(self) -> dict[tuple[int, int], int]:
        return {}

    def _peak(self, done: int, after: int) -> int:
        """What the step from one cut to another holds at least."""
        added = after & ~done
        peaks = [c.peak] if (c := self._loop(done, added)) else []
        if added & (added - 1) == 0:
            peaks += [p for p, _ in self.single(done, added.bit_length() - 1)]
        return min(peaks, default=1 << 62)

    def _loop(self, done: int, added: int) -> Course | None:
        """A step of several operators."""
        return self.course(done, added) if added & (added - 1) else None

    def peaks(self) -> set[int]:
        """What the steps hold that there can be."""
        found = set()
        for done in self.sets:
            for after in self._next(done, 1 << 62):
                added = after & ~done
                if added.bit_count() == 1:
                    found |= {peak for peak, _ in self.single(done, added.bit_length() - 1)}
                elif loop := self.course(done, added):
                    found.add(loop.peak)
        return found

    def cheapest(self, most: int, step: float = 0.0) -> tuple[float, list[Cut]] | None:
        """The cheapest plan none of whose steps holds more than `most`; None: there is none.

        Each step costs `step` more than its calls.
        """
        best: dict[int, tuple[float, int]] = {0: (0.0, -1)}
        queue = [(0.0, 0)]
        settled: set[int] = set()
        while queue:
            cost, done = heapq.heappop(queue)
            if done in settled:
                continue
            settled.add(done)
            if done == self.all:
                return cost, self._path(best, most)
            for after in self._next(done, most):
                if after in settled:
                    continue
                found = self.priced(done, after, most)
                if found is not None and cost + step + found < best.get(after, (1e300, 0))[0]:
                    best[after] = cost + step + found, done
                    heapq.heappush(queue, (cost + step + found, after))
        return None

    def priced(self, done: int, after: int, most: int) -> float | None:
        """What the step from one cut to another costs, within `most` bytes."""
        calls = self.calls(done, after, most)
        return None if calls is None else sum(price(c)[0] for c in calls.values())

    def calls(self, done: int, after: int, most: int) -> dict[int, Chosen] | None:
        """The cheapest calls of such a step."""
        added = after & ~done
        if added & (added - 1) == 0:
            i = added.bit_length() - 1
            return next(({i: c} for p, c in self.single(done, i) if p <= most), None)
        walked = self.course(done, added)
        if walked is None or walked.peak > most:
            return None
        return {i: self._cheapest(i, most - walked.most[i]) for i in members(added)}

    def _cheapest(self, i: int, room: int) -> Chosen:
        lean = self.lean[i]
        assert lean is not None
        return next((c for c in self.ways[i].looped if self.own(c) <= room), lean)

    def _path(self, best: Mapping[int, tuple[float, int]], most: int) -> list[Cut]:
        """The steps that lead to all operators."""
        found: list[Cut] = []
        after = self.all
        while after:
            done = best[after][1]
            calls = self.calls(done, after, most)
            assert calls is not None
            alone = len(calls) == 1
            walked = course(
                self.flow, {i: self.moves(c, alone=alone) for i, c in calls.items()}, done
            )
            if walked.peak > most and not alone:  # their rows lie over each other less
                assert all(self.lean[i] for i in calls)
                calls = {i: c for i in calls if (c := self.lean[i]) is not None}
                known = self.course(done, after & ~done)
                assert known is not None
                walked = known
            found.append(Cut(calls, walked))
            after = done
        return found[::-1]


def members(ops: int) -> Iterator[int]:
    """The places of the operators that are among `ops`, bits."""
    while ops:
        low = ops & -ops
        yield low.bit_length() - 1
        ops ^= low
