"""Decides how a Graph runs on a Board: kernels, order, and where each tensor lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

from ascua import kernels
from ascua.boards import Board
from ascua.errors import DoesNotFit, Unsupported, brief
from ascua.ir import ITEMSIZE, Graph, Op, Tensor
from ascua.kernels.kernel import Const, Kernel, Rows
from ascua.plan.place import Span, align, bound, place

ALIGNMENT = 4
"""Bytes: words are read at once by kernels of 32-bit cores."""

MOST_ARENA = 2**31 - 1
"""Bytes that an int32_t addresses: the type of offsets in generated code."""

MOST_TENSORS = 4096
"""More than can be placed in a sensible time, and ten times what known networks have."""

STACK_BYTES = 1024
"""The most stack that one inference may take."""

CODE_BYTES = 3000
CODE_BYTES_A_STEP = 450
"""Estimates for `analyze`: within 20 % above what the MLPerf Tiny networks take on a Cortex-M3, and
more for networks of equal fully connected layers."""

SPECIALIZED_STEPS = 12
"""How many steps, those with most outputs first, get a kernel of their own; the rest share one.

Measured on a Cortex-M3: MLPerf's vww takes 17,420 bytes of code and 21.6 M instructions with all
its 29 kernels specialised, 8,420 and 28.8 M with none.
"""


@dataclass(frozen=True, eq=False)
class Buffer:
    """A range of a memory: for a tensor, for a ring of `rows` line buffers, or for scratch."""

    name: str
    memory: str
    offset: int
    bytes: int
    tensor: Tensor | None = None
    rows: int | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """One kernel on its buffers; `body` holds the steps of a fused row loop."""

    name: str
    kernel: Kernel[Any]
    ops: tuple[Op, ...]
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    window: Rows | None
    lines: Buffer | None
    scratch: Buffer | None
    consts: tuple[Const, ...]
    specialized: bool
    body: tuple[Step, ...] = ()

    @property
    def op(self) -> Op:
        """The operator of a step that is not fused."""
        return self.ops[0]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs() for op in self.ops)

    @property
    def weights_bytes(self) -> int:
        """Bytes of weights and biases as in the file, without 8 for each requantised channel."""
        return sum(c.holds.get("weights", 0) for c in self.consts)


@dataclass(frozen=True, eq=False)
class Plan:
    """How `graph` runs on `board`: everything that a target needs to write code.

    `arena_bound` is what no placement of these buffers goes below; `whole_tensors` the same with
    tensors alone, without scratch and line buffers.
    """

    graph: Graph
    board: Board
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    arena: int
    arena_bound: int
    whole_tensors: int

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
        """Bytes of all packed constants in flash."""
        return sum(c.bytes for c in self.consts)

    @property
    def payload(self) -> int:
        """Bytes of weights and biases as in the file, and 8 for each requantised channel."""
        return sum(c.payload for c in self.consts)

    @property
    def weights_bytes(self) -> int:
        """Bytes of weights and biases as in the file."""
        return sum(s.weights_bytes for s in self.steps)

    @property
    def code_estimate(self) -> int:
        """Bytes of code before any compiler has run: an estimate."""
        return CODE_BYTES + CODE_BYTES_A_STEP * len(self.steps)

    def fullest(self) -> Step:
        """The step that decides the arena."""
        return max(self.steps, key=lambda s: self.live_bytes(s))

    def live(self, step: Step) -> tuple[Buffer, ...]:
        """The buffers that hold something while `step` runs, those for later steps among them."""
        at = self._places[step]
        held = [b for b in (step.lines, step.scratch) if b is not None]
        return (*held, *(b for b, first, last in self._spans if first <= at <= last))

    def live_bytes(self, step: Step) -> int:
        """Bytes of the buffers that hold something while `step` runs."""
        return self._held[self._places[step]]

    @cached_property
    def _places(self) -> dict[Step, int]:
        """Where each step stands."""
        return {step: i for i, step in enumerate(self.steps)}

    @cached_property
    def _spans(self) -> list[tuple[Buffer, int, int]]:
        """The tensors' buffers, each with the first and the last step that it is needed for."""
        spans = _lifetimes(self.graph, [s.op for s in self.steps])
        return [(b, *spans[b.tensor]) for b in self.buffers if b.tensor is not None]

    @cached_property
    def _held(self) -> list[int]:
        """What `live_bytes` answers for each step, in one pass: a file may have thousands."""
        change = [0] * (len(self.steps) + 1)
        for b, first, last in self._spans:
            change[min(first, len(self.steps))] += b.bytes
            change[min(last + 1, len(self.steps))] -= b.bytes
        own = [sum(b.bytes for b in (s.lines, s.scratch) if b) for s in self.steps]
        return [a + b for a, b in zip(accumulate(change), own, strict=False)]


