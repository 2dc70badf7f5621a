"""What lies in the memories of the chip while a network runs, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ascua.errors import DoesNotFit
from ascua.kmodel import KPU_LINES, LINE, DType, Layer, Layout, Memory, Range
from ascua.plan.place import Span, align, bound, place

WORD = 8
"""Bytes, at whose multiples tensors in main memory begin."""
TRIES = 500
"""Random orders in which tensors are placed, beside the sensible ones."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Bytes in main memory, or a map in the lines of KPU RAM, maybe within a larger one."""

    name: str
    dtype: DType
    count: int
    """Of elements."""
    layout: Layout | None = None
    """How it lies in KPU RAM; None in main memory."""
    within: Buffer | None = None
    offset: int = 0
    """Lines or bytes from the begin of what it lies within."""

    @property
    def memory(self) -> Memory:
        """Where it lies."""
        return Memory.KPU if self.layout else Memory.MAIN

    @property
    def size(self) -> int:
        """Lines, or bytes."""
        return self.layout.lines if self.layout else self.count * self.dtype.bytes

    @property
    def root(self) -> Buffer:
        """What has a place of its own."""
        return self.within.root if self.within else self


At = Callable[[Buffer], int]
"""The first line of a map, or the first byte of what is in main memory."""
Make = Callable[[At], Layer]


@dataclass(frozen=True, eq=False)
class Command:
    """A layer to be: `make` answers it when all places are known."""

    name: str
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    make: Make


def ranged(buffer: Buffer, at: At) -> Range:
    """Where `buffer` lies, as V4 files say it."""
    if buffer.layout:
        return Range(Memory.KPU, DType.U8, at(buffer) * LINE, buffer.size * LINE)
    return Range(Memory.MAIN, buffer.dtype, at(buffer), buffer.size)


@dataclass(frozen=True, eq=False)
class Places:
    """Where buffers lie: lines, or bytes."""

    offsets: Mapping[Buffer, int]
    main_bytes: int
    lines: int

    def __call__(self, buffer: Buffer) -> int:
        """The first line or byte."""
        if buffer.within:
            return self(buffer.within) + buffer.offset
        return self.offsets[buffer]


def placed(
    where: str,
    commands: Sequence[Command],
    before: Sequence[Buffer],
    after: Sequence[Buffer],
    tries: int = TRIES,
) -> Places:
    """A place for all that `commands` read and write, `before` written first, `after` read last.

    Raises DoesNotFit where KPU RAM is too small.
    """
    spans = lifetimes(commands, before, after)
    lines = [b for b in spans if b.memory is Memory.KPU]
    main = [b for b in spans if b.memory is Memory.MAIN]
    maps = [spans[b] for b in lines]
    most = bound(maps)
    if most > KPU_LINES:
        raise too_large(where, commands, {b: spans[b] for b in lines}, most)
    first = dict(zip(lines, place(maps, 1, tries), strict=True))
    end = max((first[b] + b.size for b in lines), default=0)
    if end > KPU_LINES:
        raise DoesNotFit(
            f"{where}: no order was found in which its maps lie in KPU RAM: they take"
            f" {(end - KPU_LINES) * LINE:,} bytes more than its {KPU_LINES * LINE:,}, though at no"
            f" time more than {most * LINE:,} are in use.",
            SMALLER,
        )
    offsets = place([spans[b] for b in main], WORD, tries)
    first |= dict(zip(main, offsets, strict=True))
    main_bytes = align(max((first[b] + b.size for b in main), default=0), WORD)
    return Places(first, main_bytes, end)


SMALLER = (
    "Take smaller images, or a narrower network: `--alpha` of MobileNet.",
    "A map and what is made of it share the 2,097,152 bytes; strides early make both smaller.",
)


def lifetimes(
    commands: Sequence[Command], before: Sequence[Buffer], after: Sequence[Buffer]
) -> dict[Buffer, Span]:
    """From when to when each buffer with a place of its own is in use."""
    first: dict[Buffer, int] = {b.root: -1 for b in before}
    last: dict[Buffer, int] = dict(first)
    for i, command in enumerate(commands):
        for b in (*command.writes, *command.reads):
            first.setdefault(b.root, i)
            last[b.root] = i
    last |= {b.root: len(commands) for b in after}
    return {b: Span(b.size, first[b], last[b]) for b in first}


def too_large(
    where: str, commands: Sequence[Command], spans: Mapping[Buffer, Span], most: int
) -> DoesNotFit:
    """The error that says by how much, and where."""
    for i, command in enumerate(commands):
        alive = [b for b, s in spans.items() if s.first <= i <= s.last]
        if sum(b.size for b in alive) == most:
            parts = " and ".join(f"'{b.name}' ({b.size * LINE:,})" for b in alive)
            return DoesNotFit(
                f"{where}: at '{command.name}' KPU RAM holds {most * LINE:,} bytes,"
                f" {(most - KPU_LINES) * LINE:,} more than its {KPU_LINES * LINE:,}: {parts}.",
                SMALLER,
            )
    raise AssertionError(most)
