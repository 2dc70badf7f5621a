"""Which kernel runs each operator, and whether it has a copy of its own: by cost, for a goal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ascua import kernels
from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.ir import Graph, Op
from ascua.kernels import Kernel, Rows, Run, Sums, Work
from ascua.plan.cost import Cost, Fit, costs, terms
from ascua.plan.goal import BALANCED_FLASH, Goal

CODE, CALL_CODE = 700.0, 60.0
"""Bytes of a kernel's copy, and of a step around a shared one, where no table tells."""
BESIDE = 8192
"""Bytes of flash that are left to the program around a network."""
COPIES = 12
"""Kernels with a copy of their own, those with most outputs first, where no table tells."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """An operator, the kernel that runs it, the shape of its work, and what is known of it.

    `inline`: whether the call has a copy of the kernel to itself, or, of calls that are `alike`, in
    which its parameters are constants, with those of the same ones. `looped`: whether it makes a
    row at a time, in turn with others.
    """

    op: Op
    kernel: Kernel[Any]
    work: Work
    inline: bool
    fit: Fit | None = None
    alike: bool = False
    looped: bool = False

    @property
    def by_rows(self) -> bool:
        """Whether a call can make one row of the output, or take one of the input."""
        if isinstance(self.work, Run | Sums):
            return True
        y = self.op.y
        if len(y.shape) < 3 or y.shape[0] != 1 or not isinstance(self.work, Rows):
            return False
        # Rows of a block lie close together, each at a whole word.
        return self.work.block == 1 or y.bytes // y.height % 4 == 0

    @cached_property
    def params(self) -> Mapping[str, int | float]:
        """Of the kernel."""
        params = self.kernel.params(self.op)
        if self.looped and isinstance(self.work, Run):
            return {**params, **self.work.params(self.op.y, 1)}
        return params

    @cached_property
    def copy(self) -> str:
        """What calls that could have one copy have in common."""
        return f"{self.kernel.name} {dict(self.params)}" if self.inline else self.kernel.name

    @cached_property
    def cost(self) -> Cost | None:
        """None where no table tells."""
        if self.fit is None:
            return None
        return self.fit.cost(terms(self.kernel, self.op, self.work, looped=self.looped))

    @cached_property
    def const_bytes(self) -> int:
        """Of its constants in flash."""
        return sum(c.bytes for c in self.kernel.consts(self.op))

    @cached_property
    def own_code(self) -> float:
        """Bytes of code, and of parameters in flash, that no other call shares."""
        if self.fit is None:
            return CODE if self.inline else CALL_CODE
        return self.fit.own + (0 if self.inline else 4 * len(self.params))

    @cached_property
    def parts(self) -> Mapping[str, float]:
        """Bytes of the functions that it shares with others."""
        if self.fit is None:
            return {} if self.inline else {f"{self.kernel.name}_shared": CODE}
        return self.fit.parts


def options(graph: Graph, op: Op, board: Board, goal: Goal) -> list[Chosen]:
    """The ways to run `op`, the best first where no table tells. Raises Unsupported.

    What a table does not know is left out where there is something that it knows.
    """
    table = costs(board.core)
    modes = (True, False) if goal.inline is None else (goal.inline,)
    found = []
    rows = _seen_rows(graph, op)
    for kernel in (k.sliced(rows) if rows > 1 else k for k in kernels.of(type(op))):
        taken = kernel.runs_on(board.core) and kernel.name not in goal.avoid
        if taken and op.dtypes <= {*kernel.types} and kernel.fits(op):
            work = kernel.work(op)
            for inline in modes:
                fit = None if table is None else table.fit(kernel, inline=inline)
                found.append(Chosen(op, kernel, work, inline=inline, fit=fit))
    if found:
        return [o for o in found if o.fit] or found
    raise Unsupported(
        f"{graph.name}: no kernel of {op.tflite} runs '{op.name}' on {board.name}.",
        ["`ascua ops` lists the kernels and what they need."],
    )


def _seen_rows(graph: Graph, op: Op) -> int:
    """The rows of the image that `op` reads, maybe under another shape; 1 of what is none."""
    made, t = graph.makers, op.x
    while t in made and made[t].view:
        t = made[t].x
    return t.height


def ways(graph: Graph, board: Board, goal: Goal) -> list[list[Chosen]]:
    """The options of each operator, in order; views need none. Raises Unsupported."""
    every = [options(graph, op, board, goal) for op in graph.ops if not op.view]
    if goal.inline is not None or costs(board.core) is None:
        return every
    calls = Counter(o.copy for several in every for o in several if o.inline)
    return [[*several, *_alike(several, calls)] for several in every]


def _alike(several: Sequence[Chosen], calls: Mapping[str, int]) -> Iterator[Chosen]:
    """Those that have a copy to themselves, as ones that have it with calls of the same parameters.

    Their steps are as long as those that call a shared copy; of some kernel that is not known.
    """
    steps = {o.kernel: o.fit for o in several if not o.inline}
    for own in several:
        step = steps.get(own.kernel)
        if own.inline and calls[own.copy] > 1 and own.fit and step:
            parts = {**own.fit.parts, own.copy: own.fit.own}
            yield replace(own, alike=True, fit=replace(own.fit, own=step.own, parts=parts))


def choose(every: Sequence[Sequence[Chosen]], board: Board, goal: Goal) -> list[Chosen]:
    """One option of each operator, by `goal`, in the board's flash, whatever the arena will be."""
    if any(o.cost is None for several in every for o in several):
        return _by_outputs(every, goal)
    fastest = [min(several, key=price) for several in every]
    memory = board.memory("x")
    room = memory.bytes - BESIDE if memory else math.inf
    if goal.kind == "speed" and flash(fastest) <= room:
        return fastest
    smallest = _smaller(fastest, every, 0.0)
    if goal.kind == "size":
        return smallest
    least = flash(smallest)
    if least > room:  # nothing fits
        room = math.inf
    if goal.kind == "speed":
        return _smaller(fastest, every, room)
    return _together(_smaller(fastest, every, min(BALANCED_FLASH * least, room)), every)


