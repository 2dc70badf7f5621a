"""What a library has for those who build with it: how it is used, and names of classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from ascua.artifact import Library
from ascua.targets.c.constants import CTYPES, string
from ascua.targets.c.header import is_quantized

TEMPLATES = Path(__file__).parent


def readme(library: Library, *, flat: bool) -> str:
    """README.md of the folder."""
    name = library.name
    build = "all `.c` files of this folder" if flat else (
        "`src/*.c` with `-Iinclude`; or CMake: `add_subdirectory`, then"
        f" `target_link_libraries(app PRIVATE {name}::{name})`"
    )  # fmt: skip
    test = "" if flat else f"\n`test/` compares every output byte: `-D{name.upper()}_TEST=ON`.\n"
    text = (TEMPLATES / "README.md.in").read_text(encoding="utf-8")
    return Template(text).substitute(
        name=name, upper=name.upper(), code="\n".join(call(library)), on=_run_on(library),
        build=build, test=test, values=_values(library), memories=_memories(library),
        **_arena(library),
    )  # fmt: skip


def call(library: Library) -> list[str]:
    """Lines of C that run it."""
    name = library.name
    x, y = library.inputs[0], library.outputs[0]
    results = [
        f"{CTYPES[t.dtype]} *y{i} = {name}_output_{i}(); /* {_shape(t.shape)} */"
        for i, t in enumerate(library.outputs)
    ]
    if library.by_rows:
        out = ", out" if len(library.outputs) == 1 else ""
        lines = [
            f"static int32_t row(void *context, int32_t y, {CTYPES[x.dtype]} *to); /* fills row y"
            f" of {_shape(x.shape)}, answers 0 */",
            *([f"static {CTYPES[y.dtype]} out[{y.size}];"] if out else []),
            f"int32_t error = {name}_invoke_rows(row, context{out});",
            *([] if out else results),
        ]
    elif len(library.inputs) == len(library.outputs) == 1:
        lines = [
            f"static {CTYPES[x.dtype]} in[{x.size}]; /* {_shape(x.shape)} */",
            f"static {CTYPES[y.dtype]} out[{y.size}];",
            f"{name}_invoke(in, out);",
        ]
        if is_quantized(y) and y.size > 1:
            lines += ["float score;", f"int32_t best = {name}_top1(out, &score);"]
    else:
        lines = [
            *(f"{CTYPES[t.dtype]} *x{i} = {name}_input_{i}(); /* {_shape(t.shape)}: fill it */"
              for i, t in enumerate(library.inputs)),
            f"{name}_run();",
            *results,
        ]  # fmt: skip
    return lines


def _run_on(library: Library) -> str:
    """How an instance is run."""
    if not library.by_rows:
        return f"{library.name}_run_on(&net)"
    out = ", out" if len(library.outputs) == 1 else ""
    return f"{library.name}_invoke_rows_on(&net, row, context{out})"


def _values(library: Library) -> str:
    """How values become bytes and back; of ends that are no integers there is nothing to say."""
    name = library.name
    found = [
        *([f"`{name}_quantize_input_0(value)`"] if is_quantized(library.inputs[0]) else []),
        *([f"`{name}_dequantize_output_0(byte)`"] if is_quantized(library.outputs[0]) else []),
    ]
    return f"Real values: {', '.join(found)}; " if found else ""


def _arena(library: Library) -> dict[str, str]:
    """What the arena is, and the macro that names its section."""
    if library.shared is None:
        return {
            "arena": f"the arena of {library.arena_bytes:,} bytes",
            "section": f"{library.name.upper()}_ARENA_SECTION",
        }
    shared, size = library.shared
    return {
        "arena": f"`{shared}` ({size:,} bytes, the one arena of several networks that run in turns:"
        " each overwrites what the others left there, outputs too)",
        "section": f"{shared.upper()}_SECTION",
    }


def _memories(library: Library) -> str:
    """What to do where it lies in several memories."""
    if library.script is None:
        return ""
    load = f"; `{library.name}_load()` once before the first run" if library.loads else ""
    return (
        f"- It is planned for several memories: `INCLUDE {library.script}` in your linker script,"
        f" between MEMORY and SECTIONS{load}.\n"
    )


def labels(name: str, names: Sequence[str]) -> str:
    """NAME_labels.h: the class of each index."""
    listed = "".join(f"        {string(text)},\n" for text in names)
    upper = name.upper()
    return (
        f"/* The classes of {name}. */\n#ifndef {upper}_LABELS_INCLUDED\n"
        f"#define {upper}_LABELS_INCLUDED\n\n"
        f"static inline const char *{name}_label(int index) {{\n"
        f"    static const char *const names[] = {{\n{listed}    }};\n"
        f'    return index >= 0 && index < {len(names)} ? names[index] : "?";\n}}\n\n#endif\n'
    )


def flattened(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A library's files side by side; the kernels' headers get a prefix that nobody else has.

    Tests have a `main` of their own, and CMake its own idea of folders: both stay away.
    """
    found = {}
    for path, data in files.items():
        folder, _, name = path.rpartition("/")
        if folder == "test" or name == "CMakeLists.txt":
            continue
        kernel = folder == "src/ascua"
        text = data.decode().replace('#include "ascua/', '#include "ascua_')
        if kernel:
            text = re.sub(r'#include "(\w+\.h)"', r'#include "ascua_\1"', text)
        found[f"ascua_{name}" if kernel else name] = text.encode()
    return found


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
