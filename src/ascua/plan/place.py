"""Gives buffers with lifetimes their offsets in one memory."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ascua.kernels import Overlap

MOST_TRIED = 1000
"""Spans beyond which random orders take too long."""

Gap = tuple[int, int]
"""Where a span may not begin, counted from where another does: between the two."""


@dataclass(frozen=True)
class Piece:
    """A part of a span, from byte `start` to byte `end`, in use from `first` to `last`."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True)
class Span:
    """Something that needs `bytes` of memory from moment `first` to moment `last`, inclusive.

    Its parts may need it for less, as the `pieces` say, or it is in use at `moments` alone.
    """

    bytes: int
    first: int
    last: int
    pieces: tuple[Piece, ...] = ()
    moments: tuple[int, ...] = ()

    def meets(self, other: Span) -> bool:
        """Whether both live at some moment, with any part."""
        return self.first <= other.last and other.first <= self.last

    @cached_property
    def parts(self) -> tuple[Piece, ...]:
        """The pieces."""
        return self.pieces or (Piece(0, self.bytes, self.first, self.last),)

    def gap(self, other: Span) -> Gap | None:
        """Where it may not begin because of another one; None: anywhere."""
        ends = [
            (q.start - p.end, q.end - p.start)
            for p in self.parts
            for q in other.parts
            if _together(p, self.moments, q, other.moments)
        ]
        return (min(a for a, _ in ends), max(b for _, b in ends)) if ends else None


def _together(p: Piece, at: Sequence[int], q: Piece, other: Sequence[int]) -> bool:
    """Whether two pieces are in use at one moment."""
    first, last = max(p.first, q.first), min(p.last, q.last)
    if first > last:
        return False
    if at and other:
        return not {*at}.isdisjoint(other)
    moments = at or other
    if not moments:
        return True
    i = bisect_left(moments, first)
    return i < len(moments) and moments[i] <= last


def align(n: int, alignment: int) -> int:
    """`n` rounded up to a multiple of `alignment`."""
    return -(-n // alignment) * alignment


def bound(spans: Sequence[Span], alignment: int = 1) -> int:
    """The bytes that live at the fullest moment: no placement needs less.

    Of spans without pieces and moments.
    """
    change: Counter[int] = Counter()
    for s in spans:
        size = align(s.bytes, alignment)
        change[s.first] += size
        change[s.last + 1] -= size
    return max(accumulate(change[moment] for moment in sorted(change)), default=0)


def place(
    spans: Sequence[Span],
    alignment: int,
    tries: int,
    over: Mapping[tuple[int, int], Overlap] | None = None,
    least: int | None = None,
) -> tuple[int, ...]:
    """An offset for each span, such that spans that meet do not overlap; deterministic.

    `over` states how a span, the second of a pair, may lie over another one, the first. First fit
    in several orders, then in `tries` random ones, until `least` is reached: the bound where
    nothing is said.
    """
    least = bound(spans, alignment) if least is None else least
    meeting = _meeting(spans, over or {})
    best: tuple[int, ...] = ()
    best_total = -1
    for order in _orders(spans, tries):
        offsets = _first_fit(spans, meeting, order, alignment)
        total = max((o + s.bytes for o, s in zip(offsets, spans, strict=True)), default=0)
        if best_total < 0 or total < best_total:
            best, best_total = offsets, total
        if best_total <= least:
            break
    return best


def _meeting(
    spans: Sequence[Span], over: Mapping[tuple[int, int], Overlap]
) -> list[list[tuple[int, Gap]]]:
    """The others that each span meets, and where it may not begin, in one sweep over moments."""
    found: list[list[tuple[int, Gap]]] = [[] for _ in spans]
    alive: list[int] = []
    for i in sorted(range(len(spans)), key=lambda i: spans[i].first):
        alive = [j for j in alive if spans[j].last >= spans[i].first]
        for j in alive:
            for gap in _gaps(spans, i, j, over):
                found[i].append((j, gap))
                found[j].append((i, (-gap[1], -gap[0])))
        alive.append(i)
    return found


def _gaps(
    spans: Sequence[Span], i: int, j: int, over: Mapping[tuple[int, int], Overlap]
) -> list[Gap]:
    """Where span i may not begin, counted from where j does."""
    if (j, i) in over:
        return _over(over[j, i], spans[j].bytes, spans[i].bytes)
    if (i, j) in over:
        return [(-b, -a) for a, b in _over(over[i, j], spans[i].bytes, spans[j].bytes)]
    gap = spans[i].gap(spans[j])
    return [gap] if gap else []


def _over(overlap: Overlap, x: int, y: int) -> list[Gap]:
    """Where an output of `y` bytes may not begin, counted from where an input of `x` does."""
    if overlap is None:
        return [(-y, x)]
    if overlap == "exact":
        return [(-y, 0), (0, x)] if y <= x else [(-y, x)]
    return [(-min(y, overlap), x)]


def _orders(spans: Sequence[Span], tries: int) -> Iterator[list[int]]:
    indices = range(len(spans))
    yield sorted(indices, key=lambda i: (-spans[i].bytes, spans[i].first))
    yield sorted(indices, key=lambda i: (spans[i].first, -spans[i].bytes))
    yield sorted(indices, key=lambda i: (spans[i].first - spans[i].last, -spans[i].bytes))
    rng = random.Random(1)
    # Large spans first, their order disturbed: pure shuffles rarely win.
    for _ in range(tries if len(spans) <= MOST_TRIED else 0):
        noise = [rng.uniform(0.3, 1.0) for _ in indices]
        yield sorted(
            indices, key=[-s.bytes * n for s, n in zip(spans, noise, strict=True)].__getitem__
        )


def _first_fit(
    spans: Sequence[Span],
    meeting: Sequence[Sequence[tuple[int, Gap]]],
    order: Sequence[int],
    alignment: int,
) -> tuple[int, ...]:
    """Offsets, each the least that is free in its turn; `meeting` lists the spans each meets."""
    offsets = [-1] * len(spans)  # of those that are not placed yet
    for i in order:
        offset = 0
        taken = [(offsets[j] + a, offsets[j] + b) for j, (a, b) in meeting[i] if offsets[j] >= 0]
        for start, end in sorted(taken):
            if start >= offset:
                break
            if end > offset:
                offset = align(end, alignment)
        offsets[i] = offset
    return tuple(offsets)
