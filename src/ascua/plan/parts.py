"""What a plan is made of: steps of calls, views of buffers, arenas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ascua.boards import Board, Memory
from ascua.ir import Graph, Op, State, Tensor
from ascua.kernels import Const, Kernel, Rows, Work
from ascua.plan.cost import Cost
from ascua.plan.goal import Goal

STATES = "states"
"""The memory of what runs leave for the next ones: an array of its own, in RAM like the arena."""

WINDOW = 9
"""Numbers of what a kernel by rows reads its input through."""
GLUE_BYTES = 600
"""Code beside steps and kernels: what finds tensors, and what is taken of the C library."""
CODE_BYTES = 3000
CODE_BYTES_A_STEP = 450
"""Estimates for `analyze`: within 20 % above what the MLPerf Tiny networks take on a Cortex-M3, and
more for networks of equal fully connected layers."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """A range of a memory that is in use from step `first` to step `last`, inclusive.

    It is for `tensor`, or for what only its step works with: scratch, rows.
    """

    name: str
    memory: str
    offset: int
    bytes: int
    first: int
    last: int
    tensor: Tensor | None = None
    other: bool = False
    """Whether the memory is none that the plan's first arena is in, and holds no states."""


@dataclass(frozen=True)
class View:
    """Where a call finds `tensor`: at the start of `buffer`, as another may lie there too.

    Of a tensor that is made and used up in a loop no more rows are held than are needed: `rows` has
    the place of each, bytes from the start of the memory. None stands for the whole tensor. Where
    rows are made again there is a place for each time.
    """

    buffer: Buffer
    tensor: Tensor
    rows: tuple[int, ...] | None = None

    @property
    def offset(self) -> int:
        """Bytes from the start of the memory."""
        return self.buffer.offset


@dataclass(frozen=True, eq=False)
class Kept:
    """A state of the graph between runs: in `buffer`, where at the end what `after` shows goes.

    A run reads it there. Where the old value must outlast that, as an output or as another state's
    next value, the run begins with a `copy`.
    """

    state: State
    buffer: Buffer
    after: View
    copy: View | None


@dataclass(frozen=True, eq=False)
class Call:
    """A kernel on its buffers, with all that it needs beside: nothing is left to ask the kernel.

    `work` is its shape: how a kernel that works by rows finds them, say. `lines` is where padded
    rows lie, if it needs any. An `inline` call has a copy of the kernel's code to itself.
    """

    kernel: Kernel[Any]
    op: Op
    params: Mapping[str, int | float]
    consts: tuple[Const, ...]
    reads: tuple[View, ...]
    writes: tuple[View, ...]
    work: Work
    lines: Buffer | None
    scratch: Buffer | None
    inline: bool
    alike: bool = False
    """Whether it has that copy with calls of the same parameters."""
    cost: Cost | None = None
    """What it is expected to take; None where no table tells."""
    code: float = 0.0
    """Bytes of code that are expected for it alone."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """And of the functions that it shares with others."""

    again: tuple[int, ...] | None = None
    """The row that each turn makes, where some are made again; None: one after the other, once."""
    under: tuple[tuple[int | None, ...], ...] | None = None
    """Where what it reads is made again: for each turn, of its window's rows, the turns in which
    they were made; None is padding. The places of `reads` are of these turns."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates that are executed."""
        macs = self.op.macs()
        return macs if self.again is None else macs * len(self.again) // self.op.y.height

    @property
    def numbers(self) -> int:
        """How many it has in its code, of 4 bytes at most: parameters, and where things lie."""
        ends = (*self.reads, *self.writes)
        places = sum(1 + len(v.rows or ()) for v in ends) + len(self.again or ())
        places += sum(map(len, self.under or ()))
        return len(self.params) + (WINDOW if self.window else 0) + places

    @property
    def window(self) -> Rows | None:
        """The work of a kernel by rows."""
        return self.work if isinstance(self.work, Rows) else None

    @property
    def weights_bytes(self) -> int:
        """Bytes of weights and biases as in the file."""
        return sum(c.holds.get("weights", 0) for c in self.consts)


