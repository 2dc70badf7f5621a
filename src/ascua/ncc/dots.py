"""Graphs in DOT, the language of Graphviz, and the folder of them that `--dump-ir` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ascua.errors import brief
from ascua.files import folders
from ascua.ir import Graph, Op, Tensor

PASSES, CHIP = "passes.dot", "k210.dot"
FORM = folders.Form("folder of graphs", lambda path, _: path in (PASSES, CHIP), "OUT")
APART = {"inputs", "outputs", "runtime", "uint8", "version"}
"""Fields of operators that no box has: edges, and what is the same for all."""


def beside(kmodel: Path) -> Path:
    """The folder of the graphs of the file `kmodel`."""
    return kmodel.with_name(f"{kmodel.name}.ir")


def write(folder: Path, graphs: Mapping[str, Graph], *, force: bool) -> None:
    """Make the folder hold `graphs` by file name; all or none, in place of an earlier run's.

    Raises InputError as `folders.check` does.
    """
    files = {name: dot(graph) for name, graph in graphs.items()}
    folders.fill(folder, FORM, files, force=force)


def dot(graph: Graph) -> str:
    """`graph` in DOT: operators with their fields, and along the edges types and shapes."""
    boxes = {op: f"op{i}" for i, op in enumerate(graph.ops)}
    lines = [f"digraph {quoted(graph.name)} {{", "node [shape=box]"]
    sources: dict[Tensor, str] = {op_y: boxes[op] for op_y, op in graph.makers.items()}
    for i, t in enumerate(graph.given):
        sources[t] = f"in{i}"
        lines.append(f"in{i} [shape=ellipse label={quoted(brief(t.name))}]")
    for op, box in boxes.items():
        text = "\n".join([f"{type(op).__name__} {brief(op.name)}", *facts(op)])
        lines.append(f"{box} [label={quoted(text)}]")
        lines += (edge(sources[t], box, t) for t in op.activations if t in sources)
    for i, t in enumerate(graph.left):
        lines.append(f"out{i} [shape=ellipse label={quoted(brief(t.name))}]")
        lines += [edge(sources[t], f"out{i}", t)] if t in sources else []
    return "\n".join([*lines, "}"]) + "\n"


def edge(source: str, target: str, t: Tensor) -> str:
    """The way of a tensor."""
    shape = "x".join(map(str, t.shape))
    return f"{source} -> {target} [label={quoted(f'{t.dtype} {shape}')}]"


def facts(value: Any, before: str = "") -> Iterator[str]:
    """The numbers of an operator, line by line; of weights their shape, of lists none."""
    for field in fields(value):
        found, name = getattr(value, field.name), f"{before}{field.name}"
        if isinstance(value, Op) and field.name in APART:
            continue
        if isinstance(found, np.ndarray) and found.ndim > 1:
            yield f"{name}: {found.dtype} {'x'.join(map(str, found.shape))}"
        elif is_dataclass(found):
            yield from facts(found, f"{name}.")
        elif isinstance(found, bool | int | float | str | tuple):
            yield f"{name}: {found:.6g}" if isinstance(found, float) else f"{name}: {found}"


def quoted(text: str) -> str:
    """A string of DOT."""
    shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
