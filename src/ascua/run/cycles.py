"""Model cycles: how often blocks were executed, times what a core's timing says they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ascua.boards import Board, Memory
from ascua.boards.timing import CORNERS, InstructionClass, Timing, at
from ascua.run.disassembly import Instruction
from ascua.run.outcome import Span


@dataclass(frozen=True)
class Block:
    """Instructions that are executed one after the other, from `first` up to and without `end`."""

    first: int
    end: int
    instructions: int


@dataclass(frozen=True)
class Executed:
    """A block in a region of the program: how often, and how often it was left by a branch."""

    block: Block
    region: int
    times: int
    taken: int


@dataclass(frozen=True)
class Modelled:
    """Cycles by region, and the mnemonics without a timing, the most executed first."""

    regions: tuple[Span, ...]
    unknown: tuple[str, ...]


def modelled(
    executed: Sequence[Executed],
    regions: int,
    instructions: Mapping[int, Instruction],
    timing: Timing,
    board: Board,
) -> Modelled:
    """The cycles of `executed` in each of the `regions`; a block of unknown code counts as unknown.

    A block is timed by itself: what its first instructions might wait for is not looked at, but in
    a loop of one block.
    """
    totals = [[0.0] * regions for _ in CORNERS]
    unknown: Counter[str] = Counter()

    @cache
    def timed(block: Block) -> tuple[_Timed, ...]:
        return tuple(_time(_code(block, instructions), timing, i) for i in range(len(CORNERS)))

    for e in executed:
        if e.region >= regions:
            continue
        waits = e.times * _waits(e.block, board.memories)
        for corner, found in enumerate(timed(e.block)):
            cycles = found.once * e.times + found.taken * e.taken
            if found.again is not None:  # all but the first time it follows itself
                cycles += (found.again - found.once) * e.taken
            totals[corner][e.region] += cycles * at(timing.factor, corner) + waits
        for name in timed(e.block)[0].unknown:
            unknown[name] += e.times
    spans = tuple(Span.of(t[r] for t in totals) for r in range(regions))
    return Modelled(spans, tuple(name for name, _ in unknown.most_common()))


def ranges(executed: Iterable[Executed], gap: int = 4096) -> tuple[tuple[int, int], ...]:
    """The addresses (first, end) that hold all blocks; more than `gap` bytes apart are two."""
    found: list[tuple[int, int]] = []
    for first, end in sorted({(e.block.first, e.block.end) for e in executed}):
        if found and first <= found[-1][1] + gap:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((first, end))
    return tuple(found)


def _waits(block: Block, memories: Sequence[Memory]) -> int:
    """Wait states of an execution of `block`: one fetch for each line that it lies in."""
    for m in memories:
        if m.origin <= block.first < m.origin + m.bytes:
            return m.wait * ((block.end - 1) // m.line - block.first // m.line + 1)
    return 0


def _code(block: Block, instructions: Mapping[int, Instruction]) -> tuple[Instruction, ...]:
    """The instructions of `block`; what the disassembly lacks is called `?`."""
    found = []
    address = block.first
    while address < block.end:
        known = instructions.get(address, Instruction(address, 2, "?", ""))
        found.append(known)
        address += known.size
    return tuple(found)


@dataclass(frozen=True)
class _Timed:
    """Cycles of a block, and the more that a taken branch at its end costs.

    `again`: of a block that loops to itself, those of an execution right after another.
    """

    once: float
    taken: float
    again: float | None
    unknown: tuple[str, ...]


def _time(code: Sequence[Instruction], timing: Timing, corner: int) -> _Timed:
    classes = [timing.class_of(i.mnemonic, i.operands) for i in code]
    unknown = tuple(i.mnemonic for i, c in zip(code, classes, strict=True) if c is None)
    last = classes[-1]
    taken = at(last.taken, corner) if last else 0.0
    if timing.kind == "bound":
        return _Timed(_at_least(code, classes, timing, corner), 0.0, None, unknown)
    known = [c or InstructionClass("?", "", "", cycles=timing.unknown) for c in classes]
    pipeline = _Pipeline(corner)
    once = pipeline.issue(code, known)
    again = None
    if code[-1].target == code[0].address:
        pipeline.time += taken
        again = pipeline.issue(code, known) - once - taken
    return _Timed(once, taken, again, unknown)


def _at_least(
    code: Sequence[Instruction],
    classes: Sequence[InstructionClass | None],
    timing: Timing,
    corner: int,
) -> float:
    """What no execution of `code` is faster than: issue, and the fullest unit."""
    units: dict[str, float] = {}
    for i, c in zip(code, classes, strict=True):
        if c and c.unit:
            units[c.unit] = units.get(c.unit, 0.0) + _cycles(i, c, corner)
    return max(len(code) / timing.issue, *units.values(), 0.0)


def _cycles(i: Instruction, c: InstructionClass, corner: int) -> float:
    return at(c.cycles, corner) + c.each * len(i.listed)


class _Pipeline:
    """Issues one instruction after the other, in order, as soon as what it needs is there."""

    def __init__(self, corner: int) -> None:
        self.corner = corner
        self.time = 0.0  # when the next one can be issued
        self.ready: dict[str, float] = {}  # registers
        self.free: dict[str, float] = {}  # units
        self.before: tuple[Instruction, InstructionClass, float] | None = None

    def issue(self, code: Sequence[Instruction], classes: Sequence[InstructionClass]) -> float:
        """Issue `code`; answers the time when the next instruction can be."""
        for instruction, kind in zip(code, classes, strict=True):
            self._one(instruction, kind)
        return self.time

    def _one(self, i: Instruction, c: InstructionClass) -> None:
        cycles = _cycles(i, c, self.corner)
        start = self.time
        if self._paired(i, c):
            assert self.before is not None
            start, self.before = self.before[2], None
            self.time = max(self.time, start + cycles)
        else:
            needed = i.read(c.writes)
            start = max(
                start, self.free.get(c.unit, 0.0), *(self.ready.get(r, 0.0) for r in needed)
            )
            if self.before is not None:
                made = self.before[0].written(self.before[1].writes)
                addressed = bool(made & i.addressed_by)
                if self.before[1].name in c.after and not addressed:
                    cycles = c.pipelined
                elif addressed and not self.before[0].addressed_by:
                    start += c.address
            self.time = start + cycles
            self.before = i, c, start
        for register in i.written(c.writes):
            self.ready[register] = start + (c.latency or cycles)
        if c.unit:
            self.free[c.unit] = start + (c.busy or cycles)

    def _paired(self, i: Instruction, c: InstructionClass) -> bool:
        """Whether `i` is issued with the one before it, which is not of a pair yet."""
        if self.before is None or i.size != 2 or self.before[0].size != 2:
            return False
        first, kind, _ = self.before
        waits = first.written(kind.writes) & i.read(c.writes)
        return (c.pairs or kind.pairs) and not waits
