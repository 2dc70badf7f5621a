"""Where a library's parts lie, as C and linkers have it: sections, a script, what is copied."""

from __future__ import annotations

from ascua.plan import Arena, Plan

INTO = {"arena": "bss", "constants": "rodata", "code": "text"}
"""The output sections that take a part where no script of ours does."""


def section(name: str, what: str, memory: str) -> str:
    """The section of what lies in a memory that the program's other parts are not in."""
    return f".{INTO[what]}.{name}_{memory}"


def home(plan: Plan, arena: Arena) -> bool:
    """Whether an arena lies where the program's variables do."""
    variables = plan.board.memory("w")
    return variables is None or arena.memory == variables.name


def loaded(plan: Plan) -> tuple[str, ...]:
    """The memories that code or constants are copied to before a run."""
    kept = plan.board.memory("x")
    wanted = {plan.near.code, *(plan.near.consts.get(c.key) for c in plan.consts)}
    names = (m.name for m in plan.board.memories)
    return tuple(n for n in names if n in wanted and not (kept and n == kept.name))


def script(plan: Plan, name: str) -> str:
    """The linker script of what lies elsewhere; empty where nothing does."""
    parts, kept = [], plan.board.memory("x")
    for memory in loaded(plan):
        assert kept is not None
        taken = " ".join(
            f"*({text} {text}.*)"
            for text in (section(name, what, memory) for what in ("code", "constants"))
        )
        parts.append(
            f"    .{name}_{memory} : ALIGN(8) {{\n"
            f"        {name}_{memory}_start = .;\n"
            f"        {taken}\n"
            f"        . = ALIGN(8);\n"
            f"        {name}_{memory}_end = .;\n"
            f"    }} > {memory} AT > {kept.name}\n"
            f"    {name}_{memory}_load = LOADADDR(.{name}_{memory});\n"
        )
    for arena in plan.tensor_arenas:
        if not home(plan, arena):
            text = section(name, "arena", arena.memory)
            parts.append(
                f"    .{name}_{arena.memory}_arena (NOLOAD) : ALIGN(8) {{ *({text}) }}"
                f" > {arena.memory}\n"
            )
    if not parts:
        return ""
    return (
        f"/* What {name} has in the memories of {plan.board.name}. INCLUDE it behind MEMORY, before"
        f" SECTIONS.\n   Memories are called as in the board's file: REGION_ALIAS gives yours these"
        f" names. */\nSECTIONS {{\n{''.join(parts)}}} INSERT AFTER .text;\n"
    )


def regions(plan: Plan) -> tuple[str, ...]:
    """The memories that the script names."""
    arenas = (a.memory for a in plan.tensor_arenas if not home(plan, a))
    kept = plan.board.memory("x")
    kept_in = (kept.name,) if kept and loaded(plan) else ()
    return tuple(dict.fromkeys((*loaded(plan), *arenas, *kept_in)))


def declaration(name: str) -> str:
    """What the header says of loading."""
    return (
        f"\n/* Copies code and constants to where {name}_memories.ld puts them: once, before the"
        f" first run.\n   Without that script there is nothing to copy. */\n"
        f"void {name}_load(void);\n"
    )


def loading(plan: Plan, name: str) -> str:
    """The file that copies what a linker script puts in other memories than it is kept in."""
    symbols, calls = [], []
    for memory in loaded(plan):
        part = f"{name}_{memory}"
        symbols.append(
            f"extern char {part}_start[] WEAK, {part}_end[] WEAK;\n"
            f"extern const char {part}_load[] WEAK;\n"
        )
        calls.append(f"    copied({part}_start, {part}_end, {part}_load);\n")
    return (
        f'#include "{name}.h"\n\n#include <string.h>\n\n'
        "#define WEAK __attribute__((weak))\n\n"
        f"/* Of {name}_memories.ld; where it is not linked they are all 0. */\n{''.join(symbols)}\n"
        "static void copied(char *start, const char *end, const char *from) {\n"
        "    uintptr_t bytes = (uintptr_t)end - (uintptr_t)start;\n"
        "    if (bytes > 0) {\n        memcpy(start, from, bytes);\n    }\n}\n\n"
        f"void {name}_load(void) {{\n{''.join(calls)}}}\n"
    )