@dataclass(frozen=True, eq=False)
class Step:
    """One call; or a loop of several, each turn of which makes a row of one.

    A turn is that of the call whose place stands in `order`. `peak`: what the arena holds at most.
    """

    name: str
    calls: tuple[Call, ...]
    order: tuple[int, ...]
    peak: int

    @property
    def looped(self) -> bool:
        """Whether it is a loop of several calls."""
        return len(self.calls) > 1

    @property
    def op(self) -> Op:
        """The operator whose output the step leaves behind: the last one of several."""
        return self.calls[-1].op

    @property
    def kernels(self) -> str:
        """The kernels' names."""
        return " + ".join(c.kernel.name for c in self.calls)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """What it works with."""
        held = (
            b
            for c in self.calls
            for b in (c.lines, c.scratch, *(v.buffer for v in (*c.reads, *c.writes)))
        )
        return tuple(dict.fromkeys(b for b in held if b is not None))

    @property
    def consts(self) -> tuple[Const, ...]:
        """The calls' constants, in order."""
        return tuple(const for c in self.calls for const in c.consts)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(c.macs for c in self.calls)

    @property
    def weights_bytes(self) -> int:
        """Bytes of weights and biases as in the file."""
        return sum(c.weights_bytes for c in self.calls)


@dataclass(frozen=True)
class Arena:
    """What a plan takes of a memory: `bytes`, where no placement of its buffers goes below `bound`.

    `whole_tensors` is the bound of tensors alone, without scratch and rows.
    """

    memory: str
    bytes: int
    bound: int
    whole_tensors: int

    @property
    def proven(self) -> bool:
        """Whether no placement takes less."""
        return self.bytes <= self.bound


@dataclass(frozen=True)
class Near:
    """What of constants and code lies elsewhere than the board's first memory for code.

    `consts`: the memories of constants, by their keys; `code`: that of steps and kernels.
    """

    consts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    code: str | None = None


