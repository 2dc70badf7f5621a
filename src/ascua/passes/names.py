"""Names, ranges of calibration and a converter's log are no part of what a network computes.

What callers name stays: inputs, outputs, variables and signatures. So does other metadata.
"""

from __future__ import annotations

from dataclasses import replace

from ascua.ir import Graph, Op, Tensor

LOGS = ("CONVERSION_METADATA",)
"""Metadata that a converter writes of itself, and no runtime reads."""


def bare(graph: Graph) -> Graph:
    """The graph for a small file: constants without names, layers with the first of theirs."""
    kept = {*graph.given, *graph.left}
    taken = {t.name for t in kept}
    new: dict[Tensor, Tensor] = {}
    for t in graph.tensors():
        name = t.name
        if t not in kept:
            name = "" if t.const else _unused(short(t.name), taken)
            taken.add(name)
        quant = t.quant and replace(t.quant, min=(), max=())
        if t not in graph.left or not t.const:
            new[t] = replace(t, name=name, quant=quant)
    ops: list[Op] = [
        replace(
            op,
            inputs=tuple(t and new.get(t, t) for t in op.inputs),
            outputs=tuple(new.get(t, t) for t in op.outputs),
        )
        for op in graph.ops
    ]
    metadata = tuple(m for m in graph.metadata if m.name not in LOGS)
    return replace(graph.replaced(new, ops), metadata=metadata)


def short(name: str) -> str:
    """The first of the names that a converter gave a layer of several, without what is in all."""
    first = name.split(";")[0]
    return "/".join(first.split("/")[-2:])


def _unused(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(n for i in range(2, len(taken) + 3) if (n := f"{name}_{i}") not in taken)
