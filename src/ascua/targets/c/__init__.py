"""Writes a Plan as a C library: constants, calls and row loops around the kernel headers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any

from ascua import kernels
from ascua.artifact import Library, Slot
from ascua.files.folders import Form
from ascua.ir import Array
from ascua.kernels import Const
from ascua.plan import Arena, Call, Plan, Source, Step, View
from ascua.targets.c import constants, memories, people, rows, selftest, states
from ascua.targets.c.constants import CTYPES
from ascua.targets.c.header import header
from ascua.targets.c.names import check_name
from ascua.targets.c.states import place
from ascua.targets.c.steps import Steps

TEMPLATES = Path(__file__).parent

NO_CXX = """\
#ifdef __cplusplus
#error "this is C11: compile it with a C compiler, and include the header in C++"
#endif
"""
"""What `g++ net/src/*.c` is answered, instead of by thousands of lines."""


def emit(plan: Plan, name: str) -> Library:
    """The C library of `plan`, its symbols prefixed with `name`."""
    check_name(name)
    source = _Texts(plan, name)
    files = {
        f"include/{name}.h": header(plan, name),
        f"src/{name}.c": source.code(),
        f"src/{name}_on.c": source.code_on(),
        f"src/{name}_weights.h": source.weights_header(),
        f"src/{name}_weights.c": source.weights(),
        **{f"src/ascua/{h}": (kernels.FOLDER / h).read_text() for h in source.kernel_headers()},
    }
    script = memories.script(plan, name)
    if script:
        files[f"{name}_memories.ld"] = script
    if memories.loaded(plan):
        files[f"src/{name}_load.c"] = memories.loading(plan, name)
    return Library(
        name=name,
        files={path: text.encode() for path, text in files.items()},
        inputs=plan.graph.inputs,
        outputs=plan.graph.outputs,
        steps=tuple(f"{name}_{s.name}" for s in plan.steps),
        sources=tuple(
            f"src/{name}{part}.c"
            for part in ("", "_weights", "_load")
            if f"src/{name}{part}.c" in files
        ),
        include_dirs=("include", "src"),
        arena_bytes=plan.arena_bytes,
        shared=None if plan.shared is None else (plan.shared.name, plan.shared.bytes),
        script=f"{name}_memories.ld" if script else None,
        regions=memories.regions(plan),
        loads=bool(memories.loaded(plan)),
        by_rows=plan.by_rows,
        tolerance=plan.graph.tolerance,
        states=tuple(Slot(k.state.tensor, k.buffer.offset) for k in plan.states),
    )


def _names(path: str, table: Mapping[str, Any]) -> bool:
    """Whether a library that is called as the manifest `table` says has a file at `path`."""
    name = re.escape(str(table.get("name")))
    own = rf"include/{name}(_labels)?\.h|src/{name}(_weights|_on|_load)?\.[ch]"
    test = rf"test/{name}_(selftest\.[ch]|vectors\.h)|test/main\.c"
    flat = rf"{name}(_weights|_on|_load)?\.c|{name}(_weights|_labels)?\.h|ascua_\w+\.h"
    others = rf"{name}_memories\.ld|src/ascua/\w+\.h|CMakeLists\.txt|README\.md"
    return bool(re.fullmatch(rf"{own}|{test}|{flat}|{others}", path))


FORM = Form("C library", _names, "-o")


def usage(library: Library) -> str:
    """How the code that includes the library calls it."""
    run = "invoke_rows" if library.by_rows else "run"
    return (
        f"#include <{library.name}.h>, call {library.name}_{run}();"
        f" arena {library.arena_bytes:,} bytes."
    )


def extras(
    library: Library, xs: Sequence[Array], ys: Sequence[Array], labels: Sequence[str] = ()
) -> dict[str, bytes]:
    """What people need beside it: README.md, CMakeLists.txt, and a self-test with vectors.

    `xs`, `ys` are (n, *shape) a graph tensor, `labels` names of classes.
    """
    fields = {
        "name": library.name,
        "upper": library.name.upper(),
        "sources": "".join(f"  {s}\n" for s in (*library.sources, f"src/{library.name}_on.c")),
    }
    test = {**selftest.files(library, xs, ys, labels), "main.c": selftest.main(library.name)}
    files = {
        "README.md": people.readme(library, flat=False),
        "CMakeLists.txt": _template("CMakeLists.txt.in", **fields),
        **{f"test/{path}": text for path, text in test.items()},
    }
    if labels:
        files[f"include/{library.name}_labels.h"] = people.labels(library.name, labels)
    return {path: text.encode() for path, text in files.items()}


def flat(library: Library, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files in one folder, for builds that compile whatever lies there."""
    return {
        **people.flattened(files),
        "README.md": people.readme(library, flat=True).encode(),
    }


