"""Whether a plan fits its board, and what costs most where it does not."""

from __future__ import annotations

from ascua.errors import DoesNotFit, brief
from ascua.plan.parts import Plan, Use

MOST_ARENA = 2**31 - 1
"""Bytes that an int32_t addresses: the type of offsets in generated code."""

STACK_BYTES = 1024
"""The most stack that one inference may take."""


def check_fit(plan: Plan) -> None:
    """Raise DoesNotFit where arena and stack, or constants, exceed the board's memories.

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
            *(remedy for _, _, remedy in short),
            "A board with more memory: `ascua boards` lists them.",
        ],
    )  # fmt: skip


def _short_of(plan: Plan, use: Use) -> tuple[str, str, str] | None:
    """Of one of several memories, as `_short_of_ram`."""
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
        remedy = f"Place less in {m.name}, or elsewhere: `--place {wished[0]}`."
    return (
        f"{need:,} bytes of {m.name} ({listed}) and there are {m.bytes:,}.",
        f"The largest in {m.name}: {names} bytes." if held else f"These are constants in {m.name}.",
        remedy,
    )


def _short_of_ram(plan: Plan) -> tuple[str, str, str] | None:
    """What is needed, the step that needs it, and a remedy; None where the board has enough."""
    ram, arena = plan.board.memory("w"), plan.arena.bytes
    need = arena + plan.state_bytes + STACK_BYTES
    states = f"states {plan.state_bytes:,}, " if plan.state_bytes else ""
    parts = f"arena {arena:,}, {states}stack {STACK_BYTES:,}"
    if ram is None or need <= ram.bytes:
        return None
    most, buffers = "It has no steps; its inputs take", plan.buffers
    if plan.steps:
        step = plan.fullest()
        most = f"The step that costs most is {step.op.said}:"
        buffers = plan.live(step)
    held = ", ".join(f"'{brief(b.name)}' {b.bytes:,}" for b in buffers)
    return (
        f"{need:,} bytes of {ram.name} ({parts}) and there are {ram.bytes:,}.",
        f"{most} {held} bytes.",
        "A smaller input or fewer channels in that step.",
    )


def _short_of_flash(plan: Plan) -> tuple[str, str, str] | None:
    """What is needed, the layers that need it, and a remedy; None where the board has enough."""
    flash = plan.board.memory("x")
    if flash is None or plan.const_bytes <= flash.bytes:
        return None
    costly = sorted(plan.calls, key=lambda c: -sum(k.bytes for k in c.consts))[:3]
    listed = ", ".join(f"{c.op.said} {sum(k.bytes for k in c.consts):,}" for c in costly)
    return (
        f"{plan.const_bytes:,} bytes of {flash.name} for constants and about"
        f" {plan.code_estimate:,} for code, and there are {flash.bytes:,}.",
        f"The layers with most constants: {listed} bytes.",
        "Fewer channels in the layers with most constants, or a smaller `width`.",
    )
