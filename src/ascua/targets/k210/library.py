"""A kmodel with its runtime in C, as a library that boards without the chip run too."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from ascua.artifact import Library
from ascua.boards import Board
from ascua.errors import InputError
from ascua.kmodel import KPU_BYTES, Kmodel
from ascua.kpu.ends import ends
from ascua.targets.c.names import check_name

RUNTIME = Path(__file__).parent / "runtime"
SOURCES = ("kmodel.c", "kmodel_kpu.c", "kmodel_math.c", "kmodel_v3.c", "kmodel_v4.c")
HEADERS = ("kmodel.h", "kmodel_layer.h", "kpu.h")
SOFT = "kpu_soft.c"
"""The KPU in C."""
CHIP = "kpu_k210.c"
"""The driver of the chip's."""
KPU = "kpu_push"
"""The function that stands for the KPU: what it takes is no time of the CPU's."""
MEMORY = "kpu"
"""What boards call the memory of the KPU."""


def library(model: Kmodel, content: bytes, name: str, board: Board) -> Library:
    """The library of a kmodel, `content` its file, with the KPU in C.

    Its steps are `<name>_input`, which puts a sample (h, w, c) where the network finds it, a
    function a layer, and the KPU.
    """
    check_name(name)
    graph = ends(model)
    layers = [
        f"{name}_layer_{i}_{_identifier(layer.title)}" for i, layer in enumerate(model.layers)
    ]
    memory = next((m for m in board.memories if m.name == MEMORY), None)
    work = max(8, -(-model.main_bytes // 8) * 8)
    fields = {
        "name": name,
        "main_bytes": work,
        "inputs": len(graph.inputs),
        "outputs": len(graph.outputs),
        "input_bytes": ", ".join(str(t.bytes) for t in graph.inputs),
        "input_total": sum(-(-t.bytes // 8) * 8 for t in graph.inputs),
        "input_at": ", ".join(map(str, _places([t.bytes for t in graph.inputs]))),
        "output_bytes": ", ".join(str(t.bytes) for t in graph.outputs),
        "layers": "\n".join(f"LAYER({layer})" for layer in layers),
        "calls": "\n".join(f"    {layer}();" for layer in layers),
    }
    files = {n: (RUNTIME / n).read_bytes() for n in (*SOURCES, SOFT, *HEADERS)}
    if memory is not None:
        if memory.bytes < KPU_BYTES:
            raise InputError(
                f"{board.name}: its memory {MEMORY!r} has {memory.bytes:,} bytes, and the KPU's"
                f" {KPU_BYTES:,}.",
                ["Correct the board's file."],
            )
        where = f"#define KPU_RAM {memory.origin:#x}\n"
        files[SOFT] = where.encode() + files[SOFT]
    for template, path in (("library.h.in", f"{name}.h"), ("library.c.in", f"{name}.c"),
                           ("library.S.in", f"{name}_kmodel.S")):  # fmt: skip
        text = Template((RUNTIME / template).read_text(encoding="utf-8"))
        files[path] = text.substitute(fields).encode()
    files[f"{name}.kmodel"] = content
    return Library(
        name=name,
        files=files,
        inputs=graph.inputs,
        outputs=graph.outputs,
        steps=(f"{name}_input_samples", *layers, KPU),
        sources=(f"{name}.c", f"{name}_kmodel.S", *SOURCES, SOFT),
        include_dirs=(".",),
        arena_bytes=work,
    )


def _identifier(title: str) -> str:
    return re.sub(r"\W", "_", title).lower()


def _places(sizes: list[int]) -> list[int]:
    """Where each begins, at multiples of eight."""
    found, at = [], 0
    for size in sizes:
        found.append(at)
        at += -(-size // 8) * 8
    return found
