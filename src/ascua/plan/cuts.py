"""Where a network is cut into steps: operators by themselves, or several that go row by row.

A plan of steps is a way from no operators to all: each step adds some whose inputs are there.
Between steps tensors are whole; within one there are rows of those that only it knows. What a step
holds depends on where it begins and on what it adds, so that the least of the fullest steps is
found exactly, over every order of the operators that there is.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ascua.plan.again import apart, candidates, extra, rebuilt
from ascua.plan.choose import Chosen, price
from ascua.plan.course import Course, course, live_bytes
from ascua.plan.flow import Flow, Moves

NEAR = 1.05
"""How much less may be held than where all rows are made again."""
CLOSE = 32
"""Bytes that are not looked for any more."""
REPAIRS = 8
"""Times that kernels of a loop are exchanged for ones with which it holds less."""
MOST_CUTS = 2000
"""States between steps that are looked at; of networks with more, those in the file's order."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A step: its calls, by their places, and the order of their turns.

    `stops`: for calls that make rows again, before which turns of their readers nothing is kept.
    What those of them that are `early` read is made early.
    """

    calls: Mapping[int, Chosen]
    course: Course
    stops: Mapping[int, frozenset[int]] = field(default_factory=dict)
    early: frozenset[int] = frozenset()

    @property
    def peak(self) -> int:
        """The bytes that it holds at most."""
        return self.course.peak

    @cached_property
    def cost(self) -> float:
        """Of its calls."""
        again = self.course.again
        times = {i: len(a.rows) / self.calls[i].op.y.height for i, a in again.items()}
        return sum(price(c)[0] * times.get(i, 1.0) for i, c in self.calls.items())

    @cached_property
    def extra(self) -> int:
        """Multiply-accumulates that are done again."""
        return extra(self.calls, self.course.again)


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
    full: frozenset[tuple[int, int]] = frozenset()
    """The loops, by what was done before and what they add, that may do so."""
    exhausted: bool = False
    """Whether the turns did not suffice to try everything."""
    _moves: dict[tuple[Chosen, bool], Moves] = field(default_factory=dict)
    _courses: dict[tuple[int, ...], Course] = field(default_factory=dict)
    _live: dict[int, int] = field(default_factory=dict)
    _known: dict[tuple[int, frozenset[int], frozenset[int]], list[Cut]] = field(
        default_factory=dict
    )
    _leasts: dict[tuple[int, frozenset[int]], int] = field(default_factory=dict)

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
        if lean is not None and lean.peak > most:
            lean = self.squeezed(lean, done, most) if (done, added) in self.full else None
        if lean is None:
            return None
        calls = {i: self._cheapest(i, most - lean.course.most[i], c) for i, c in lean.calls.items()}
        for _ in range(REPAIRS):
            found = self.again(done, replace(lean, calls=calls)) if lean.stops else None
            if not lean.stops and (walked := self.course(done, calls)):
                found = Cut(calls, walked)
            if found is None or found.peak <= most:
                return found or lean
            # With another kernel a row may be there longer.
            calls = {
                i: c
                if found.course.most[i] + self.own(c) <= most
                else self._leaner(i, c, lean.calls[i])
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

    # -- loops that make rows again

    def squeezed(self, lean: Cut, done: int, most: int, enough: int = 0) -> Cut | None:
        """A loop that makes rows again so as to hold no more than `most`; None: there is none.

        Of several ways that which does least again, or one that does no more than is `enough`.
        """
        able = sorted(candidates(self.flow, lean.course.moves, lean.calls), reverse=True)
        if self._least(lean, done, able) > NEAR * most:
            return None
        best = self._squeezed(lean, done, able, most)
        for n in range(1, len(able) + 1) if best and best.extra > enough else ():
            early = replace(lean, early=frozenset(able[:n]))
            found = self._squeezed(early, done, able, most)
            if best is None or found is None or found.extra > best.extra:
                break
            best = found
        return best

    def _squeezed(self, lean: Cut, done: int, able: Sequence[int], most: int) -> Cut | None:
        """The same, from what is known of a loop on."""
        known = self._known.setdefault((done, frozenset(lean.calls), lean.early), [lean])
        if any(cut.peak <= most for cut in known):
            return min((cut for cut in known if cut.peak <= most), key=lambda cut: cut.extra)
        while known[-1].peak > most:
            following = self._fewer(known[-1], done, able, most)
            if following is None or following.extra > 2 * self.spare:
                return None
            known.append(following)
        if known[-1].extra > self.spare:
            known.append(self._spared(known[-1], done, most))
        return known[-1]

    def _least(self, lean: Cut, done: int, able: Sequence[int]) -> int:
        """About what a loop holds at least: with everything made again."""
        key = (done, frozenset(lean.calls))
        if key not in self._leasts:
            turns = {i: range(lean.course.moves[self.reader(i)].turns) for i in able}
            every = {i: frozenset(turns[i]) for i in apart(able, self.reader)}
            found = self.again(done, replace(lean, stops=every)) if every else None
            self._leasts[key] = min(lean.peak, found.peak) if found else lean.peak
        return self._leasts[key]

    def again(self, done: int, cut: Cut) -> Cut | None:
        """The loop as `cut` has its calls and `stops`; None: too much has been tried."""
        if self.effort <= 0:
            self.exhausted = True
            return None
        moves = {i: self.moves(c, alone=False) for i, c in cut.calls.items()}
        again = rebuilt(self.flow, cut.calls, moves, cut.stops)
        walked = course(self.flow, moves, done, again, cut.early)
        self.effort -= len(walked.order)
        return Cut(cut.calls, walked, cut.stops, cut.early)

    def reader(self, i: int) -> int:
        """The one reader of what a call makes."""
        (n,) = (self.flow.place[t] for t in self.flow.ops[i].outputs)
        (reader,) = self.flow.readers[n]
        return reader

    def _fewer(self, cut: Cut, done: int, able: Sequence[int], most: int) -> Cut | None:
        """The same with fewer rows held while there are more than `most` bytes; None: it has none.

        Of what is held in the fullest turn, that goes first which spares most for what it costs.
        """
        walked, calls = cut.course, cut.calls
        moves = {i: self.moves(c, alone=False) for i, c in calls.items()}
        full = [k for k, held in enumerate(walked.held) if held > most]
        fullest = max(full, key=walked.held.__getitem__)
        found: list[tuple[float, int, int, frozenset[int]]] = []
        for i in able:
            (n,) = moves[i].makes
            held = walked.alive(n)[fullest] * self.flow.row_bytes[n]
            known = cut.stops.get(i, frozenset())
            stops = known | _stops(walked, i, n, self.reader(i), full)
            if held and stops != known:
                before, then = (
                    extra(calls, rebuilt(self.flow, calls, moves, {i: turns}))
                    for turns in (known, stops)
                )
                found.append(((then - before) / held, held, i, stops))
        chosen, excess = dict(cut.stops), walked.held[fullest] - most
        for _, held, i, stops in sorted(found, key=lambda f: f[:3]):
            if excess > 0 and len(apart([*chosen, i], self.reader)) == len({*chosen, i}):
                chosen[i] = stops
                excess -= held
        return self.again(done, replace(cut, stops=chosen)) if chosen != cut.stops else None

    def _spared(self, cut: Cut, done: int, most: int) -> Cut:
        """The same loop without what is done again for nothing."""
        macs = {i: extra(cut.calls, {i: a}) for i, a in cut.course.again.items()}
        for i in sorted(macs, key=macs.__getitem__, reverse=True):
            stops = {c: turns for c, turns in cut.stops.items() if c != i}
            other = self.again(done, replace(cut, stops=stops))
            if other is not None and other.peak <= most:
                cut = other
        return cut

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

    def least_again(self, least: int) -> int:
        """The same where `spare` multiply-accumulates may be done again, and else it is `least`."""
        low, high, step = 0, least, least // 16
        while high - low > CLOSE:
            middle = max((low + high) // 2, high - step)
            found = self._sparing(middle)
            if found is None:
                low = middle
            else:
                high, self.full = middle, found
        return high

    def _sparing(self, most: int) -> frozenset[tuple[int, int]] | None:
        """The one loop that makes rows again, in a plan that holds `most`; None: there is none."""
        following = {
            done: [*self._next(done, most)] for done in self.sets if self._held(done) <= most
        }
        easy = {
            done: [after for after in others if self._peak(done, after) <= most]
            for done, others in following.items()
        }
        before, behind = {0}, {self.all}
        for done in following:
            if done in before:
                before.update(easy[done])
        for done in reversed(following):
            if not behind.isdisjoint(easy[done]):
                behind.add(done)
        if 0 in behind:
            return frozenset()
        pairs = (
            (done, after & ~done)
            for done in following
            if done in before
            for after in following[done]
            if after in behind
        )
        for done, added in sorted(pairs, key=lambda p: p[1].bit_count()):
            lean = self.loop(done, added) if added.bit_count() > 1 else None
            cut = self.squeezed(lean, done, most, self.spare) if lean else None
            if cut and cut.extra <= self.spare:
                return frozenset({(done, added)})
        return None

    def cheapest(self, most: int, step: float = 0.0) -> tuple[float, list[Cut]] | None:
        """The cheapest plan none of whose steps holds more than `most`; None: there is none.

        Of those that do least again, no more than may be. Each step costs `step` more than its
        calls.
        """
        best: dict[int, tuple[int, float, int, Cut | None]] = {0: (0, 0.0, -1, None)}
        queue = [(0, 0.0, 0)]
        settled: set[int] = set()
        while queue:
            extra, cost, done = heapq.heappop(queue)
            if done in settled:
                continue
            settled.add(done)
            if done == self.all:
                return cost, self._path(best)
            for after in self._next(done, most):
                cut = None if after in settled else self.fitting(done, after & ~done, most)
                if cut is None or extra + cut.extra > self.spare:
                    continue
                found = extra + cut.extra, cost + step + cut.cost
                if after not in best or found < best[after][:2]:
                    best[after] = *found, done, cut
                    heapq.heappush(queue, (*found, after))
        return None

    def _path(self, best: Mapping[int, tuple[int, float, int, Cut | None]]) -> list[Cut]:
        """The steps that lead to all operators."""
        found: list[Cut] = []
        _, _, done, cut = best[self.all]
        while cut is not None:
            found.append(cut)
            _, _, done, cut = best[done]
        return found[::-1]


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


def members(ops: int) -> Iterator[int]:
    """The places of the operators that are among `ops`, bits."""
    while ops:
        low = ops & -ops
        yield low.bit_length() - 1
        ops ^= low
