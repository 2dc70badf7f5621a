"""What a library keeps from one run to the next, as C: an array, its first values, two copies."""

from __future__ import annotations

import numpy as np

from ascua.ir import Array
from ascua.plan import STATES, Buffer, Kept, Plan
from ascua.targets.c.constants import numbers

ARRAYS = {STATES: "states"}
"""The C arrays of memories that are not the arena."""


def place(b: Buffer) -> str:
    """The C expression of where a buffer lies."""
    return f"{array(b)} + {b.offset}"


def array(b: Buffer) -> str:
    """The C array that it lies in."""
    return f"arena_{b.memory}" if b.other else ARRAYS.get(b.memory, "arena")


def declaration(name: str, count: int) -> str:
    """What the header says of states."""
    return (
        f"\n/* Bytes of RAM beside the arena: what a run leaves for the next one. */\n"
        f"#define {name.upper()}_STATE_BYTES {count}\n"
        f"\n/* Forgets all earlier runs: the next one is the first again. */\n"
        f"void {name}_reset(void);\n"
        f"\n/* Where that lies: copied elsewhere and back, the next run goes on from there. */\n"
        f"void *{name}_states(void);\n"
    )


def declaration_on(name: str) -> str:
    """What it says of those of an instance."""
    return (
        f"\n/* Before the first run of an instance, and whenever it is to forget its runs. */\n"
        f"void {name}_reset_on(struct {name}_instance *net);\n"
    )


def definition(plan: Plan) -> list[str]:
    """The array, with the first values."""
    if not plan.states:
        return []
    values = np.zeros(plan.state_bytes, np.int8)
    for k in plan.states:
        values[k.buffer.offset : k.buffer.offset + k.buffer.bytes] = _first(k)
    return [f"static _Alignas(8) int8_t states[{values.size}] = {{\n{numbers(values)}}};\n"]


def copies(plan: Plan) -> tuple[str, str]:
    """The statements at the start of a run and at its end."""
    first = [(place(k.copy.buffer), place(k.buffer), k) for k in plan.states if k.copy]
    last = [(place(k.buffer), place(k.after.buffer), k) for k in plan.states]
    start, end = (
        "".join(f"    memcpy({to}, {source}, {k.buffer.bytes});\n" for to, source, k in rows)
        for rows in (first, last)
    )
    return start, end


def functions(name: str, plan: Plan) -> str:
    """The functions that restore the first values, and that tell where the values are."""
    return (
        f"void {name}_reset(void) {{\n{_restored(plan)}}}\n\n"
        f"void *{name}_states(void) {{\n    return states;\n}}\n"
    )


def functions_on(name: str, plan: Plan) -> str:
    """The function that restores the first values of an instance."""
    return f"void {name}_reset_on(struct {name}_instance *net) {{\n{_restored(plan)}}}\n"


def _restored(plan: Plan) -> str:
    """The statements that restore the first values."""
    lines = []
    for i, k in enumerate(plan.states):
        values = _first(k)
        to, count = place(k.buffer), k.buffer.bytes
        if (values == values[0]).all():
            lines.append(f"    memset({to}, {values[0]}, {count});\n")
        else:
            lines.append(f"    static const int8_t first_{i}[{count}] = {{\n{numbers(values)}}};\n")
            lines.append(f"    memcpy({to}, first_{i}, {count});\n")
    return "".join(lines)


def _first(k: Kept) -> Array:
    """The bytes (n,) before the first run."""
    values: Array = np.ascontiguousarray(k.state.initial).reshape(-1).view(np.int8)
    return values
