"""Float operators that a converter left between DEQUANTIZE and QUANTIZE, on integers.

What only moves values moves those of the integers; what is a function of one int8 value is a table.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Graph, Op, Tensor
from ascua.ops.dequantize import Dequantize
from ascua.ops.quantize import Quantize
from ascua.ops.table import Table
from ascua.passes.folding import reading

MOVED = "/moved"
"""What is added to the name of a tensor of floats for the integers that they are of."""

VALUES = 256
"""Those of int8."""


def on_integers(graph: Graph) -> Graph:
    """`graph` with integers in place of floats where every output stays the same."""
    return _tables(_moved(graph))


def _moved(graph: Graph) -> Graph:
    """Moves of what a DEQUANTIZE made are moves of its input, with a DEQUANTIZE behind them."""
    sources: dict[Tensor, Tensor] = {}
    ops: list[Op] = []
    for op in graph.ops:
        if isinstance(op, Dequantize) and not op.x.const and op.y.dtype == "float32":
            sources[op.y] = op.x
        moved = _on_sources(op, sources)
        if moved is None:
            ops.append(op)
            continue
        ops.append(moved)
        for t, made in zip(op.outputs, moved.outputs, strict=True):
            sources[t] = made
            ops.append(Dequantize((made,), (t,)))
    return replace(graph, ops=tuple(ops))


def _on_sources(op: Op, sources: dict[Tensor, Tensor]) -> Op | None:
    """`op` on the integers that its floats are of; None where it computes, or they differ."""
    if not (op.any_type and op.one_scale) or not op.activations:
        return None
    if getattr(op, "activation", "NONE") != "NONE":  # whose bounds are no steps of the integers
        return None
    read = [sources.get(t) for t in op.activations]
    first = read[0]
    alike = first is not None and all(
        t is not None and t.dtype == first.dtype and t.quant == first.quant for t in read
    )
    if first is None or not alike or any(t.const and t.dtype == "float32" for t in op.inputs if t):
        return None
    outputs = tuple(Tensor(t.name + MOVED, t.shape, first.dtype, first.quant) for t in op.outputs)
    inputs = tuple(sources.get(t, t) if t else None for t in op.inputs)
    moved = replace(op, inputs=inputs, outputs=outputs)
    return None if moved.check() else moved


def _tables(graph: Graph) -> Graph:
    """Each QUANTIZE of a function of one int8 value is a table of it, or where it is x, nothing."""
    instead: dict[Tensor, Tensor] = {}
    ops: list[Op] = []
    for op in graph.ops:
        table = _table(op, graph) if isinstance(op, Quantize) else None
        if table is None:
            ops.append(op)
        elif _same(table) and table.y not in graph.left:
            instead[table.y] = instead.get(table.x, table.x)
        else:
            ops.append(table)
    return replace(graph, ops=tuple(reading(op, instead) for op in ops))


def _same(table: Table) -> bool:
    """Whether it gives what it takes."""
    every = np.arange(VALUES, dtype=np.uint8).view(np.int8)
    return table.x.quant == table.y.quant and np.array_equal(table.values, every)


def _table(op: Quantize, graph: Graph) -> Table | None:
    """The table that an operator to int8 is the end of."""
    if op.x.const or op.x.dtype != "float32" or op.y.dtype != "int8" or op.check():
        return None
    found = _behind(op.x, graph)
    sources = {o.x for o in found if isinstance(o, Dequantize)}
    if len(sources) != 1:
        return None
    (x,) = sources
    if x.dtype != "int8" or x.shape != op.y.shape or any(not _of_one(o) for o in found):
        return None
    vectors: dict[Tensor, Tensor] = {}
    for o in found:
        vectors |= {t: _vector(t) for t in (*o.inputs, o.y) if t is not None}
    chain = Graph("table", (vectors[x],), (vectors[op.x],), tuple(o.on(vectors) for o in found))
    if any(o.malformed() for o in chain.ops):
        return None
    return Table((x,), (op.y,), chain=chain)


def _behind(t: Tensor, graph: Graph) -> list[Op]:
    """The operators that make `t`, in order, each DEQUANTIZE the first of its branch."""
    found: set[Op] = set()
    missing = [t]
    while missing:
        op = graph.makers.get(missing.pop())
        if op is None:
            return []
        if op not in found and not isinstance(op, Dequantize):
            missing += op.activations
        found.add(op)
    return [op for op in graph.ops if op in found]


def _of_one(op: Op) -> bool:
    """Whether `op` makes each float of one of each input, and of constants that are the same."""
    if isinstance(op, Dequantize):
        return op.check() is None
    constants = [t for t in op.inputs if t is not None and t.const]
    alike = all(t.dtype == "float32" and t.size == 1 for t in constants)
    return (
        op.elementwise
        and op.in_float
        and (op.floats or "float32" in op.types)
        and alike
        and all(t.shape == op.y.shape for t in op.activations)
    )


def _vector(t: Tensor) -> Tensor:
    """`t` with a place for every int8 value; a constant with one."""
    if t.const:
        return replace(t, shape=(1,), data=t.values.reshape(1))
    return replace(t, shape=(VALUES,))
