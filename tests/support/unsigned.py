"""Makes uint8 networks of int8 ones, as TensorFlow 1 would have written them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Graph, Quant, Tensor


def as_uint8(graph: Graph, weights_zero: int = 93) -> Graph:
    """`graph` with uint8 in place of int8; weights have one scale, and this zero point."""
    known: dict[Tensor | None, Tensor | None] = {None: None}

    def restated(t: Tensor | None) -> Tensor | None:
        return known.setdefault(t, t and _unsigned(t))

    ops = []
    for op in graph.ops:
        if (w := getattr(op, "w", None)) is not None:
            known[w] = _unsigned(w, weights_zero)
        inputs, outputs = map(restated, op.inputs), map(restated, op.outputs)
        ops.append(replace(op, inputs=tuple(inputs), outputs=tuple(outputs)))
    ends = (tuple(map(restated, ts)) for ts in (graph.inputs, graph.outputs))
    return Graph(graph.name, *ends, tuple(ops))


def _unsigned(t: Tensor, zero: int | None = None) -> Tensor:
    if t.dtype != "int8" or t.quant is None:
        return t
    zero = t.q.zero_point + 128 if zero is None else zero
    data = None if t.data is None else (t.data.view(np.uint8) ^ np.uint8(128))
    return replace(t, dtype="uint8", quant=Quant(t.q.scales[:1], (zero,)), data=data)
