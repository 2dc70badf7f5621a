"""How rows flow through a network: what each operator reads and makes, turn by turn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ascua.ir import Graph, Op, Tensor
from ascua.kernels import Overlap, Rows, Run, Sums
from ascua.plan.choose import Chosen

ALIGNMENT = 4
"""Bytes: words are read at once by kernels of 32-bit cores."""


def align(n: int, alignment: int = ALIGNMENT) -> int:
    """`n` rounded up to a multiple of `alignment`."""
    return -(-n // alignment) * alignment


@dataclass(frozen=True)
class Read:
    """An input of a call: the rows of tensor `tensor` that its turns need.

    Turn k needs `span` rows from row `step * k - before` on, those of them that there are. Where it
    is `copied`, it is read before the turn writes anything; `once`: each row by one turn alone.
    """

    tensor: int
    step: int
    span: int
    before: int
    rows: int
    copied: bool = False
    once: bool = False
    firsts: tuple[int, ...] = ()
    lasts: tuple[int, ...] = ()
    """What `first` and `last` say of each turn, where turns do not go from row to row."""

    def first(self, turn: int) -> int:
        """The lowest row that a turn needs, and no later turn needs a lower one."""
        if self.firsts:
            return self.firsts[turn]
        if self.once and turn:
            return self.last(turn - 1) + 1
        return max(0, self.step * turn - self.before)

    def last(self, turn: int) -> int:
        """The highest row that it needs."""
        if self.lasts:
            return self.lasts[turn]
        return min(self.rows, self.step * turn - self.before + self.span) - 1


@dataclass(frozen=True)
class Moves:
    """A call as turns: in each it reads rows, and makes `block` rows of each of its outputs.

    What has one turn takes whole tensors. `late`: all rows of the outputs come at the end. It works
    with `work` bytes in each turn, and with `kept` bytes from its first turn to its last.
    """

    turns: int
    reads: tuple[Read, ...]
    makes: tuple[int, ...]
    block: int = 1
    work: int = 0
    kept: int = 0
    late: bool = False
    overlap: Overlap = None
    """How rows of the output may lie over rows of an input that are read for the last time."""

    def made(self, turn: int, rows: int) -> int:
        """The rows of an output of `rows` that there are after a turn."""
        if self.turns == 1:
            return rows
        if self.late:
            return rows if turn + 1 == self.turns else 0
        return min(rows, (turn + 1) * self.block)


@dataclass(frozen=True, eq=False)
class Flow:
    """The tensors of a graph that need memory, and who reads and makes them."""

    graph: Graph
    ops: tuple[Op, ...]
    """Those that are called, in order."""

    @cached_property
    def roots(self) -> dict[Tensor, Tensor]:
        """For each tensor that is a view: the tensor whose bytes it shows."""
        found: dict[Tensor, Tensor] = {}
        for op in self.graph.ops:
            if op.view:
                found[op.y] = found.get(op.x, op.x)
        return found

    def root(self, t: Tensor) -> Tensor:
        """The tensor whose bytes `t` is."""
        return self.roots.get(t, t)

    @cached_property
    def kept_apart(self) -> frozenset[Tensor]:
        """The tensors of states that a run reads where they are kept: not those it hands on."""
        left = {self.root(t) for t in self.graph.left}
        return frozenset(s.tensor for s in self.graph.states if s.tensor not in left)

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Those that lie in the arena."""
        used = [t for op in self.ops for t in (*op.activations, *op.outputs)]
        listed = (*self.graph.given, *used, *self.graph.left)
        found = dict.fromkeys(self.root(t) for t in listed if not t.const)
        return tuple(t for t in found if t not in self.kept_apart)

    @cached_property
    def place(self) -> dict[Tensor, int]:
        """Where each stands among them."""
        return {t: i for i, t in enumerate(self.tensors)}

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Of each."""
        return tuple(t.height for t in self.tensors)

    @cached_property
    def row_bytes(self) -> tuple[int, ...]:
        """Of each."""
        return tuple(t.bytes // n for t, n in zip(self.tensors, self.rows, strict=True))

    @cached_property
    def makers(self) -> tuple[int | None, ...]:
        """The op that makes each, by its place; None: it is given."""
        found: list[int | None] = [None] * len(self.tensors)
        for i, op in enumerate(self.ops):
            for t in op.outputs:
                found[self.place[t]] = i
        return tuple(found)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """The ops that read each."""
        found: list[list[int]] = [[] for _ in self.tensors]
        for i, op in enumerate(self.ops):
            for n in dict.fromkeys(self.sources(op)):
                found[n].append(i)
        return tuple(map(tuple, found))

    @cached_property
    def users(self) -> tuple[tuple[int, int], ...]:
        """Of each the op that makes it, and those that read it, as bits."""
        made = (0 if m is None else 1 << m for m in self.makers)
        read = (sum(1 << i for i in several) for several in self.readers)
        return tuple(zip(made, read, strict=True))

    def sources(self, op: Op) -> list[int]:
        """The tensors of the arena that `op` reads."""
        roots = (self.root(t) for t in op.activations)
        return [self.place[t] for t in roots if t in self.place]

    @cached_property
    def left(self) -> frozenset[int]:
        """Those that a run leaves."""
        roots = (self.root(t) for t in self.graph.left if not t.const)
        return frozenset(self.place[t] for t in roots if t in self.place)

    @cached_property
    def needs(self) -> tuple[int, ...]:
        """The ops, as bits, whose outputs each op reads."""
        found = []
        for op in self.ops:
            makers = (self.makers[n] for n in self.sources(op))
            found.append(sum({1 << m for m in makers if m is not None}))
        return tuple(found)

    def by_rows(self, op: Op, rows: int | None = None) -> bool:
        """Whether rows of what `op` reads are rows of the tensors that they are bytes of.

        `rows`: into how many it divides its input, where these are not the image's.
        """
        return all((rows or t.height) == self.root(t).height for t in op.activations)

    def moves(self, c: Chosen, *, alone: bool) -> Moves:
        """The turns of a call that is a step `alone`, or one of several in a loop."""
        op, work = c.op, c.work
        if not op.activations and isinstance(work, Run):  # a source
            return Moves(op.y.height, (), (self.place[op.y],))
        lines = line_bytes(c, alone=alone)
        scratch = align(c.kernel.scratch(op))
        makes = tuple(self.place[t] for t in op.outputs)
        overlap = c.kernel.overlap(op, rows=not alone)

        def reads(
            step: int, span: int, before: int, *, once: bool = False, rows: int | None = None
        ) -> tuple[Read, ...]:
            whole = not self.by_rows(op, rows)
            return tuple(
                Read(n, 0, self.rows[n], 0, self.rows[n]) if whole
                else Read(n, step, span, before, self.rows[n], copied=lines > 0, once=once)
                for n in self.sources(op)
            )  # fmt: skip

        if isinstance(work, Rows):
            kept, each = (lines, scratch) if alone else (0, lines + scratch)
            window = reads(work.sy, work.span, work.py, once=alone and lines > 0)
            over = None if alone else overlap
            return Moves(work.calls(op.y), window, makes, work.block, each, kept, overlap=over)
        if isinstance(work, Sums):
            rows = reads(1, 1, 0, rows=work.rows)
            return Moves(work.rows, rows, makes, kept=scratch, late=True)
        if isinstance(work, Run) and not alone:
            return Moves(op.y.height, reads(1, 1, 0), makes, work=scratch, overlap=overlap)
        whole = tuple(Read(n, 0, self.rows[n], 0, self.rows[n]) for n in self.sources(op))
        return Moves(1, whole, makes, work=scratch, overlap=overlap)


def line_bytes(c: Chosen, *, alone: bool) -> int:
    """Bytes of the padded rows that a kernel needs; 0 when it reads the input itself.

    Of a step `alone` they are a ring, into which each row is copied once.
    """
    work, op = c.work, c.op
    if not isinstance(work, Rows) or work.fill is None or not work.padded(op.x, op.y):
        return 0
    iw = op.x.shape[2]
    pixel = op.x.bytes // (op.x.shape[1] * iw)
    rows = work.span if alone else work.kh
    return align(rows * (work.left + iw + work.right) * pixel)