def plan(graph: Graph, board: Board) -> Plan:
    """Plan `graph` (as `passes.prepare` gives it) for `board`.

    Raises Unsupported where no kernel runs an operator. Whether it fits is for `check_fit`.
    """
    ops = [op for op in graph.ops if not op.view]
    chosen = [_choose(graph, op, board) for op in ops]
    memory = _Memory(graph, ops, chosen, board)
    most_outputs = sorted(range(len(ops)), key=lambda i: -_outputs(ops[i]))[:SPECIALIZED_STEPS]
    steps = tuple(
        Step(
            name=f"step_{i:02d}_{op.kind}",
            kernel=kernel,
            ops=(op,),
            reads=tuple(memory.buffer(t) for t in op.activations),
            writes=tuple(memory.buffer(t) for t in op.outputs),
            window=_window(op, kernel),
            lines=memory.lines.get(i),
            scratch=memory.scratch.get(i),
            consts=kernel.consts(op),
            specialized=i in most_outputs,
        )
        for i, (op, kernel) in enumerate(zip(ops, chosen, strict=True))
    )
    return Plan(
        graph=graph,
        board=board,
        steps=steps,
        buffers=(*memory.tensors.values(), *memory.lines.values(), *memory.scratch.values()),
        inputs=tuple(memory.buffer(t) for t in graph.inputs),
        outputs=tuple(memory.buffer(t) for t in graph.outputs),
        arena=memory.arena,
        arena_bound=memory.bound,
        whole_tensors=memory.whole_tensors,
    )


def _outputs(op: Op) -> int:
    """Elements that `op` computes."""
    return sum(t.size for t in op.outputs)


class _Memory:
    """Where the tensors, line buffers and scratch of a plan lie."""

    def __init__(
        self, graph: Graph, ops: Sequence[Op], chosen: Sequence[Kernel[Any]], board: Board
    ) -> None:
        region = board.memory("w")
        name = region.name if region else "ram"
        self.roots = _roots(graph)
        lives = _lifetimes(graph, ops)
        held = [t for t in graph.tensors() if t in lives]
        if len(held) > MOST_TENSORS:
            raise Unsupported(
                f"{graph.name}: it has {len(held):,} tensors; at most {MOST_TENSORS:,} are placed.",
                ["Take a network for microcontrollers: they have a hundred layers at most."],
            )
        lines = [(i, n) for i, o in enumerate(ops) if (n := line_bytes(o, chosen[i]))]
        scratch = [(i, n) for i, o in enumerate(ops) if (n := chosen[i].scratch(o))]
        spans = [Span(t.bytes, *lives[t]) for t in held]
        self.whole_tensors = bound(spans)
        spans += [Span(n, i, i) for i, n in (*lines, *scratch)]
        self.bound = bound(spans, ALIGNMENT)
        offsets = place(spans, ALIGNMENT)
        ends = (o + s.bytes for o, s in zip(offsets, spans, strict=True))
        self.arena = align(max(ends, default=0), ALIGNMENT)
        at = iter(offsets)
        self.tensors = {t: Buffer(t.name, name, next(at), t.bytes, t) for t in held}
        self.lines = {
            i: Buffer(f"lines of {ops[i].name}", name, next(at), n, rows=_rows(ops[i], chosen[i]))
            for i, n in lines
        }
        self.scratch = {
            i: Buffer(f"scratch of {ops[i].name}", name, next(at), n) for i, n in scratch
        }

    def buffer(self, t: Tensor) -> Buffer:
        """Where `t` lies; a view shows another tensor's bytes."""
        root = self.roots.get(t, t)
        return replace(self.tensors[root], tensor=t)


def _window(op: Op, kernel: Kernel[Any]) -> Rows | None:
    work = kernel.work(op)
    return work if isinstance(work, Rows) else None


def _rows(op: Op, kernel: Kernel[Any]) -> int | None:
    window = _window(op, kernel)
    return window.span if window else None


