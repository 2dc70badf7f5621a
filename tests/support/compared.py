"""Small networks to compare: a float one, its int8 twin, and one with a layer spoilt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.compare import Samples
from ascua.ir import Array, Graph, Op, Quant, Tensor
from ascua.ops.add import Add
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.softmax import Softmax
from ascua.quantize import quantize
from tests.support import network


def constant(name: str, data: Array) -> Tensor:
    return Tensor(name, data.shape, "float32", None, data.astype(np.float32))


def dense(x: Tensor, size: int, name: str, seed: int, activation: str = "RELU") -> FullyConnected:
    rng = np.random.default_rng(seed)
    w = constant(f"{name}/w", rng.normal(0, 1, (size, x.shape[1])) / np.sqrt(x.shape[1]))
    b = constant(f"{name}/b", rng.normal(0, 0.1, size))
    return FullyConnected((x, w, b), (Tensor(name, (1, size), "float32"),), False, activation)


def classifier() -> Graph:
    """Two dense layers, the first added to the second, and one that answers six classes."""
    x = Tensor("x", (1, 12), "float32")
    first = dense(x, 24, "first", 1)
    second = dense(first.y, 24, "second", 2)
    both = Add((first.y, second.y), (Tensor("both", (1, 24), "float32"),), "NONE")
    last = dense(both.y, 6, "scores", 3, "NONE")
    answer = Softmax((last.y,), (Tensor("answer", (1, 6), "float32"),), 1.0)
    return network(first, second, both, last, answer)


def inputs(count: int, seed: int = 5) -> Array:
    return np.random.default_rng(seed).normal(0, 1, (count, 1, 12)).astype(np.float32)


def twin(real: Graph) -> Graph:
    """The int8 twin."""
    return quantize(real, [inputs(200, 7)])


def spoilt(graph: Graph, name: str, factor: float) -> Graph:
    """`graph` with the range of one activation made `factor` times as wide."""
    known: dict[Tensor, Tensor] = {}

    def changed(t: Tensor) -> Tensor:
        if t.name == name and t not in known:
            scale = float(np.float32(t.q.scale * factor))
            known[t] = replace(t, quant=Quant((scale,), t.q.zero_points))
        return known.get(t, t)

    return rewired(graph, changed)


def renamed(graph: Graph) -> Graph:
    """`graph` with all activations called something else."""
    known: dict[Tensor, Tensor] = {}

    def changed(t: Tensor) -> Tensor:
        return known.setdefault(t, replace(t, name=f"other/{len(known)}"))

    return rewired(graph, lambda t: t if t.const else changed(t))


def rewired(graph: Graph, changed) -> Graph:  # type: ignore[no-untyped-def]
    """`graph` with other tensors."""

    def op(o: Op) -> Op:
        given = tuple(t if t is None else changed(t) for t in o.inputs)
        return replace(o, inputs=given, outputs=tuple(map(changed, o.outputs)))

    ends = (tuple(map(changed, ts)) for ts in (graph.inputs, graph.outputs))
    ops = tuple(map(op, graph.ops))
    first, last = ends
    return replace(graph, inputs=first, outputs=last, ops=ops)


def samples(x: Array, labels: Array | None = None) -> Samples:
    """Real samples (n, 1, 12)."""
    return Samples("x.npy", (x,), None, labels, (), np.arange(len(x)))
