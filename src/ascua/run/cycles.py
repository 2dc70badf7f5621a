"""Model cycles: how often blocks were executed, times what a core's timing says they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ascua.boards import Board, Memory
from ascua.boards.timing import ASSUMED, CORNERS, MOST, InstructionClass, Timing, at
from ascua.run.disassembly import Instruction
from ascua.run.outcome import Span


@dataclass(frozen=True)
class Block:
    """So many instructions that are executed one after the other, from the address `first` on."""

    first: int
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

    Blocks that fall into each other are timed as one: QEMU cuts them where a page ends. What the
    first instructions might wait for is not looked at, but in a loop of one block.
    """
    totals = [[0.0] * regions for _ in CORNERS]
    unknown: Counter[str] = Counter()

    @cache
    def timed(blocks: tuple[Block, ...]) -> tuple[_Timed, ...]:
        code = tuple(i for block in blocks for i in _code(block, instructions))
        waits = _waits(code, board.memories)
        return tuple(_time(code, timing, i, waits) for i in range(len(CORNERS)))

    for chain in _chains([e for e in executed if e.region < regions], instructions):
        for corner, found in enumerate(timed(chain.blocks)):
            cycles = found.once * chain.times + found.taken * chain.taken
            if found.again is not None:  # all but the first time it follows itself
                cycles += (found.again - found.once) * chain.taken
            cycles *= at(timing.factor, corner)
            totals[corner][chain.region] += cycles + found.waits * chain.times
        for name in timed(chain.blocks)[0].unknown:
            unknown[name] += round(chain.times)
    spans = tuple(Span.of(t[r] for t in totals) for r in range(regions))
    return Modelled(spans, tuple(name for name, _ in unknown.most_common()))


@dataclass(frozen=True)
class _Chain:
    """Blocks that were executed one behind the other, and how often the last one was left."""

    blocks: tuple[Block, ...]
    region: int
    times: float
    taken: float


def _chains(
    executed: Sequence[Executed], instructions: Mapping[int, Instruction]
) -> Iterator[_Chain]:
    """`executed`, those that always fall into the next one joined with it."""
    at_address = {(e.block.first, e.region): e for e in executed}
    heads = {e: float(e.times) for e in executed}
    following: dict[Executed, Executed] = {}
    for e in executed:
        end = sum(i.size for i in _code(e.block, instructions)) + e.block.first
        after = at_address.get((end, e.region))
        if e.taken == 0 and after is not None and after.times >= e.times:
            following[e] = after
            heads[after] -= e.times
    for e, times in heads.items():
        if times > 0:
            chain = [e]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            last = chain[-1]
            yield _Chain(
                tuple(c.block for c in chain), e.region, times, last.taken * times / last.times
            )


def ranges(executed: Iterable[Executed], gap: int = 4096) -> tuple[tuple[int, int], ...]:
    """The addresses (first, end) that hold all blocks; more than `gap` bytes apart are two."""
    found: list[tuple[int, int]] = []
    for first, n in sorted({(e.block.first, e.block.instructions) for e in executed}):
        end = first + n * MOST_BYTES
        if found and first <= found[-1][1] + gap:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((first, end))
    return tuple(found)


MOST_BYTES = 4
"""Of an instruction."""


def _waits(code: Sequence[Instruction], memories: Sequence[Memory]) -> int:
    """Wait states of an execution of `code`: one fetch for each line that it lies in."""
    lines = 0
    for m in memories:
        inside = {
            line
            for i in code
            if m.origin <= i.address < m.origin + m.bytes
            for line in (i.address // m.line, (i.address + i.size - 1) // m.line)
        }
        lines += m.wait * len(inside)
    return lines


def _code(block: Block, instructions: Mapping[int, Instruction]) -> list[Instruction]:
    """The instructions of `block`; what the disassembly lacks is called `?`."""
    found = []
    address = block.first
    for _ in range(block.instructions):
        found.append(instructions.get(address, Instruction(address, 2, "?", "")))
        address += found[-1].size
    return found


@dataclass(frozen=True)
class _Timed:
    """Cycles of a block, and the more that a taken branch at its end costs.

    `again`: of a block that loops to itself, those of an execution right after another.
    """

    once: float
    taken: float
    again: float | None
    unknown: tuple[str, ...]
    waits: int = 0
    """Wait states: none in the least, nor in a bound; a fitted one has them in its factor."""


def _time(code: Sequence[Instruction], timing: Timing, corner: int, waits: int) -> _Timed:
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
    counted = corner == MOST or (corner == ASSUMED and timing.kind == "model")
    return _Timed(once, taken, again, unknown, waits if counted else 0)


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
            needed = i.read(c.writes) | (i.written(c.writes) if c.accumulates else frozenset())
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
        first, kind, start = self.before
        needed = i.read(c.writes)
        there = all(self.ready.get(r, 0.0) <= start for r in needed)
        waits = first.written(kind.writes) & needed
        return (c.pairs or kind.pairs) and there and not waits