@dataclass(frozen=True)
class Use:
    """Bytes of a memory that a plan takes, by what they are for."""

    memory: Memory
    parts: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """All of them."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Shared:
    """An array of the caller's program that several networks have as their arena, in turns."""

    name: str
    bytes: int


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """How `graph` runs on `board`: everything that a target needs to write code."""

    graph: Graph
    board: Board
    goal: Goal
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    inputs: tuple[View, ...]
    outputs: tuple[View, ...]
    arenas: tuple[Arena, ...]
    states: tuple[Kept, ...] = ()
    shared: Shared | None = None
    """The array that the arena is, where it is not one of its own."""
    least: int | None = None
    """Bytes that no plan holds less than, of all cuts into steps whose operators go row by row or
    take whole tensors, all orders of operators, and all offsets; None: that is not known."""
    near: Near = field(default_factory=Near)

    def __repr__(self) -> str:
        arena = sum(a.bytes for a in self.arenas)
        where = f"{self.graph.name!r} on {self.board.name}"
        return f"Plan({where}, {len(self.steps)} steps, arena {arena:,} bytes)"

    @property
    def proven(self) -> bool:
        """Whether no plan takes a smaller arena, whatever its kernels cost."""
        return self.least is not None and self.arena.bytes <= self.least

    @property
    def by_rows(self) -> bool:
        """Whether a function of the user's hands over the input."""
        return self.goal.by_rows

    @property
    def arena(self) -> Arena:
        """The arena of the memory that activations lie in."""
        return self.arenas[0]

    @property
    def tensor_arenas(self) -> tuple[Arena, ...]:
        """Those that activations lie in: one for each memory, the nearest first."""
        return tuple(a for a in self.arenas if a.memory != STATES)

    @property
    def arena_bytes(self) -> int:
        """Bytes of these together."""
        return sum(a.bytes for a in self.tensor_arenas)

    @property
    def spread(self) -> bool:
        """Whether anything lies elsewhere than in the first memories for code and for variables."""
        variables = self.board.memory("w")
        home = variables is None or self.arena.memory == variables.name
        return not home or len(self.tensor_arenas) > 1 or self.near != Near()

    @property
    def state_bytes(self) -> int:
        """Bytes of RAM beside the arena that runs leave for the next ones."""
        return sum(a.bytes for a in self.arenas if a.memory == STATES)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of all steps, in order."""
        return tuple(c for s in self.steps for c in s.calls)

    @property
    def macs(self) -> int:
        """Multiply-accumulates that are executed."""
        return sum(s.macs for s in self.steps)

    @property
    def consts(self) -> tuple[Const, ...]:
        """Every packed constant, in order of the steps."""
        return tuple(c for s in self.steps for c in s.consts)

    @property
    def const_bytes(self) -> int:
        """Bytes of all packed constants in flash: equal ones are there once."""
        return sum(c.bytes for c in self._stored)

    @property
    def copied_bytes(self) -> int:
        """Bytes that are copied to RAM before a program begins: none, or all that is constant.

        Beside packed constants these are at most the numbers in steps, and states' first values.
        """
        if self.board.core.constants != "copied":
            return 0
        numbers = 2 * (len(self.inputs) + len(self.outputs)) + sum(c.numbers for c in self.calls)
        numbers += sum(len(s.order) for s in self.steps if s.looped)
        return self.const_bytes + 4 * numbers + self.state_bytes

    @property
    def ram_bytes(self) -> int:
        """Bytes of RAM that it takes beside the stack."""
        return self.arena_bytes + self.state_bytes + self.copied_bytes

    @property
    def payload(self) -> int:
        """Bytes of weights and biases as in the file, and 8 for each requantised channel."""
        return sum(c.payload for c in self._stored)

    @property
    def weights_bytes(self) -> int:
        """Bytes of weights and biases as in the file; equal ones, as of a loop's steps, once."""
        return sum(c.holds.get("weights", 0) for c in self._stored)

    @cached_property
    def _stored(self) -> list[Const]:
        """The constants of all steps, each once."""
        return list({c.key: c for c in self.consts}.values())

    @property
    def cost(self) -> Cost | None:
        """What an inference is expected to take; None where no table tells."""
        known = [c.cost for c in self.calls]
        found = [c for c in known if c is not None]
        return sum(found, Cost()) if len(found) == len(known) else None

    @property
    def code_estimate(self) -> int:
        """Bytes of code before any compiler has run: an estimate."""
        if self.cost is None:
            return CODE_BYTES + CODE_BYTES_A_STEP * len(self.steps)
        parts = {name: size for c in self.calls for name, size in c.parts.items()}
        return round(GLUE_BYTES + sum(c.code for c in self.calls) + sum(parts.values()))

    def fullest(self) -> Step:
        """The step that decides the arena."""
        return max(self.steps, key=self.live_bytes)

    def live(self, step: Step) -> tuple[Buffer, ...]:
        """What of the arena holds something while `step` runs, what is for later among it."""
        at = self._places[step]
        live = [b for b in self._in_arena if b.first <= at <= b.last]
        return tuple(sorted(live, key=lambda b: b.tensor is not None))

    def live_bytes(self, step: Step) -> int:
        """Bytes of the arena that hold something at the fullest moment of `step`."""
        return step.peak

    def uses(self, stack: int) -> tuple[Use, ...]:
        """What it takes of each memory of the board that it uses, with a stack of so many bytes.

        Code is an estimate.
        """
        variables, kept = self.board.memory("w"), self.board.memory("x")
        found = []
        for m in self.board.memories:
            consts = [
                c.bytes
                for c in self._stored
                if self.near.consts.get(c.key, kept and kept.name) == m.name
            ]
            copied = self.copied_bytes if m is variables and m is not kept else 0
            code = self.near.code or (kept and kept.name)
            parts = {
                "arena": sum(a.bytes for a in self.tensor_arenas if a.memory == m.name),
                "states": self.state_bytes if m is variables else 0,
                "stack": stack if m is variables else 0,
                "constants": sum(consts) + copied,
                "code": self.code_estimate if code == m.name else 0,
            }
            found.append(Use(m, {name: n for name, n in parts.items() if n}))
        return tuple(u for u in found if u.parts)

    @property
    def _in_arena(self) -> list[Buffer]:
        """The buffers of the arenas: states lie in a memory of their own."""
        return [b for b in self.buffers if b.memory != STATES]

    @cached_property
    def _places(self) -> dict[Step, int]:
        """Where each step stands."""
        return {step: i for i, step in enumerate(self.steps)}
