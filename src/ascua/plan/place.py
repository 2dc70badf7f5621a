"""Gives buffers with lifetimes their offsets in one memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

MOST_TRIED = 1000
"""Spans beyond which random orders take too long."""


@dataclass(frozen=True)
class Span:
    """Something that needs `bytes` of memory from step `first` to step `last`, inclusive."""

    bytes: int
    first: int
    last: int

    def meets(self, other: Span) -> bool:
        """Whether both live at some step."""
        return self.first <= other.last and other.first <= self.last


def align(n: int, alignment: int) -> int:
    """`n` rounded up to a multiple of `alignment`."""
    return -(-n // alignment) * alignment


def bound(spans: Sequence[Span], alignment: int = 1) -> int:
    """The bytes that live at the fullest step: no placement needs less."""
    change: Counter[int] = Counter()
    for s in spans:
        size = align(s.bytes, alignment)
        change[s.first] += size
        change[s.last + 1] -= size
    return max(accumulate(change[step] for step in sorted(change)), default=0)


def place(spans: Sequence[Span], alignment: int, tries: int) -> tuple[int, ...]:
    """An offset for each span, such that spans that meet do not overlap; deterministic.

    First fit in several orders, then in `tries` random ones, until the bound is reached.
    """
    least = bound(spans, alignment)
    meeting = _meeting(spans)
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


def _meeting(spans: Sequence[Span]) -> list[list[int]]:
    """The others that each span meets, found in one sweep over the steps."""
    found: list[list[int]] = [[] for _ in spans]
    alive: list[int] = []
    for i in sorted(range(len(spans)), key=lambda i: spans[i].first):
        alive = [j for j in alive if spans[j].last >= spans[i].first]
        for j in alive:
            found[i].append(j)
            found[j].append(i)
        alive.append(i)
    return found


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
    spans: Sequence[Span], meeting: Sequence[Sequence[int]], order: Sequence[int], alignment: int
) -> tuple[int, ...]:
    """Offsets, each the least that is free in its turn; `meeting` lists the spans each meets."""
    offsets = [0] * len(spans)
    ends = [-1] * len(spans)  # of those that are not placed yet
    for i in order:
        size = spans[i].bytes
        offset = 0
        for start, end in sorted((offsets[j], ends[j]) for j in meeting[i] if ends[j] >= 0):
            if offset + size <= start:
                break
            offset = max(offset, align(end, alignment))
        offsets[i], ends[i] = offset, offset + size
    return tuple(offsets)