def flash(chosen: Sequence[Chosen]) -> float:
    """Bytes of constants and code: estimated."""
    parts = {name: size for c in chosen for name, size in c.parts.items()}
    return sum(c.const_bytes + c.own_code for c in chosen) + sum(parts.values())


def price(c: Chosen) -> tuple[float, float]:
    """What is compared of two ways to run an operator."""
    return c.cost.least_first if c.cost else (0.0, 0.0)


def _by_outputs(every: Sequence[Sequence[Chosen]], goal: Goal) -> list[Chosen]:
    """The first kernel of each, with a copy for those with most outputs."""
    copies = {"speed": len(every), "balanced": COPIES, "ram": COPIES, "size": 0}[goal.kind]
    order = sorted(range(len(every)), key=lambda i: -sum(t.size for t in every[i][0].op.outputs))
    inline = {i: n < copies for n, i in enumerate(order)}
    return [
        next((o for o in several if o.inline == inline[i]), several[0])
        for i, several in enumerate(every)
    ]


def _smaller(
    chosen: Sequence[Chosen], every: Sequence[Sequence[Chosen]], most: float
) -> list[Chosen]:
    """`chosen`, changed where that saves most flash for its cost until it takes `most`."""
    found = list(chosen)
    over = flash(found) - most
    while over > 0:
        best: tuple[float, Sequence[tuple[int, Chosen]], float] | None = None
        for move, dearer, saved in _moves(found, every):
            if saved >= 1:
                rate = dearer / min(saved, over)
                if best is None or rate < best[0]:
                    best = rate, move, saved
        if best is None:
            break
        for i, other in best[1]:
            found[i] = other
        over -= best[2]
    return found


def _together(chosen: Sequence[Chosen], every: Sequence[Sequence[Chosen]]) -> list[Chosen]:
    """`chosen`, those of the same parameters in one copy: it costs a few instructions a call."""
    calls = Counter(c.copy for c in chosen if c.inline)
    return [
        next((o for o in several if o.alike and o.kernel is c.kernel), c)
        if c.inline and calls[c.copy] > 1
        else c
        for c, several in zip(chosen, every, strict=True)
    ]


def _moves(
    found: Sequence[Chosen], every: Sequence[Sequence[Chosen]]
) -> Iterator[tuple[Sequence[tuple[int, Chosen]], float, float]]:
    """Changes worth a try, what each costs and the bytes of flash that it saves.

    They are of one call; or of those that could share a copy, the cheapest first.
    """
    used = Counter(name for c in found for name in c.parts)
    sharing: dict[str, list[tuple[float, int, Chosen]]] = {}
    for i, several in enumerate(every):
        for other in several:
            if other is found[i]:
                continue
            dearer = price(other)[0] - price(found[i])[0]
            yield [(i, other)], dearer, _Saving(used).with_change(found[i], other)
            if other.alike or not other.inline:
                sharing.setdefault(other.copy, []).append((dearer, i, other))
    for calls in sharing.values():
        saving, cost, move = _Saving(used), 0.0, dict[int, Chosen]()
        for dearer, i, other in sorted(calls, key=lambda c: c[:2]):
            if i in move:
                continue
            move[i] = other
            cost, saved = cost + dearer, saving.with_change(found[i], other)
            if len(move) > 1:
                yield [*move.items()], cost, saved


class _Saving:
    """Bytes of flash that changes save together; `used` counts the calls of shared functions."""

    def __init__(self, used: Mapping[str, int]) -> None:
        self.used, self.more = used, dict[str, int]()
        self.bytes = self.shared = 0.0

    def with_change(self, old: Chosen, new: Chosen) -> float:
        """What is saved with this change, too."""
        self.bytes += old.const_bytes + old.own_code - new.const_bytes - new.own_code
        for c, more in ((old, -1), (new, 1)):
            for name, size in c.parts.items():
                before = self.used.get(name, 0) + self.more.get(name, 0)
                self.more[name] = self.more.get(name, 0) + more
                self.shared += size * ((before > 0) - (before + more > 0))
        return self.bytes + self.shared
