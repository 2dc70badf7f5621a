"""Decides how a Graph runs on a Board: kernels, order, and where each tensor lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ascua.boards import Board
from ascua.errors import DoesNotFit, Unsupported
from ascua.ir import Const, Graph, Kernel, Op, Tensor, Window
from ascua.plan.place import Span, align, bound, place

ALIGNMENT = 4
"""Bytes: words are read at once by kernels of 32-bit cores."""

STACK_BYTES = 1024
"""The most stack that one inference may take."""

CODE_BYTES_A_STEP = 450
"""Estimate for `analyze`, from the code of the MLPerf Tiny networks on a Cortex-M3."""

SPECIALIZED_STEPS = 10
"""How many steps get a kernel of their own; the rest share one a kernel, to save flash."""


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
    kernel: Kernel
    ops: tuple[Op, ...]
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    window: Window | None
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
    def live(self) -> tuple[Buffer, ...]:
        """The buffers that this step itself uses."""
        extra = [b for b in (self.lines, self.scratch) if b is not None]
        return (*self.reads, *self.writes, *extra)


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
    def code_estimate(self) -> int:
        """Bytes of code before any compiler has run: an estimate."""
        return CODE_BYTES_A_STEP * len(self.steps)

    def fullest(self) -> Step:
        """The step that decides the arena."""
        return max(self.steps, key=lambda s: self.live_bytes(s))

    def live_bytes(self, step: Step) -> int:
        """Bytes of the buffers that hold something while `step` runs."""
        at = self.steps.index(step)
        spans = _lifetimes(self.graph, [s.op for s in self.steps])
        tensors = [b for b in self.buffers if b.tensor is not None]
        held = {id(b): b for b in step.live}
        for b in tensors:
            assert b.tensor is not None
            first, last = spans[id(b.tensor)]
            if first <= at <= last:
                held[id(b)] = b
        return sum(b.bytes for b in held.values())


def plan(graph: Graph, board: Board) -> Plan:
    """Plan `graph` (as `passes.prepare` gives it) for `board`.

    Raises Unsupported where no kernel runs an operator. Whether it fits is for `check_fit`.
    """
    ops = [op for op in graph.ops if not op.view]
    memory = board.memory("w")
    where = memory.name if memory else "ram"
    roots = _roots(graph)
    spans = {
        key: Span(_tensor(graph, key).bytes, first, last)
        for key, (first, last) in _lifetimes(graph, ops).items()
    }
    kernels = [_choose(graph, op, board) for op in ops]
    extra: dict[tuple[int, str], Span] = {}
    for i, (op, kernel) in enumerate(zip(ops, kernels, strict=True)):
        for kind, size in (("lines", line_bytes(op, kernel)), ("scratch", kernel.scratch(op))):
            if size:
                extra[i, kind] = Span(align(size, ALIGNMENT), i, i)
    every = [*spans.values(), *extra.values()]
    offsets = place(every, ALIGNMENT)
    arena = align(max((o + s.bytes for o, s in zip(offsets, every, strict=True)), default=0), 4)
    at = dict(zip([*spans, *extra], offsets, strict=True))
    buffers = {
        key: Buffer(t.name, where, at[key], t.bytes, t)
        for key in spans
        for t in [_tensor(graph, key)]
    }
    temporary = {
        key: Buffer(f"{ops[key[0]].name} {key[1]}", where, at[key], s.bytes, rows=_ring(ops, key))
        for key, s in extra.items()
    }

    def buffer(t: Tensor) -> Buffer:
        root = roots.get(id(t), t)
        return replace(buffers[id(root)], tensor=t) if root is not t else buffers[id(t)]

    special = set(sorted(range(len(ops)), key=lambda i: -ops[i].macs())[:SPECIALIZED_STEPS])
    steps = tuple(
        Step(
            name=f"step_{i:02d}_{op.kind}",
            kernel=kernel,
            ops=(op,),
            reads=tuple(buffer(t) for t in op.activations),
            writes=tuple(buffer(t) for t in op.outputs),
            window=kernel.window(op),
            lines=temporary.get((i, "lines")),
            scratch=temporary.get((i, "scratch")),
            consts=kernel.consts(op),
            specialized=i in special,
        )
        for i, (op, kernel) in enumerate(zip(ops, kernels, strict=True))
    )
    return Plan(
        graph=graph,
        board=board,
        steps=steps,
        buffers=(*buffers.values(), *temporary.values()),
        inputs=tuple(buffer(t) for t in graph.inputs),
        outputs=tuple(buffer(t) for t in graph.outputs),
        arena=arena,
        arena_bound=bound(every, ALIGNMENT),
        whole_tensors=bound(list(spans.values())),
    )


def _ring(ops: list[Op], key: tuple[int, str]) -> int | None:
    if key[1] != "lines":
        return None
    window = ops[key[0]].kernels[0].window(ops[key[0]])
    return window.span if window else None


def line_bytes(op: Op, kernel: Kernel) -> int:
    """Bytes of the ring of padded rows that `kernel` needs; 0 when it reads the input itself."""
    window = kernel.window(op)
    if window is None or window.fill is None or not window.padded(op.x, op.y):
        return 0
    _, _, iw, ic = op.x.shape
    return window.span * (window.left + iw + window.right) * ic


def _tensor(graph: Graph, key: int) -> Tensor:
    return next(t for t in graph.tensors() if id(t) == key)


def _roots(graph: Graph) -> dict[int, Tensor]:
    """For each tensor that is a view: the tensor whose bytes it shows."""
    roots: dict[int, Tensor] = {}
    for op in graph.ops:
        if op.view:
            roots[id(op.y)] = roots.get(id(op.x), op.x)
    return roots


def _lifetimes(graph: Graph, ops: list[Op]) -> dict[int, tuple[int, int]]:
    """First and last step of each tensor that needs memory, by identity of the tensor."""
    roots = _roots(graph)
    spans: dict[int, tuple[int, int]] = {id(t): (0, 0) for t in graph.inputs}

    def use(t: Tensor, step: int) -> None:
        key = id(roots.get(id(t), t))
        first, last = spans.get(key, (step, step))
        spans[key] = (first, max(last, step))

    for i, op in enumerate(ops):
        for t in (*op.activations, *op.outputs):
            use(t, i)
    for t in graph.outputs:
        use(t, max(len(ops) - 1, 0))
    return spans


def _choose(graph: Graph, op: Op, board: Board) -> Kernel:
    for kernel in op.kernels:
        if kernel.needs <= board.features and kernel.fits(op):
            return kernel
    raise Unsupported(
        f"{graph.name}: no kernel of {op.tflite} runs '{op.name}' on {board.name}.",
        ["`ascua ops` lists the kernels and what they need."],
    )


def check_fit(plan: Plan) -> None:
    """Raise DoesNotFit where arena and stack, or constants, exceed the board's memories."""
    ram, flash = plan.board.memory("w"), plan.board.memory("x")
    if ram is not None and plan.arena + STACK_BYTES > ram.bytes:
        step = plan.fullest()
        held = ", ".join(f"'{b.name}' {b.bytes:,}" for b in step.live)
        raise DoesNotFit(
            f"{plan.graph.name} does not fit {plan.board.name}: it needs"
            f" {plan.arena + STACK_BYTES:,} bytes of {ram.name} (arena {plan.arena:,}, stack"
            f" {STACK_BYTES:,}) and there are {ram.bytes:,}.\n"
            f"The step that costs most is {step.op.tflite} '{step.op.name}': {held} bytes.",
            [
                "A smaller input or fewer channels in that layer.",
                "A board with more memory: `ascua boards` lists them.",
            ],
        )
    if flash is not None and plan.const_bytes + plan.code_estimate > flash.bytes:
        costly = sorted(plan.steps, key=lambda s: -sum(c.bytes for c in s.consts))[:3]
        listed = ", ".join(
            f"{s.op.tflite} '{s.op.name}' {sum(c.bytes for c in s.consts):,}" for s in costly
        )
        raise DoesNotFit(
            f"{plan.graph.name} does not fit {plan.board.name}: it needs"
            f" {plan.const_bytes:,} bytes of {flash.name} for constants and about"
            f" {plan.code_estimate:,} for code, and there are {flash.bytes:,}.\n"
            f"The layers with most constants: {listed} bytes.",
            [
                "Fewer channels in those layers, or pruning.",
                "A board with more flash: `ascua boards` lists them.",
            ],
        )
