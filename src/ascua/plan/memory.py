"""Where the tensors, line buffers and scratch of a plan lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ascua.boards import Board
from ascua.errors import Unsupported, brief
from ascua.ir import ITEMSIZE, Graph, Op, State, Tensor
from ascua.kernels import Rows
from ascua.plan.choose import Chosen
from ascua.plan.parts import STATES, Arena, Buffer, Kept, View
from ascua.plan.place import Span, align, bound, place

ALIGNMENT = 4
"""Bytes: words are read at once by kernels of 32-bit cores."""

MOST_TENSORS = 4096
"""More than can be placed in a sensible time, and ten times what known networks have."""


@dataclass(frozen=True, eq=False)
class Placement:
    """The buffers of a plan: for tensors, and for the calls of its steps."""

    tensors: Mapping[Tensor, Buffer]
    passing: Mapping[Tensor, Buffer]
    """For tensors of which only a row is held: it is made and used up within a step."""
    lines: Mapping[Op, Buffer]
    scratch: Mapping[Op, Buffer]
    states: Mapping[State, Buffer]
    arenas: tuple[Arena, ...]
    roots: Mapping[Tensor, Tensor]

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """All of them."""
        parts = (self.tensors, self.passing, self.lines, self.scratch)
        return (*(b for part in parts for b in part.values()), *self.states.values())

    def view(self, t: Tensor) -> View:
        """Where `t` lies; a view operator's output shows another tensor's bytes."""
        if t in self.passing:
            b = self.passing[t]
            return View(b, t, rows=b.bytes * t.shape[1] // t.bytes)
        root = self.roots.get(t, t)
        own = {s.tensor: b for s, b in self.states.items()}
        return View(self.tensors[root] if root in self.tensors else own[root], t)

    def kept(self, s: State) -> Kept:
        """Where a state lies between runs, and in them."""
        copy = self.view(s.tensor) if s.tensor in self.tensors else None
        return Kept(s, self.states[s], self.view(s.after), copy)


def placed(graph: Graph, steps: Sequence[Sequence[Chosen]], board: Board, tries: int) -> Placement:
    """The memory for `steps`, each of one or more chosen kernels.

    Raises Unsupported for more tensors than are placed.
    """
    region = board.memory("w")
    name = region.name if region else "ram"
    roots = roots_of(graph)
    passing = [c.op.y for step in steps for c in step[:-1]]
    lives = lifetimes(graph, roots, steps)
    elsewhere = {*passing, *_read_in_place(graph, roots)}
    held = [t for t in graph.tensors() if t in lives and t not in elsewhere]
    if len(held) > MOST_TENSORS:
        raise Unsupported(
            f"{graph.name}: it has {len(held):,} tensors; at most {MOST_TENSORS:,} are placed.",
            ["Take a network for microcontrollers: they have a hundred layers at most."],
        )
    at_work = [(c, i) for i, step in enumerate(steps) for c in step]
    rows = [
        (c.op.y, rows_at_once(step) * c.op.y.bytes // c.op.y.shape[1], i)
        for i, step in enumerate(steps)
        for c in step[:-1]
    ]
    lines = [(c.op, n, i) for c, i in at_work if (n := line_bytes(c.op, c.work))]
    scratch = [(c.op, n, i) for c, i in at_work if (n := c.kernel.scratch(c.op))]
    spans = [Span(t.bytes, *lives[t]) for t in held]
    whole = bound(spans)
    spans += [Span(n, i, i) for _, n, i in (*rows, *lines, *scratch)]
    offsets = place(spans, ALIGNMENT, tries)
    ends = (o + s.bytes for o, s in zip(offsets, spans, strict=True))
    arena = Arena(name, align(max(ends, default=0), ALIGNMENT), bound(spans, ALIGNMENT), whole)
    there = zip(offsets, spans, strict=True)
    states = _kept(graph, len(steps))

    def buffer(title: str, t: Tensor | None = None) -> Buffer:
        offset, s = next(there)
        return Buffer(title, name, offset, s.bytes, s.first, s.last, t)

    return Placement(
        tensors={t: buffer(t.name, t) for t in held},
        passing={t: buffer(f"rows of {t.name}", t) for t, _, _ in rows},
        lines={op: buffer(f"lines of {op.name}") for op, _, _ in lines},
        scratch={op: buffer(f"scratch of {op.name}") for op, _, _ in scratch},
        states=states,
        arenas=(arena, *_arena_of(states)),
        roots=roots,
    )


def _read_in_place(graph: Graph, roots: Mapping[Tensor, Tensor]) -> set[Tensor]:
    """The tensors of states that a run reads where they are kept: not those that it hands on."""
    left = {roots.get(t, t) for t in graph.left}
    return {s.tensor for s in graph.states if s.tensor not in left}


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
        at += align(t.bytes, ALIGNMENT)
    return found


def _arena_of(states: Mapping[State, Buffer]) -> list[Arena]:
    """The memory of the states, where there are any."""
    total = sum(align(b.bytes, ALIGNMENT) for b in states.values())
    return [Arena(STATES, total, total, total)] if states else []


def line_bytes(op: Op, work: object) -> int:
    """Bytes of the ring of padded rows that a kernel needs; 0 when it reads the input itself."""
    if not isinstance(work, Rows) or work.fill is None or not work.padded(op.x, op.y):
        return 0
    _, _, iw, ic = op.x.shape
    return work.span * (work.left + iw + work.right) * ic * ITEMSIZE[op.x.dtype]


def rows_at_once(step: Sequence[Chosen]) -> int:
    """The rows that each turn of a loop makes."""
    work = step[0].work
    return work.block if isinstance(work, Rows) else 1


def roots_of(graph: Graph) -> dict[Tensor, Tensor]:
    """For each tensor that is a view: the tensor whose bytes it shows."""
    roots: dict[Tensor, Tensor] = {}
    for op in graph.ops:
        if op.view:
            roots[op.y] = roots.get(op.x, op.x)
    return roots


def lifetimes(
    graph: Graph, roots: Mapping[Tensor, Tensor], steps: Sequence[Sequence[Chosen]]
) -> dict[Tensor, tuple[int, int]]:
    """First and last step of each tensor that needs memory."""
    spans: dict[Tensor, tuple[int, int]] = dict.fromkeys(graph.given, (0, 0))

    def use(t: Tensor, step: int) -> None:
        key = roots.get(t, t)
        first, last = spans.get(key, (step, step))
        spans[key] = (first, max(last, step))

    for i, step in enumerate(steps):
        for op in (c.op for c in step):
            for t in (*op.activations, *op.outputs):
                use(t, i)
    for t in graph.left:
        use(t, max(len(steps) - 1, 0))
    return spans


def own_bytes(c: Chosen) -> int:
    """Bytes that a call works with beside its tensors: lines and scratch."""
    return sum(align(n, ALIGNMENT) for n in (line_bytes(c.op, c.work), c.kernel.scratch(c.op)))


class Held:
    """The bytes that are in use while each kernel runs as a step of its own."""

    def __init__(self, graph: Graph, chosen: Sequence[Chosen]) -> None:
        self.roots = roots_of(graph)
        change = [0] * (max(len(chosen), 1) + 1)
        for t, (first, last) in lifetimes(graph, self.roots, [(c,) for c in chosen]).items():
            change[first] += align(t.bytes, ALIGNMENT)
            change[last + 1] -= align(t.bytes, ALIGNMENT)
        self.tensors = list(accumulate(change))
        self.own = [own_bytes(c) for c in chosen]

    def apart(self, first: int, last: int) -> int:
        """Bytes at the fullest of the kernels from `first` to `last`."""
        return max(self.tensors[i] + self.own[i] for i in range(first, last + 1))

    def together(self, step: Sequence[Chosen], first: int) -> int:
        """Bytes while all kernels of `step`, from `first` on, run row by row."""
        made = sum(
            align(t.bytes, ALIGNMENT) for c in step[1:] for t in c.op.outputs if t not in self.roots
        )
        handed = [c.op.y for c in step[:-1]]
        block = rows_at_once(step)
        rows = sum(align(block * t.bytes // t.shape[1], ALIGNMENT) for t in handed)
        spared = sum(align(t.bytes, ALIGNMENT) for t in handed)
        own = sum(self.own[first : first + len(step)])
        return self.tensors[first] + made - spared + rows + own
