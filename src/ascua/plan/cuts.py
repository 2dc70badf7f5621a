"""Where a network is cut into steps: operators by themselves, or several that go row by row.

A plan of steps is a way from no operators to all: each step adds some whose inputs are there.
Between steps tensors are whole; within one there are rows of those that only it knows. What a step
holds depends on where it begins and on what it adds, so that the least of the fullest steps is
found exactly, over every order of the operators that there is.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ascua.plan.again import apart, candidates, extra, rebuilt
from ascua.plan.choose import Chosen, price
from ascua.plan.course import Course, course, live_bytes
from ascua.plan.flow import Flow, Moves

NEAR = 1.05
"""How much less may be held than where all rows are made again."""
CLOSE = 32
"""Bytes that are not looked for any more."""
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


class Found(NamedTuple):
    """A plan: multiply-accumulates that it does again, its cost, its steps."""

    extra: int
    cost: float
    cuts: list[Cut]


@dataclass(frozen=True, eq=False)
class Loop:
    """A step of several operators, and what it makes again."""

    course: Course
    extra: int = 0
    """Multiply-accumulates that are done again."""
    stops: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Of these calls: before which turns of their readers nothing is kept."""
    early: frozenset[int] = frozenset()
    """Those of them for which what they read is made early."""


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
    spare: int = 0
    """Multiply-accumulates that may be done again for less memory."""
    exhausted: bool = False
    """Whether the turns did not suffice to try everything."""
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

    # -- loops that make rows again

    def within(self, done: int, added: int, most: int) -> Loop | None:
        """The step that adds several operators in `most` bytes, and does little again for it."""
        plain = self.course(done, added)
        if plain is None or plain.peak <= most or not self.spare:
            return None if plain is None or plain.peak > most else Loop(plain)
        found = [
            self._squeezed(done, added, most, early) for early in self._early(added, plain)
        ]
        return min((f for f in found if f), key=lambda f: f.extra, default=None)

    def _early(self, added: int, plain: Course) -> list[frozenset[int]]:
        """Which of the calls that make rows again are fed early: none, the last one, two, ..."""
        able = sorted(candidates(self.flow, plain.moves, self._lean(added)), reverse=True)
        return [frozenset(able[:n]) for n in range(len(able) + 1)]

    def _squeezed(self, done: int, added: int, most: int, early: frozenset[int]) -> Loop | None:
        """The same from what is known of a loop on."""
        plain = self.course(done, added)
        assert plain is not None
        if self._least(done, added, plain) > NEAR * most:
            return None
        loops = self._loops.setdefault((done, added, early), [Loop(plain, early=early)])
        enough = [loop for loop in loops if loop.course.peak <= most]
        if enough:
            return min(enough, key=lambda loop: loop.extra)
        while loops[-1].course.peak > most:
            following = self._fewer(done, added, loops[-1], most)
            if following is None or following.extra > 2 * self.spare:
                return None
            loops.append(following)
        if loops[-1].extra > self.spare:
            loops.append(self.spared(done, added, loops[-1], most))
        return loops[-1]

    def spared(self, done: int, added: int, loop: Loop, most: int) -> Loop:
        """The same loop without what is done again for nothing."""
        calls = self._lean(added)
        macs = {i: extra(calls, {i: a}) for i, a in loop.course.again.items()}
        for i in sorted(macs, key=macs.__getitem__, reverse=True):
            stops = {c: turns for c, turns in loop.stops.items() if c != i}
            other = self.loop(done, calls, stops, loop.early)
            if other is not None and other.course.peak <= most:
                loop = other
        return loop

    @cached_property
    def _loops(self) -> dict[tuple[int, int, frozenset[int]], list[Loop]]:
        return {}

    @cached_property
    def _leasts(self) -> dict[tuple[int, int], int]:
        return {}

    def _least(self, done: int, added: int, plain: Course) -> int:
        """About what the loop holds at least: with everything made again."""
        key = (done, added)
        if key not in self._leasts:
            calls = self._lean(added)
            some = candidates(self.flow, plain.moves, calls)
            every = {
                i: frozenset(range(plain.moves[self.flow.readers[plain.moves[i].makes[0]][0]].turns))
                for i in apart(self.flow, plain.moves, some)
            }
            loop = self.loop(done, calls, every, frozenset()) if every else None
            self._leasts[key] = min(plain.peak, loop.course.peak) if loop else plain.peak
        return self._leasts[key]

    def _lean(self, added: int) -> dict[int, Chosen]:
        return {i: c for i in members(added) if (c := self.lean[i]) is not None}

    def loop(
        self, done: int, calls: Mapping[int, Chosen], stops: Mapping[int, frozenset[int]],
        early: frozenset[int],
    ) -> Loop | None:  # fmt: skip
        """The loop of `calls` that makes rows again after `stops`; None: there is no time left."""
        if self.effort <= 0:
            self.exhausted = True
            return None
        moves = {i: self.moves(c, alone=False) for i, c in calls.items()}
        again = rebuilt(self.flow, calls, moves, stops)
        walked = course(self.flow, moves, done, again, early)
        self.effort -= len(walked.order)
        return Loop(walked, extra(calls, again), stops, early)

    def _fewer(self, done: int, added: int, loop: Loop, most: int) -> Loop | None:
        """The same with fewer rows held while there are more than `most` bytes; None: it has none.

        Of what is held in the fullest turn, that goes first which spares most for what it costs.
        """
        calls, walked = self._lean(added), loop.course
        moves = {i: self.moves(c, alone=False) for i, c in calls.items()}
        full = [k for k, held in enumerate(walked.held) if held > most]
        fullest = max(full, key=walked.held.__getitem__)
        found: list[tuple[float, int, int, frozenset[int]]] = []
        able = candidates(self.flow, moves, calls)
        readers = {i: self.flow.readers[moves[i].makes[0]][0] for i in able}
        for i, reader in readers.items():
            (n,) = moves[i].makes
            held = walked.alive(n)[fullest] * self.flow.row_bytes[n]
            known = frozenset(loop.stops.get(i, ()))
            stops = known | _stops(walked, i, n, reader, full)
            if held and stops != known:
                more = self._macs(calls, moves, i, stops) - self._macs(calls, moves, i, known)
                found.append((more / held, held, i, stops))
        chosen, excess = dict(loop.stops), walked.held[fullest] - most
        for _, held, i, stops in sorted(found, key=lambda f: f[:3]):
            if excess > 0 and not _chained(i, chosen, readers):
                chosen[i] = stops
                excess -= held
        if chosen == loop.stops:
            return None
        return self.loop(done, calls, chosen, loop.early)

    def _macs(
        self, calls: Mapping[int, Chosen], moves: Mapping[int, Moves], i: int,
        stops: Container[int],
    ) -> int:  # fmt: skip
        """What a call does again."""
        return extra(calls, rebuilt(self.flow, calls, moves, {i: stops}))

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
        return {
            self._peak(done, after) for done in self.sets for after in self._next(done, 1 << 62)
        }

    def least_again(self, least: int) -> int:
        """The same where `spare` multiply-accumulates may be done again, and else it is `least`."""
        low, high = 0, least
        step = least // 16
        while high - low > CLOSE:
            middle = max((low + high) // 2, high - step)
            if self.cheapest(middle):
                high = middle
            else:
                low = middle
        return high

    def cheapest(self, most: int, step: float = 0.0) -> Found | None:
        """The cheapest plan none of whose steps holds more than `most`; None: there is none.

        Least is done again, if anything. Each step costs `step` more than its calls.
        """
        best: dict[int, tuple[tuple[float, float], int]] = {0: ((0, 0.0), -1)}
        queue = [((0.0, 0.0), 0)]
        settled: set[int] = set()
        while queue:
            cost, done = heapq.heappop(queue)
            if done in settled:
                continue
            settled.add(done)
            if done == self.all:
                return Found(round(cost[0]), cost[1], self._path(best, most))
            for after in self._next(done, most):
                if after in settled:
                    continue
                found = self.priced(done, after, most)
                if found is None or cost[0] + found[0] > self.spare:
                    continue
                total = (cost[0] + found[0], cost[1] + found[1] + step)
                if after not in best or total < best[after][0]:
                    best[after] = total, done
                    heapq.heappush(queue, (total, after))
        return None

    def priced(self, done: int, after: int, most: int) -> tuple[int, float] | None:
        """What the step from one cut to another does again, and its cost, within `most` bytes."""
        added = after & ~done
        if added & (added - 1) == 0:
            i = added.bit_length() - 1
            return next(((0, price(c)[0]) for p, c in self.single(done, i) if p <= most), None)
        loop = self.within(done, added, most)
        if loop is None:
            return None
        calls = self._within(loop, most)
        times = {i: len(a.rows) / calls[i].op.y.height for i, a in loop.course.again.items()}
        return loop.extra, sum(price(c)[0] * times.get(i, 1.0) for i, c in calls.items())

    def _within(self, loop: Loop, most: int) -> dict[int, Chosen]:
        """The cheapest calls of a loop in `most` bytes."""
        return {i: self._cheapest(i, most - held) for i, held in loop.course.most.items()}

    def _cheapest(self, i: int, room: int) -> Chosen:
        lean = self.lean[i]
        assert lean is not None
        return next((c for c in self.ways[i].looped if self.own(c) <= room), lean)

    def _path(self, best: Mapping[int, tuple[object, int]], most: int) -> list[Cut]:
        """The steps that lead to all operators."""
        found: list[Cut] = []
        after = self.all
        while after:
            done = best[after][1]
            found.append(self._cut(done, after & ~done, most))
            after = done
        return found[::-1]

    def _cut(self, done: int, added: int, most: int) -> Cut:
        """The step that adds these operators."""
        if added & (added - 1) == 0:
            i = added.bit_length() - 1
            c = next(c for p, c in self.single(done, i) if p <= most)
            return Cut({i: c}, course(self.flow, {i: self.moves(c, alone=True)}, done))
        loop = self.within(done, added, most)
        assert loop is not None
        calls = self._within(loop, most)
        moves = {i: self.moves(c, alone=False) for i, c in calls.items()}
        walked = course(
            self.flow, moves, done, rebuilt(self.flow, calls, moves, loop.stops), loop.early
        )  # fmt: skip
        if walked.peak > most:  # their rows lie over each other less
            return Cut(self._lean(added), loop.course)
        return Cut(calls, walked)


def _stops(walked: Course, i: int, n: int, reader: int, full: Iterable[int]) -> frozenset[int]:
    """The turns of the reader of tensor `n`, made by call `i`, that are waited for in `full` ones.

    Those in which rows of it are held meanwhile.
    """
    turns = [k for k, c in enumerate(walked.order) if c == reader]
    alive = walked.alive(n)
    found = set()
    for k in full:
        turn = bisect_left(turns, k)
        if alive[k] and walked.order[k] not in (i, reader) and 0 < turn < len(turns):
            found.add(turn)
    return frozenset(found)


def _chained(i: int, chosen: Container[int], readers: Mapping[int, int]) -> bool:
    """Whether what call `i` makes is made again from what is made again, or the other way."""
    return readers[i] in chosen or any(r == i and c in chosen for c, r in readers.items())


def members(ops: int) -> Iterator[int]:
    """The places of the operators that are among `ops`, bits."""
    while ops:
        low = ops & -ops
        yield low.bit_length() - 1
        ops ^= low
