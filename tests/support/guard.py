"""Executes a plan without its values: what each byte of the arena holds, turn by turn.

Each byte holds a number that says which byte of which tensor it is. A call finds the bytes that it
needs, or the plan is wrong; what it worked with is spoilt behind it. What a call reads and writes
is taken from its kernel's work and from what targets/c emits; nothing here is the planner's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from ascua.ir import ITEMSIZE, Array, Tensor
from ascua.kernels import Overlap, Rows, Run, Sums
from ascua.plan import STATES, Buffer, Call, Plan, Source, Step, View

ALIGNMENT = 4
"""Of all that a kernel is told the beginning of, but rows of a whole tensor."""
SPOILT, PADDING = -1, -2
"""What is in bytes that nobody may read, and in those of padding."""


class Fault(AssertionError):
    """What a plan does wrong, and where."""


@dataclass(frozen=True)
class Place:
    """Some bytes of a memory, and what they hold: (n,) numbers."""

    memory: str
    start: int
    holds: Array

    @property
    def end(self) -> int:
        """Behind the last byte."""
        return self.start + len(self.holds)

    def meets(self, other: Place) -> bool:
        """Whether they have bytes in common."""
        return (
            self.memory == other.memory
            and max(self.start, other.start) < min(self.end, other.end)
        )  # fmt: skip


def walk(plan: Plan) -> None:
    """Run `plan` once. Raises Fault with the step, the call, its turn and the row."""
    _Machine(plan).run()


@dataclass(eq=False)
class _Machine:
    plan: Plan
    memories: dict[str, Array] = field(default_factory=dict)
    first: dict[Tensor, int] = field(default_factory=dict)
    """The number of the first byte of each tensor that is no view."""
    roots: dict[Tensor, Tensor] = field(default_factory=dict)
    where: str = "before the first step"
    next: int = 0

    def __post_init__(self) -> None:
        for a in self.plan.arenas:
            self.memories[a.memory] = np.full(a.bytes, SPOILT, np.int64)
        for op in self.plan.graph.ops:
            if op.view:
                self.roots[op.y] = self.roots.get(op.x, op.x)
        for t in self.plan.graph.tensors():
            if t not in self.roots:
                self.first[t] = self.next
                self.next += t.bytes

    def fresh(self, count: int) -> Array:
        """So many numbers that nothing else has."""
        self.next += count
        return np.arange(self.next - count, self.next)

    def fault(self, what: str) -> Fault:
        return Fault(f"{self.plan.graph.name} on {self.plan.board.name}, goal"
                     f" {self.plan.goal.kind}: {self.where}: {what}")  # fmt: skip

    # -- memory

    def check(self, p: Place, what: str) -> None:
        """That the bytes are there and hold what is expected."""
        found = self.memories[p.memory][p.start : p.end] if p.start >= 0 else np.zeros(0)
        if len(found) < len(p.holds):
            raise self.fault(f"{what} lies beyond {p.memory}: {p.start}..{p.end}")
        wrong = np.flatnonzero(found != p.holds)
        if len(wrong):
            at = int(wrong[0])
            raise self.fault(
                f"{what}, its byte {at} at {p.start + at}: there is {self.said(int(found[at]))}"
            )

    def write(self, p: Place, what: str) -> None:
        memory = self.memories[p.memory]
        if p.start < 0 or p.end > len(memory):
            raise self.fault(f"{what} lies beyond {p.memory}: {p.start}..{p.end}")
        memory[p.start : p.end] = p.holds

    def said(self, number: int) -> str:
        """What a byte holds, in words."""
        if number < 0:
            return "nothing" if number == SPOILT else "padding"
        for t, first in self.first.items():
            if first <= number < first + t.bytes:
                row = (number - first) // max(t.bytes // t.height, 1)
                return f"byte {number - first} of '{t.name}', row {row}"
        return "what a call works with"

    def numbers(self, t: Tensor, start: int = 0, count: int | None = None) -> Array:
        """What bytes of a tensor hold."""
        first = self.first[self.roots.get(t, t)] + start
        return np.arange(first, first + (t.bytes if count is None else count))

    def whole(self, v: View) -> Place:
        """All of a tensor, in one piece."""
        if v.rows is not None and len(v.rows) > 1:
            raise self.fault(f"'{v.tensor.name}' is not in one piece")
        start = v.rows[0] if v.rows else v.buffer.offset
        return self.aligned(Place(v.buffer.memory, start, self.numbers(v.tensor)), v.tensor.name)

    def row(
        self, v: View, r: int, rows: int | None = None, *, made: int | None = None
    ) -> Place:  # fmt: skip
        """A row of a tensor, of its image or of so many `rows`.

        `made`: of rows that are made again, the turn that does.
        """
        rows = rows or v.tensor.height
        size = v.tensor.bytes // rows
        start = v.buffer.offset + r * size
        if v.rows is not None:
            if made is None and len(v.rows) != rows:
                raise self.fault(f"'{v.tensor.name}' has {len(v.rows)} places of rows")
            start = v.rows[r if made is None else made]
            if start % ALIGNMENT:
                raise self.fault(f"row {r} of '{v.tensor.name}' begins at {start}")
        return Place(v.buffer.memory, start, self.numbers(v.tensor, r * size, size))

    def aligned(self, p: Place, what: str) -> Place:
        if p.start % ALIGNMENT:
            raise self.fault(f"{what} begins at {p.start}")
        return p

    # -- a run

    def run(self) -> None:
        inputs = () if self.plan.by_rows else self.plan.inputs
        given = [self.whole(v) for v in inputs]
        for p in given:
            self.write(p, "an input")
        for k in self.plan.states:
            self.write(Place(STATES, k.buffer.offset, self.numbers(k.state.tensor)), "a state")
        for k in self.plan.states:
            if k.copy is not None:
                self.write(self.whole(k.copy), f"the copy of '{k.state.name}'")
        for v, p in zip(inputs, given, strict=True):
            self.check(p, f"input '{v.tensor.name}'")
        for step in self.plan.steps:
            self.step(step)
        self.where = "behind the last step"
        for v in self.plan.outputs:
            self.check(self.whole(v), f"output '{v.tensor.name}'")
        for k in self.plan.states:
            after = self.whole(k.after)
            self.check(after, f"what '{k.state.name}' is afterwards")
            self.write(Place(STATES, k.buffer.offset, after.holds), "a state")

    def step(self, step: Step) -> None:
        turns = [_turns(c, looped=step.looped) for c in step.calls]
        runs = [_Running(self, c, looped=step.looped) for c in step.calls]
        taken = [0] * len(step.calls)
        for i in step.order:
            c, k = step.calls[i], taken[i]
            self.where = f"{step.name}, {c.op.kind} '{c.op.name}' by {c.kernel.name}, turn {k}"
            if k >= turns[i]:
                raise self.fault(f"it has {turns[i]} turns")
            runs[i].turn(k, last=k + 1 == turns[i])
            taken[i] += 1
        self.where = step.name
        if taken != turns:
            raise self.fault(f"its calls have {taken} turns of {turns}")


def _turns(c: Call, *, looped: bool) -> int:
    """How often the emitted code calls the kernel."""
    if c.again is not None:
        return len(c.again)
    if isinstance(c.work, Rows):
        return -(-c.op.y.shape[1] // c.work.block)
    if isinstance(c.work, Sums):
        return c.work.rows
    by_rows = looped or isinstance(c.op, Source)
    return c.op.y.height if by_rows and c.work is not None else 1


@dataclass(eq=False)
class _Running:
    """A call of a step under way."""

    machine: _Machine
    call: Call
    looped: bool
    sums: Array | None = None
    """The numbers of what it keeps in scratch from turn to turn."""

    def turn(self, k: int, *, last: bool) -> None:
        m, c = self.machine, self.call
        x, work = c.reads, c.work
        writes: list[Place]
        if isinstance(work, Rows):
            r = self.made(k)
            if c.under is not None:
                for row, under in zip(self.inside(work, r), c.under[k], strict=True):
                    if row is None and under is not None:
                        raise m.fault(f"padding is taken for what turn {under} made")
            reads = self.lines(work, r, k) if self.padded(work) else self.window(work, r, k)
            oh = c.op.y.shape[1]
            rows = range(r * work.block, min((r + 1) * work.block, oh))
            made = None if c.again is None else k
            writes = [self.joined(m.row(c.writes[0], row, made=made) for row in rows)]
        elif isinstance(work, Sums):
            reads = [m.row(x[0], k, work.rows)]
            writes = [m.whole(v) for v in c.writes] if last else []
        elif isinstance(work, Run) and (self.looped or not x):
            r = self.made(k)
            reads = [self.alike(v, r) for v in x]
            writes = [m.row(v, r, made=None if c.again is None else k) for v in c.writes]
        else:
            reads = [m.whole(v) for v in x]
            writes = [m.whole(v) for v in c.writes]
        self.called(reads, writes, last=last)

    def made(self, k: int) -> int:
        """The row, or block of rows, that a turn makes."""
        return k if self.call.again is None else self.call.again[k]

    def under(self, v: View, r: int, ky: int, k: int) -> Place:
        """Row `r` of what the call reads in turn `k`, the one for row `ky` of its window."""
        if self.call.under is None:
            return self.machine.row(v, r)
        made = self.call.under[k][ky]
        if made is None:
            raise self.machine.fault(f"row {r} of '{v.tensor.name}' is taken for padding")
        return self.machine.row(v, r, made=made)

    def alike(self, v: View, k: int) -> Place:
        """The row of an input that makes row `k`."""
        if k >= v.tensor.height:
            raise self.machine.fault(f"'{v.tensor.name}' has no row {k}")
        return self.machine.row(v, k)

    def joined(self, rows: Iterator[Place]) -> Place:
        """Rows that are written at once, one behind the other."""
        found = [*rows]
        for a, b in pairwise(found):
            if a.end != b.start:
                raise self.machine.fault("its rows are not one behind the other")
        return Place(found[0].memory, found[0].start, np.concatenate([p.holds for p in found]))

    # -- what is beside tensors

    def buffer(self, b: Buffer | None, count: int, what: str) -> Place:
        """The first `count` bytes of a buffer."""
        m = self.machine
        if b is None or b.bytes < count:
            raise m.fault(f"{count} bytes of {what} are wanted, of {b.bytes if b else 0}")
        if b.offset % ALIGNMENT:
            raise m.fault(f"its {what} begins at {b.offset}")
        place = Place(b.memory, b.offset, np.full(count, SPOILT))
        if place.end > len(m.memories[b.memory]):
            raise m.fault(f"its {what} lies beyond {b.memory}")
        return place

    def inside(self, work: Rows, k: int) -> list[int | None]:
        """The rows of the input under the window; None is padding."""
        ih = self.call.op.x.shape[1]
        tops = (k * work.sy - work.py + ky * work.dy for ky in range(work.kh))
        return [y if 0 <= y < ih else None for y in tops]

    def padded(self, work: Rows) -> bool:
        """Whether it reads copies of rows, with their padding."""
        if work.fill is None:
            return False
        turns = range(_turns(self.call, looped=self.looped))
        every = (self.inside(work, self.made(k)) for k in turns)
        return work.left > 0 or work.right > 0 or any(None in rows for rows in every)

    def window(self, work: Rows, at: int, k: int) -> list[Place]:
        """The input's own rows, of the window for row `at` of the output, in turn `k`."""
        m, v = self.machine, self.call.reads[0]
        rows = self.inside(work, at)
        if work.fill is not None and None in rows:
            raise m.fault("it meets padding that it has no row of")
        return [self.under(v, r, ky, k) for ky, r in enumerate(rows) if r is not None]

    def lines(self, work: Rows, at: int, k: int) -> list[Place]:
        """Copies of them: all anew in a loop, and else in a ring, those that are not there yet."""
        m, v = self.machine, self.call.reads[0]
        _, ih, iw, ic = self.call.op.x.shape
        pixel = ic * ITEMSIZE[self.call.op.x.dtype]
        line = (work.left + iw + work.right) * pixel
        span = (work.kh - 1) * work.dy + 1
        lines = self.buffer(self.call.lines, (work.kh if self.looped else span) * line, "lines")
        top = at * work.sy - work.py

        def padded(r: int, slot: int) -> tuple[Place | None, Place]:
            """A row, and what its line holds."""
            start = lines.start + slot * line
            if not 0 <= r < ih:
                return None, Place(lines.memory, start, np.full(line, PADDING))
            row = self.under(v, r, slot, k) if self.looped else m.row(v, r)
            sides = (np.full(n * pixel, PADDING) for n in (work.left, work.right))
            left, right = sides
            return row, Place(lines.memory, start, np.concatenate([left, row.holds, right]))

        if self.looped:
            wanted = [(top + ky * work.dy, ky) for ky in range(work.kh)]
            copied = wanted
        else:
            fresh = span if at == 0 or work.sy > span else work.sy
            copied = [(r, (r + work.py) % span) for r in range(top + span - fresh, top + span)]
            wanted = [(r, (r + work.py) % span) for r in range(top, top + span, work.dy)]
        for r, slot in copied:
            row, place = padded(r, slot)
            if row is not None:
                m.check(row, f"row {r} of '{v.tensor.name}'")
                if row.meets(place):
                    raise m.fault(f"row {r} of '{v.tensor.name}' is copied over itself")
            m.write(place, "a line")
        return [padded(r, slot)[1] for r, slot in wanted]

    def called(self, reads: Sequence[Place], writes: Sequence[Place], *, last: bool) -> None:
        """The kernel itself: reads, works and writes at once."""
        m, c = self.machine, self.call
        for p, what in zip(reads, self.titles(reads), strict=True):
            m.check(p, what)
        own = self.working()
        for i, w in enumerate(writes):
            for other in [*writes[i + 1 :], *own]:
                if w.meets(other):
                    raise m.fault("it writes one output over another one, or over its scratch")
            for r in reads:
                if w.meets(r) and not lies_well(self.overlap(), r, w):
                    raise m.fault(f"it writes {w.start}..{w.end} over {r.start}..{r.end},"
                                  f" which it reads; allowed: {self.overlap()}")  # fmt: skip
        for s in own:
            for r in reads:
                if s.meets(r):
                    raise m.fault(f"its scratch lies over what it reads, at {r.start}")
            if self.sums is not None:
                m.check(replace(s, holds=self.sums), "its sums")
            self.sums = None
            if isinstance(c.work, Sums) and not last:
                self.sums = m.fresh(len(s.holds))
            m.write(s if self.sums is None else replace(s, holds=self.sums), "its scratch")
        if c.lines and self.looped:
            m.write(self.buffer(c.lines, c.lines.bytes, "lines"), "a line")
        for w in writes:
            m.write(w, "what it makes")

    def titles(self, reads: Sequence[Place]) -> list[str]:
        """What the places are, in words."""
        names = [v.tensor.name for v in self.call.reads]
        names = names if len(names) == len(reads) else names[:1] * len(reads)
        return [f"what it reads of '{n}'" for n in names]

    def working(self) -> list[Place]:
        """Its scratch."""
        count = self.call.kernel.scratch(self.call.op)
        return [self.buffer(self.call.scratch, count, "scratch")] if count else []

    def overlap(self) -> Overlap:
        """How it may write over what it reads."""
        return self.call.kernel.overlap(self.call.op, rows=self.looped)


def lies_well(overlap: Overlap, x: Place, y: Place) -> bool:
    """Whether an output may lie over an input as it does."""
    if overlap is None:
        return False
    if overlap == "exact":
        return y.start == x.start and len(y.holds) <= len(x.holds)
    return y.start + overlap <= x.start
