"""Whether a plan fits its board, and what costs most where it does not."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.errors import DoesNotFit, brief
from ascua.kernels import Rows, Run
from ascua.plan.parts import Plan, Use

MOST_ARENA = 2**31 - 1
"""Bytes that an int32_t addresses: the type of offsets in generated code."""

STACK_BYTES = 1024
"""The most stack that one inference may take."""
LISTED = 5
"""The most buffers that are named; the others are added up."""
FEWER_CONSTANTS = "Fewer channels in the layers with most constants, or a smaller `width`."

Short = tuple[str, str, list[str]]
"""What is needed and what there is, what needs it, and remedies."""


def check_fit(plan: Plan) -> None:
    """Raise DoesNotFit where arena and stack, or constants, exceed the board's memories.

    Constants that are copied to RAM count there, too.

    Code is only estimated here, and refuses nothing: the linker has the last word.
    """
    arena = max(a.bytes for a in plan.tensor_arenas)
    if arena > MOST_ARENA:
        raise DoesNotFit(
            f"{plan.graph.name} needs an arena of {arena:,} bytes; offsets have 31 bits.",
            ["A smaller input, or fewer channels."],
        )
    if plan.spread:
        short = [found for u in plan.uses(STACK_BYTES) if (found := _short_of(plan, u))]
    else:
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
            *dict.fromkeys(remedy for _, _, remedies in short for remedy in remedies),
            "A board with more memory: `ascua boards` lists them.",
        ],
    )  # fmt: skip


def check_fit_together(plans: Mapping[str, Plan]) -> None:
    """Raise DoesNotFit where networks of one program exceed a memory of their board together.

    They have names, share an arena, and run in turns; each fits alone. As in `check_fit`, code
    refuses nothing.
    """
    board = next(iter(plans.values())).board
    uses = {name: {u.memory: u.parts for u in p.uses(STACK_BYTES)} for name, p in plans.items()}
    for m in board.memories:
        parts = {name: found.get(m, {}) for name, found in uses.items()}
        own = {
            f"{kind} of {name}": p.get(kind, 0)
            for name, p in parts.items()
            for kind in ("constants", "states")
        }
        once = {kind: max(p.get(kind, 0) for p in parts.values()) for kind in ("arena", "stack")}
        needs = {**own, **once}
        need = sum(needs.values())
        if need <= m.bytes:
            continue
        listed = ", ".join(f"{what} {n:,}" for what, n in needs.items() if n)
        raise DoesNotFit(
            f"{' and '.join(plans)} do not fit {board.name} in one program: they need"
            f" {need:,} bytes of {m.name} ({listed}) and there are {m.bytes:,}.",
            [
                FEWER_CONSTANTS,
                "A board with more memory: `ascua boards` lists them.",
            ],
        )


def _short_of(plan: Plan, use: Use) -> Short | None:
    """Of one of several memories; None where there is enough."""
    m, parts = use.memory, {name: n for name, n in use.parts.items() if name != "code"}
    need = sum(parts.values())
    if need <= m.bytes:
        return None
    listed = ", ".join(f"{name} {n:,}" for name, n in parts.items())
    held = sorted((b for b in plan.buffers if b.memory == m.name), key=lambda b: -b.bytes)[:3]
    names = ", ".join(f"'{brief(b.name)}' {b.bytes:,}" for b in held)
    wished = [f"{brief(t)}={m.name}" for t, memory in plan.goal.placements if memory == m.name]
    remedy = "A smaller input or fewer channels in the largest layers."
    if wished:
        remedy = f"Place less in {m.name}: another memory than `--place {wished[0]}`."
    return (
        f"{need:,} bytes of {m.name} ({listed}) and there are {m.bytes:,}.",
        f"The largest in {m.name}: {names} bytes." if held else f"These are constants in {m.name}.",
        [remedy],
    )


def _short_of_ram(plan: Plan) -> Short | None:
    """Of the one memory for an arena, with the step that costs most."""
    ram, arena = plan.board.memory("w"), plan.arena.bytes
    need = plan.ram_bytes + STACK_BYTES
    states = f"states {plan.state_bytes:,}, " if plan.state_bytes else ""
    copied = f"constants {plan.copied_bytes:,}, " if plan.copied_bytes else ""
    parts = f"arena {arena:,}, {states}{copied}stack {STACK_BYTES:,}"
    if ram is None or need <= ram.bytes:
        return None
    most, buffers = "It has no steps; its inputs take", plan.buffers
    if plan.steps:
        step = plan.fullest()
        most = f"The step that costs most is {step.op.said}:"
        buffers = plan.live(step)
    largest = sorted(buffers, key=lambda b: -b.bytes)
    held = ", ".join(f"'{brief(b.name)}' {b.bytes:,}" for b in largest[:LISTED])
    rest = sum(b.bytes for b in largest[LISTED:])
    if plan.copied_bytes and need - arena > ram.bytes:  # whatever the arena is
        return (
            f"{need:,} bytes of {ram.name} ({parts}) and there are {ram.bytes:,}.",
            f"On {plan.board.core.name}, constants are copied to RAM; alone they are too many.",
            [FEWER_CONSTANTS, "A board that reads constants from flash, as those of Arm do."],
        )
    return (
        f"{need:,} bytes of {ram.name} ({parts}) and there are {ram.bytes:,}.",
        f"{most} {held}{f', others {rest:,}' if rest else ''} bytes.",
        [
            *_less_ram(plan),
            *_by_rows(plan, arena - (need - ram.bytes)),
            "A smaller input or fewer channels in that step.",
            *([FEWER_CONSTANTS] if plan.copied_bytes else []),
        ],
    )


def _less_ram(plan: Plan) -> list[str]:
    """The remedies of another goal, where it may hold less."""
    again = "`--patch 1.2` lets a fifth of the multiply-accumulates be done again for less."
    if plan.goal.kind != "ram":
        return [f"Plan for the least RAM: `--goal ram`; with it {again}"]
    return [] if plan.goal.patch > 1 else [again]


def _by_rows(plan: Plan, room: int) -> list[str]:
    """The remedy to hold rows of the input alone, where a step with all of it holds too much."""
    if plan.by_rows or len(plan.inputs) != 1:
        return []
    x = plan.inputs[0]
    readers = [c for c in plan.calls if any(v.tensor == x.tensor for v in c.reads)]
    by_rows = len(x.tensor.shape) == 4 and all(isinstance(c.work, Rows | Run) for c in readers)
    room = min(room, max((s.peak for s in plan.steps), default=0) - 1)
    if not by_rows or not any(s.peak > room and x.buffer in plan.live(s) for s in plan.steps):
        return []
    return ["Let your program fill the rows of the input one by one: `--input-by-rows`."]


def _short_of_flash(plan: Plan) -> Short | None:
    """Of the memory for constants, with the layers that have most."""
    flash = plan.board.memory("x")
    if flash is None or plan.const_bytes <= flash.bytes:
        return None
    costly = sorted(plan.calls, key=lambda c: -sum(k.bytes for k in c.consts))[:3]
    listed = ", ".join(f"{c.op.said} {sum(k.bytes for k in c.consts):,}" for c in costly)
    return (
        f"{plan.const_bytes:,} bytes of {flash.name} for constants and about"
        f" {plan.code_estimate:,} for code, and there are {flash.bytes:,}.",
        f"The layers with most constants: {listed} bytes.",
        [FEWER_CONSTANTS],
    )