def line_bytes(op: Op, kernel: Kernel[Any]) -> int:
    """Bytes of the ring of padded rows that `kernel` needs; 0 when it reads the input itself."""
    window = _window(op, kernel)
    if window is None or window.fill is None or not window.padded(op.x, op.y):
        return 0
    _, _, iw, ic = op.x.shape
    return window.span * (window.left + iw + window.right) * ic * ITEMSIZE[op.x.dtype]


def _roots(graph: Graph) -> dict[Tensor, Tensor]:
    """For each tensor that is a view: the tensor whose bytes it shows."""
    roots: dict[Tensor, Tensor] = {}
    for op in graph.ops:
        if op.view:
            roots[op.y] = roots.get(op.x, op.x)
    return roots


def _lifetimes(graph: Graph, ops: Sequence[Op]) -> dict[Tensor, tuple[int, int]]:
    """First and last step of each tensor that needs memory."""
    roots = _roots(graph)
    spans: dict[Tensor, tuple[int, int]] = dict.fromkeys(graph.inputs, (0, 0))

    def use(t: Tensor, step: int) -> None:
        key = roots.get(t, t)
        first, last = spans.get(key, (step, step))
        spans[key] = (first, max(last, step))

    for i, op in enumerate(ops):
        for t in (*op.activations, *op.outputs):
            use(t, i)
    for t in graph.outputs:
        use(t, max(len(ops) - 1, 0))
    return spans


def _choose(graph: Graph, op: Op, board: Board) -> Kernel[Any]:
    for kernel in kernels.of(type(op)):
        if kernel.needs <= board.features and op.dtypes <= {*kernel.types} and kernel.fits(op):
            return kernel
    raise Unsupported(
        f"{graph.name}: no kernel of {op.tflite} runs '{op.name}' on {board.name}.",
        ["`ascua ops` lists the kernels and what they need."],
    )


def check_fit(plan: Plan) -> None:
    """Raise DoesNotFit where arena and stack, or constants, exceed the board's memories.

    Code is only estimated here, and refuses nothing: the linker has the last word.
    """
    if plan.arena > MOST_ARENA:
        raise DoesNotFit(
            f"{plan.graph.name} needs an arena of {plan.arena:,} bytes; offsets have 31 bits.",
            ["A smaller input, or fewer channels."],
        )
    short = [found for found in (_short_of_ram(plan), _short_of_flash(plan)) if found]
    if not short:
        return
    needs = " It needs ".join(need for need, _, _ in short)
    raise DoesNotFit(
        "\n".join([
            f"{plan.graph.name} does not fit {plan.board.name}: it needs {needs}",
            *(why for _, why, _ in short),
        ]),
        [
            *(remedy for _, _, remedy in short),
            "A board with more memory: `ascua boards` lists them.",
        ],
    )  # fmt: skip


def _short_of_ram(plan: Plan) -> tuple[str, str, str] | None:
    """What is needed, the step that needs it, and a remedy; None where the board has enough."""
    ram, need = plan.board.memory("w"), plan.arena + STACK_BYTES
    if ram is None or need <= ram.bytes:
        return None
    most, buffers = "It has no steps; its inputs take", plan.buffers
    if plan.steps:
        step = plan.fullest()
        most = f"The step that costs most is {step.op.tflite} '{brief(step.op.name)}':"
        buffers = plan.live(step)
    held = ", ".join(f"'{brief(b.name)}' {b.bytes:,}" for b in buffers)
    return (
        f"{need:,} bytes of {ram.name} (arena {plan.arena:,}, stack {STACK_BYTES:,}) and there are"
        f" {ram.bytes:,}.",
        f"{most} {held} bytes.",
        "A smaller input or fewer channels in that step.",
    )


def _short_of_flash(plan: Plan) -> tuple[str, str, str] | None:
    """What is needed, the layers that need it, and a remedy; None where the board has enough."""
    flash = plan.board.memory("x")
    if flash is None or plan.const_bytes <= flash.bytes:
        return None
    costly = sorted(plan.steps, key=lambda s: -sum(c.bytes for c in s.consts))[:3]
    listed = ", ".join(
        f"{s.op.tflite} '{brief(s.op.name)}' {sum(c.bytes for c in s.consts):,}" for s in costly
    )
    return (
        f"{plan.const_bytes:,} bytes of {flash.name} for constants and about"
        f" {plan.code_estimate:,} for code, and there are {flash.bytes:,}.",
        f"The layers with most constants: {listed} bytes.",
        "Fewer channels in the layers with most constants, or a smaller `width`.",
    )