def _template(file: str, **fields: object) -> str:
    return Template((TEMPLATES / file).read_text()).substitute(fields)


class _Texts:
    """The texts of one library."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.plan = plan
        self.name = name
        self.symbols: dict[tuple[str, str], str] = {}
        self.arrays: dict[str, Const] = {}
        for step in plan.steps:
            for call, suffix in _numbered(step):
                for const in call.consts:
                    symbol = f"{name}_{step.name[5:]}{suffix}_{const.name}"
                    self.symbols.setdefault(const.key, symbol)
                    self.arrays.setdefault(self.symbols[const.key], const)

    @cached_property
    def calls(self) -> list[Call]:
        """Those of kernels."""
        return [c for c in self.plan.calls if not isinstance(c.op, Source)]

    def kernel_headers(self) -> list[str]:
        """The headers of the kernels in use, with those that they include."""
        wanted = ["kernel.h", "window.h", *(f"{c.kernel.name}.h" for c in self.calls)]
        found: list[str] = []
        while wanted:
            header = wanted.pop()
            if header not in found:
                found.append(header)
                wanted += re.findall(r'#include "(\w+\.h)"', (kernels.FOLDER / header).read_text())
        return sorted(found)

    def weights_header(self) -> str:
        upper = self.name.upper()
        types = [h for h in ("fixed.h", "wide.h") if h in self.kernel_headers()]
        includes = "".join(f'#include "ascua/{h}"\n' for h in ("kernel.h", *types))
        declared = "".join(constants.declaration(symbol, c) for symbol, c in self.arrays.items())
        largest = max((c.bytes for c in self.arrays.values()), default=0)
        return (
            f"/* Constants of {self.name}. */\n#ifndef {upper}_WEIGHTS_INCLUDED\n"
            f"#define {upper}_WEIGHTS_INCLUDED\n\n{includes}\n{constants.indexed(largest)}"
            f"{declared}\n#endif\n"
        )

    def weights(self) -> str:
        section = _section("WEIGHTS", f"{self.name.upper()}_WEIGHTS_SECTION")
        parts = [f'{NO_CXX}#include "{self.name}_weights.h"\n', f"{section}\n"]
        at = {symbol: self.plan.near.consts.get(c.key) for symbol, c in self.arrays.items()}
        for memory in sorted({m for m in at.values() if m}):
            given = f"{self.name.upper()}_WEIGHTS_{memory.upper()}_SECTION"
            default = memories.section(self.name, "constants", memory)
            parts.append(f"{_section(f'WEIGHTS_{memory.upper()}', given, default)}\n")
        for symbol, c in self.arrays.items():
            macro = "_".join(["WEIGHTS", *([m.upper()] if (m := at[symbol]) else [])])
            parts.append(f"{macro} {constants.definition(symbol, c)}")
        return "\n".join(parts)

    def code(self) -> str:
        name, plan = self.name, self.plan
        names = sorted({c.kernel.name for c in self.calls})
        includes = "".join(f'#include "ascua/{k}.h"\n' for k in names)
        internal = f"#define {name.upper()}_INTERNAL\n"
        steps = Steps(plan, name, self.symbols)
        shared = {f: c for c in self.calls if (f := steps.function(c)) != c.kernel.name}
        parts = [
            f'{NO_CXX}{internal}{self.code_section()}#include "{name}.h"\n\n'
            f'#include "{name}_weights.h"\n{includes}'
            '#include "ascua/window.h"\n',
            self.memory(),
            *([steps.places()] if steps.row_tables else []),
            *(steps.shared(f, c) for f, c in shared.items()),
            *(steps.step(s) for s in plan.steps),
            f"#ifndef {name.upper()}_ON",
            self.interface(),
            "#endif\n",
        ]
        return _wrapped("\n".join(parts))

    def memory(self) -> str:
        """Where a run works: in static arrays, or where NAME_on.c is compiled, in an instance."""
        plan, upper = self.plan, self.name.upper()
        lines = [
            f"#ifdef {upper}_ON",
            f"#define INSTANCE struct {self.name}_instance *const net",
            "#define INSTANCE_AND INSTANCE,",
            "#define NET net",
            "#define NET_AND net,",
            *(f"#define {a} ((int8_t *)net->{a})" for a in self.arenas),
            *(["#define SOURCE (*net)"] if plan.by_rows else []),
            *(["#define states ((int8_t *)net->states)"] if plan.states else []),
            "#else",
            "#define INSTANCE void",
            "#define INSTANCE_AND",
            "#define NET",
            "#define NET_AND",
            *(line for a in self.arenas for line in self.arena(a)),
            *states.definition(plan),
            *rows.definition(plan),
            "#endif\n",
        ]
        return "\n".join(lines)

    @cached_property
    def arenas(self) -> dict[str, Arena]:
        """The arrays for what a run works with."""
        found = self.plan.tensor_arenas
        return {"arena": found[0], **{f"arena_{a.memory}": a for a in found[1:]}}

    def arena(self, symbol: str) -> list[str]:
        """The definition of one of them."""
        arena, macro = self.arenas[symbol], symbol.upper()
        home = memories.home(self.plan, arena)
        default = None if home else memories.section(self.name, "arena", arena.memory)
        shared = self.plan.shared if symbol == "arena" else None
        if shared is not None:
            array = f"{macro} _Alignas(8) int8_t {shared.name}[{shared.bytes}];"
            return [
                _section(macro, f"{shared.name.upper()}_SECTION", default),
                "/* The arena of several networks, in turns: each defines it, and there is one. */",
                f"__attribute__((weak)) {array}\n#define arena {shared.name}",
            ]
        return [
            _section(macro, f"{self.name.upper()}_{macro}_SECTION", default),
            f"static {macro} _Alignas(8) int8_t {symbol}[{max(arena.bytes, 1)}];",
        ]

    def code_section(self) -> str:
        """The macro for a section of steps and kernels, where they are to lie in one."""
        memory = self.plan.near.code
        if memory is None:
            return ""
        given = f"{self.name.upper()}_CODE_SECTION"
        return f"{_section('PLACED', given, memories.section(self.name, 'code', memory))}\n"

    def code_on(self) -> str:
        """The functions that work on an instance of the caller's."""
        name, plan = self.name, self.plan
        instance = f"struct {name}_instance *net"
        first, last = states.copies(plan)
        parts = [
            f"/* {name} on instances of the caller's: the same code, which finds its memory by a"
            f' pointer. */\n#define {name.upper()}_ON\n#include "{name}.c"\n',
        ]
        if plan.by_rows:
            parts.append(rows.function(name, plan, first, last, on=True))
        else:
            calls = "".join(f"    {name}_{s.name}(net);\n" for s in plan.steps)
            calls = calls or "    (void)net;\n"
            parts.append(f"void {name}_run_on({instance}) {{\n{first}{calls}{last}}}\n")
        if plan.states:
            parts.append(states.functions_on(name, plan))
        if len(plan.inputs) == len(plan.outputs) == 1 and not plan.by_rows:
            parts.append(self.invoke("_on", f"{instance}, ", "net"))
        return _wrapped("\n".join(parts))

    def interface(self) -> str:
        """The functions that NAME.h declares."""
        name, plan = self.name, self.plan
        first, last = states.copies(plan)
        if plan.by_rows:
            parts = [self.tables("output", plan.outputs)]
            parts.append(rows.function(name, plan, first, last, on=False))
        else:
            parts = [self.tables("input", plan.inputs), self.tables("output", plan.outputs)]
            calls = "".join(f"    {name}_{s.name}(NET);\n" for s in plan.steps)
            parts.append(f"void {name}_run(void) {{\n{first}{calls}{last}}}\n")
        if plan.states:
            parts.append(states.functions(name, plan))
        if len(plan.inputs) == len(plan.outputs) == 1 and not plan.by_rows:
            parts.append(self.invoke("", "", ""))
        return "\n".join(parts)

    def invoke(self, suffix: str, instance: str, given: str) -> str:
        """The function that copies the one input in and the one output out."""
        x, y = self.plan.inputs[0], self.plan.outputs[0]
        return (
            f"void {self.name}_invoke{suffix}({instance}const {CTYPES[x.tensor.dtype]} *in,"
            f" {CTYPES[y.tensor.dtype]} *out) {{\n"
            f"    if ((const void *)in != (const void *)({place(x.buffer)})) {{\n"
            f"        memcpy({place(x.buffer)}, in, {x.tensor.bytes});\n    }}\n"
            f"    {self.name}_run{suffix}({given});\n"
            f"    if ((void *)out != (void *)({place(y.buffer)})) {{\n"
            f"        memcpy(out, {place(y.buffer)}, {y.tensor.bytes});\n    }}\n}}\n"
        )

    def tables(self, kind: str, views: tuple[View, ...]) -> str:
        """NAME_input and NAME_input_bytes, or the same of outputs."""
        offsets = ", ".join(str(v.offset) for v in views)
        sizes = ", ".join(str(v.tensor.bytes) for v in views)
        found = (
            f"    static const int32_t offsets[] = {{{offsets}}};\n"
            f"    return arena + offsets[index];\n"
        )
        if any(v.buffer.other for v in views):
            places = ", ".join(place(v.buffer) for v in views)
            found = (
                f"    static int8_t *const places[] = {{{places}}};\n    return places[index];\n"
            )
        return (
            f"void *{self.name}_{kind}(int index) {{\n{found}}}\n\n"
            f"int32_t {self.name}_{kind}_bytes(int index) {{\n"
            f"    static const int32_t sizes[] = {{{sizes}}};\n"
            f"    return sizes[index];\n}}\n"
        )


def _numbered(step: Step) -> list[tuple[Call, str]]:
    """The calls of a step, each with what tells its names apart where there are several."""
    return [(c, str(i) if len(step.calls) > 1 else "") for i, c in enumerate(step.calls)]


def _wrapped(code: str, columns: int = 100) -> str:
    """`code` with its long lines broken behind commas; no line of it holds a string."""
    lines: list[str] = []
    for line in code.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        # A space that is not behind a comma is held by a character that no source has.
        held = re.sub("(?<!,) ", "\0", line.strip())
        broken = textwrap.wrap(
            held, columns, initial_indent=indent, subsequent_indent=indent + 4 * " ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        lines += [text.replace("\0", " ") for text in broken] or [""]
    return "\n".join(lines)


def _section(macro: str, given: str, default: str | None = None) -> str:
    """A macro that puts what is defined with it where `given` says, a macro of the user's."""
    if default is not None:
        return (
            f'#ifndef {given}\n#define {given} "{default}"\n#endif\n'
            f"#define {macro} __attribute__((section({given})))"
        )
    return (
        f"#ifdef {given}\n#define {macro} __attribute__((section({given})))\n"
        f"#else\n#define {macro}\n#endif"
    )
