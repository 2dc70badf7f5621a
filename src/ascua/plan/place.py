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

MOST_LOOKED_AT = 20_000_000
"""Pairs of spans that meet, times tries: some seconds' worth."""
KEPT = 4
"""The placements from which others are tried."""
NOISE = (0.0, 0.02, 0.05, 0.15, 0.4)
"""How far spans move in the order of another placement, of its height."""

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
    in several orders, upwards and downwards, then up to `tries` times in the order that spans have
    in a good placement, disturbed, until `least` is reached: the bound where nothing is said.
    """
    least = bound(spans, alignment) if least is None else least
    packing = _Packing(spans, _meeting(spans, over or {}), alignment)
    found = []
    for order in _orders(spans):
        for down in (False, True):
            found.append(packing.packed(order, down=down))
            if found[-1][0] <= least:
                return found[-1][1]
    found = sorted(found, key=lambda f: f[0])[:KEPT]
    if not spans:
        return ()
    best = found[0]
    rng = random.Random(1)
    for _ in range(min(tries, MOST_LOOKED_AT // (1 + packing.pairs))):
        new = packing.again(*rng.choice(found), rng)
        worst = max(range(len(found)), key=lambda i: found[i][0])
        if new[0] <= found[worst][0]:
            found[worst] = new
        best = min(best, new, key=lambda f: f[0])
        if best[0] <= least:
            break
    return best[1]


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


def _orders(spans: Sequence[Span]) -> Iterator[list[int]]:
    """By size, by time from either end, by duration; what is used at moments first."""
    indices = range(len(spans))
    yield sorted(indices, key=lambda i: (-spans[i].bytes, spans[i].first))
    yield sorted(indices, key=lambda i: (-spans[i].bytes, -spans[i].last))
    yield sorted(indices, key=lambda i: (spans[i].first, -spans[i].bytes))
    yield sorted(indices, key=lambda i: (-spans[i].last, -spans[i].bytes))
    yield sorted(indices, key=lambda i: (spans[i].first - spans[i].last, -spans[i].bytes))
    yield sorted(
        indices,
        key=lambda i: (
            not spans[i].moments, not spans[i].pieces, spans[i].first, -spans[i].bytes
        ),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Packing:
    """First fit; `meeting` lists the spans that each one meets, and where it may not begin."""

    spans: Sequence[Span]
    meeting: Sequence[Sequence[tuple[int, Gap]]]
    alignment: int

    @cached_property
    def pairs(self) -> int:
        """How many there are that meet."""
        return sum(map(len, self.meeting))

    @cached_property
    def sizes(self) -> list[int]:
        """Of the spans, aligned."""
        return [align(s.bytes, self.alignment) for s in self.spans]

    @cached_property
    def mirrored(self) -> list[list[tuple[int, Gap]]]:
        """`meeting`, with memory turned upside down."""
        size = self.sizes
        return [
            [(j, (size[j] - size[i] - b, size[j] - size[i] - a)) for j, (a, b) in met]
            for i, met in enumerate(self.meeting)
        ]

    def packed(self, order: Sequence[int], *, down: bool) -> tuple[int, tuple[int, ...]]:
        """Bytes and offsets; each span in its turn as low as it can be, or as high."""
        meeting = self.mirrored if down else self.meeting
        offsets = [-1] * len(self.spans)  # of those that are not placed yet
        for i in order:
            offset = 0
            met = [(offsets[j] + a, offsets[j] + b) for j, (a, b) in meeting[i] if offsets[j] >= 0]
            for start, end in sorted(met):
                if start >= offset:
                    break
                if end > offset:
                    offset = align(end, self.alignment)
            offsets[i] = offset
        ends = [o + n for o, n in zip(offsets, self.sizes, strict=True)]
        total = max(ends, default=0)
        return total, tuple(total - end for end in ends) if down else tuple(offsets)

    def again(
        self, total: int, offsets: Sequence[int], rng: random.Random
    ) -> tuple[int, tuple[int, ...]]:
        """Packed in the order that `offsets` have, a little disturbed, from either end."""
        noise = rng.choice(NOISE) * total
        down = rng.random() < 0.5
        place = [-o - n for o, n in zip(offsets, self.sizes, strict=True)] if down else offsets
        keys = [p + rng.gauss(0, noise) for p in place]
        return self.packed(sorted(range(len(keys)), key=keys.__getitem__), down=down)
