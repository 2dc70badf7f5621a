"""Where the tensors, rows of tensors, line buffers and scratch of a plan lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ascua.boards import Board
from ascua.errors import Unsupported, brief
from ascua.ir import Graph, Op, State, Tensor
from ascua.kernels import Overlap, Rows, Sums
from ascua.plan import memories
from ascua.plan.course import live_bytes
from ascua.plan.cuts import Cut
from ascua.plan.flow import ALIGNMENT, Flow, align, line_bytes
from ascua.plan.memories import Layout, Thing, Wishes
from ascua.plan.parts import STATES, Arena, Buffer, Kept, View
from ascua.plan.place import Piece, Span, bound, place

MOST_TENSORS = 4096
"""More than can be placed in a sensible time, and ten times what known networks have."""


@dataclass(frozen=True, eq=False)
class Placement:
    """The buffers of a plan: for tensors, and for the calls of its steps."""

    tensors: Mapping[Tensor, Buffer]
    rows: Mapping[Tensor, tuple[int, ...]]
    """For tensors of several rows that are never whole: where each row lies."""
    lines: Mapping[Op, Buffer]
    scratch: Mapping[Op, Buffer]
    states: Mapping[State, Buffer]
    arenas: tuple[Arena, ...]
    flow: Flow

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """All of them."""
        parts = (self.tensors, self.lines, self.scratch)
        return (*(b for part in parts for b in part.values()), *self.states.values())

    def view(self, t: Tensor) -> View:
        """Where `t` lies; a view operator's output shows another tensor's bytes."""
        root = self.flow.root(t)
        own = {s.tensor: b for s, b in self.states.items()}
        buffer = self.tensors[root] if root in self.tensors else own[root]
        return View(buffer, t, self.rows.get(root))

    def kept(self, s: State) -> Kept:
        """Where a state lies between runs, and in them."""
        copy = self.view(s.tensor) if s.tensor in self.tensors else None
        return Kept(s, self.states[s], self.view(s.after), copy)


def check_size(flow: Flow) -> None:
    """Raise Unsupported for more tensors than are placed."""
    if len(flow.tensors) > MOST_TENSORS:
        raise Unsupported(
            f"{flow.graph.name}: it has {len(flow.tensors):,} tensors;"
            f" at most {MOST_TENSORS:,} are placed.",
            ["Take a network for microcontrollers: they have a hundred layers at most."],
        )


def placed(
    flow: Flow, cuts: Sequence[Cut], board: Board, tries: int, wishes: Wishes | None = None
) -> Placement:
    """The memory for the steps `cuts`, of some tensors as it is wished."""
    graph = flow.graph
    found = _Spans(flow, cuts)
    peaks = [c.peak for c in cuts] or [live_bytes(flow, 0)]
    least = align(max(peaks, default=0))
    offsets = place(found.spans, ALIGNMENT, tries, found.over, least)
    total = max((o + s.bytes for o, s in zip(offsets, found.spans, strict=True)), default=0)
    states = _kept(graph, len(cuts))
    beside = _arena_of(states)
    laid = _laid(found, board, wishes or {}, Arena("", align(total), least, found.whole_tensors()),
                 offsets, sum(a.bytes for a in beside))  # fmt: skip
    offsets, first = laid.offsets, laid.arenas[0].memory

    def buffer(title: str, step: tuple[int, int], spans: Sequence[int], t: Tensor | None) -> Buffer:
        start = min(offsets[i] for i in spans)
        most = bound([found.spans[i] for i in spans])
        memory = laid.memories[spans[0]]
        return Buffer(title, memory, start, most, *step, t, other=memory != first)

    tensors = {
        flow.tensors[n]: buffer(flow.tensors[n].name, found.steps[n], spans, flow.tensors[n])
        for n, spans in found.tensors.items()
    }
    rows = {
        flow.tensors[n]: found.places(n, offsets)
        for n, spans in found.tensors.items()
        if n in found.scattered and len(spans) > 1
    }
    return Placement(
        tensors=tensors,
        rows=rows,
        lines={
            op: buffer(f"lines of {op.name}", (at, at), [i], None)
            for op, (i, at) in found.lines.items()
        },
        scratch={
            op: buffer(f"scratch of {op.name}", (at, at), [i], None)
            for op, (i, at) in found.scratch.items()
        },
        states=states,
        arenas=(*laid.arenas, *beside),
        flow=flow,
    )


def _laid(
    found: _Spans, board: Board, wishes: Wishes, arena: Arena, offsets: tuple[int, ...], states: int
) -> Layout:
    """All in one memory at `offsets`; or cut, where none takes `arena`, or as it is wished."""
    name = memories.alone(board, arena.bytes, states)
    wished = {wishes[t] for t in found.flow.tensors if t in wishes}
    if name is None or wished - {name}:
        laid = memories.cut(board, found.spans, found.things(wishes), found.over, states)
        if laid is not None:
            first = replace(laid.arenas[0], whole_tensors=arena.whole_tensors)
            return replace(laid, arenas=(first, *laid.arenas[1:]))
    largest = max(memories.rams(board), key=lambda m: m.bytes, default=None)
    name = name or (largest.name if largest else "ram")
    return Layout((name,) * len(offsets), offsets, (replace(arena, memory=name),))


@dataclass(eq=False)
class _Spans:
    """What is to be placed: spans over the turns of all steps, two moments each."""

    flow: Flow
    cuts: Sequence[Cut]
    spans: list[Span] = field(default_factory=list)
    tensors: dict[int, list[int]] = field(default_factory=dict)
    """The span of each tensor, or those of its rows."""
    scattered: set[int] = field(default_factory=set)
    """The tensors whose rows lie anywhere."""
    blocks: dict[int, int] = field(default_factory=dict)
    """How many of them are made at once, and lie together."""
    steps: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The first and the last step that a tensor is for."""
    lines: dict[Op, tuple[int, int]] = field(default_factory=dict)
    """The span of a call's line buffers, and the step."""
    scratch: dict[Op, tuple[int, int]] = field(default_factory=dict)
    over: dict[tuple[int, int], Overlap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        born: dict[int, list[int]] = {}
        died: dict[int, list[int]] = {}
        base = 0
        for at, cut in enumerate(self.cuts):
            for n, moments in cut.course.born.items():
                first = at if moments[0] >= 0 else 0
                self.steps[n] = (self.steps.get(n, (first, 0))[0], at)
                born.setdefault(n, [max(base + m, -1) for m in moments])
                died[n] = [base + m for m in cut.course.died[n]]
            self.scattered |= cut.course.apart
            if len(cut.calls) > 1:
                self.blocks |= {
                    self.flow.place[t]: c.work.block
                    for c in cut.calls.values()
                    if isinstance(c.work, Rows)
                    for t in c.op.outputs
                }
            base += 2 * len(cut.course.order)
        for n in self.flow.left:
            self.steps[n] = (self.steps.get(n, (0, 0))[0], max(len(self.cuts) - 1, 0))
        for n, t in enumerate(self.flow.tensors):
            if n not in born:  # nothing runs
                born[n], died[n] = [-1] * self.flow.rows[n], [base] * self.flow.rows[n]
                self.steps.setdefault(n, (0, 0))
            self.tensor(n, t, born[n], died[n])
        base = 0
        for at, cut in enumerate(self.cuts):
            self.calls(at, cut, base, born, died)
            base += 2 * len(cut.course.order)

    def add(self, span: Span) -> int:
        """The place of a new span."""
        self.spans.append(span)
        return len(self.spans) - 1

    def tensor(self, n: int, t: Tensor, born: Sequence[int], died: Sequence[int]) -> None:
        """The spans of a tensor."""
        size = self.flow.row_bytes[n]
        if n in self.scattered:
            block = self.blocks.get(n, 1)
            self.tensors[n] = [
                self.add(_block(align(size), born[i : i + block], died[i : i + block]))
                for i in range(0, len(born), block)
            ]
            return
        pieces, row = [], 0
        for (b, d), group in groupby(zip(born, died, strict=True)):
            count = len([*group])
            pieces.append(Piece(row * size, (row + count) * size, b, d))
            row += count
        self.tensors[n] = [self.add(Span(t.bytes, min(born), max(died), tuple(pieces)))]

    def places(self, n: int, offsets: Sequence[int]) -> tuple[int, ...]:
        """Where each row of a scattered tensor lies, of the spans' offsets."""
        block, size = self.blocks.get(n, 1), align(self.flow.row_bytes[n])
        spans = self.tensors[n]
        rows = self.flow.rows[n] if block > 1 else len(spans)
        return tuple(offsets[spans[row // block]] + row % block * size for row in range(rows))

    def calls(
        self, at: int, cut: Cut, base: int, born: Mapping[int, list[int]],
        died: Mapping[int, list[int]],
    ) -> None:  # fmt: skip
        """The spans of what the calls of a step work with, and how their outputs may lie."""
        moments: dict[int, list[int]] = defaultdict(list)
        for k, i in enumerate(cut.course.order):
            moments[i].append(base + 2 * k)
        alone = len(cut.calls) == 1
        for i, c in cut.calls.items():
            first, last = moments[i][0], moments[i][-1] + 1
            both = tuple(m for k in moments[i] for m in (k, k + 1))
            moves = cut.course.moves[i]
            if n := line_bytes(c, alone=alone):
                span = Span(n, first, last, moments=() if alone else both)
                self.lines[c.op] = (self.add(span), at)
            if n := align(c.kernel.scratch(c.op)):
                span = Span(n, first, last, moments=() if isinstance(c.work, Sums) else both)
                self.scratch[c.op] = (self.add(span), at)
            if moves.overlap is not None and len(moves.makes) == 1:
                y = moves.makes[0]
                for moment in (k + 1 for k in moments[i]):
                    for r in moves.reads:
                        for over in self.pairs(r.tensor, y, moment, born, died, moves.turns):
                            self.over[over] = moves.overlap

    def things(self, wishes: Wishes) -> list[Thing]:
        """What lies in one memory each, and how often its bytes are read and written."""
        tensors = self.flow.tensors
        touched = dict.fromkeys(range(len(tensors)), 0.0)
        found = []
        for cut in self.cuts:
            for c in cut.calls.values():
                lines = line_bytes(c, alone=len(cut.calls) == 1)
                for n in self.flow.sources(c.op):
                    read = memories.read(c, tensors[n])
                    touched[n] += tensors[n].bytes if lines else read
                for t in c.op.outputs:
                    touched[self.flow.place[t]] += t.bytes
                for i in (at[c.op][0] for at in (self.lines, self.scratch) if c.op in at):
                    heat = memories.read(c, c.op.x) / max(self.spans[i].bytes, 1)
                    found.append(Thing((i,), heat))
        for n, spans in self.tensors.items():
            held = bound([self.spans[i] for i in spans])
            memory = wishes.get(tensors[n])
            found.append(Thing(tuple(spans), touched[n] / max(held, 1), memory))
        return found

    def pairs(
        self, x: int, y: int, moment: int, born: Mapping[int, list[int]],
        died: Mapping[int, list[int]], turns: int,
    ) -> Iterator[tuple[int, int]]:  # fmt: skip
        """The spans of rows that a turn reads for the last time, and of those that it makes."""
        if turns > 1 and (
            not {x, y} <= self.scattered or self.blocks.get(x, 1) > 1 or self.blocks.get(y, 1) > 1
        ):
            return
        for i, d in zip(self.tensors[x], self.each(x, died[x]), strict=True):
            for j, b in zip(self.tensors[y], self.each(y, born[y]), strict=True):
                if d == moment == b:
                    yield i, j

    def each(self, n: int, moments: Sequence[int]) -> Sequence[int]:
        """Of each span of a tensor."""
        return moments if n in self.scattered else [max(moments)]

    def whole_tensors(self) -> int:
        """The bytes of the fullest step if every tensor were whole, without scratch."""
        flow = self.flow
        spans = []
        for n, t in enumerate(flow.tensors):
            maker = flow.makers[n]
            uses = [*(() if maker is None else (maker,)), *flow.readers[n]]
            last = len(flow.ops) - 1 if n in flow.left else max(uses, default=0)
            spans.append(Span(t.bytes, 0 if maker is None else maker, max(last, 0)))
        return bound(spans)


def _block(size: int, born: Sequence[int], died: Sequence[int]) -> Span:
    """Rows that lie together, of so many bytes each."""
    first, last = min(born), max(died)
    if len(born) == 1:
        return Span(size, first, last)
    pieces = [
        Piece(i * size, (i + 1) * size, b, d)
        for i, (b, d) in enumerate(zip(born, died, strict=True))
    ]
    return Span(size * len(born), first, last, tuple(pieces))


def _kept(graph: Graph, steps: int) -> dict[State, Buffer]:
    """Where states lie between runs: one behind the other."""
    found: dict[State, Buffer] = {}
    at = 0
    for s in graph.states:
        if s.after.const:
            raise Unsupported(
                f"{graph.name}: every run leaves a constant in the variable '{brief(s.name)}'.",
                ["Leave the variable out: only the first run sees another value."],
            )
        t = s.tensor
        found[s] = Buffer(s.name, STATES, at, t.bytes, 0, max(steps - 1, 0), t)
        at += align(t.bytes)
    return found


def _arena_of(states: Mapping[State, Buffer]) -> list[Arena]:
    """The memory of the states, where there are any."""
    total = sum(align(b.bytes) for b in states.values())
    return [Arena(STATES, total, total, total)] if states else []
