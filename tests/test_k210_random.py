"""Random graphs of the K210's operators: two simulators of their kmodels and `eval` agree."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import kmodel
from ascua.ir import Array, Graph
from ascua.kpu import Simulator
from ascua.passes import drop_dead
from ascua.targets.k210.arithmetic import planes
from ascua.targets.k210.lower import lowered
from ascua.targets.k210.ops import Runtime
from tests.support.k210_graphs import random_graph
from tests.support.kpu import slow
from tests.support.tools import require_tool

NEAR = 1e-6
"""Of floats behind an e**x of another library."""


def wanted(graph: Graph, xs: Array) -> list[Array]:
    """The outputs by `eval`, as the chip's memory has them."""
    with np.errstate(all="ignore"):
        ys, _ = graph.eval([xs.reshape(len(xs), *graph.inputs[0].shape)])
    return [planes(ys[t.name]) for t in graph.outputs]


def compared(number: int, seed: int) -> None:
    """Every byte of the outputs of one graph."""
    runtime: Runtime = 3 if number % 2 else 4
    graph, xs = random_graph(seed, number, runtime)
    graph = drop_dead(graph)
    expected = wanted(graph, xs)
    data = kmodel.write(lowered(graph, runtime, tries=20))
    found = Simulator(kmodel.read(data, graph.name)).run([xs])
    for y, e in zip(found, expected, strict=True):
        assert y.tobytes() == e.tobytes(), graph.name
    planar = np.ascontiguousarray(xs[0].transpose(2, 0, 1))
    for raw, e in zip(slow.run(data, planar), expected, strict=True):
        theirs = np.frombuffer(raw, e.dtype)
        assert np.allclose(theirs, e[0], NEAR, NEAR, equal_nan=True), graph.name


def test_random_graphs() -> None:
    require_tool("cc")
    for i in range(40):
        compared(i, seed=1)


@pytest.mark.slow
def test_many_random_graphs() -> None:
    require_tool("cc")
    for i in range(500):
        compared(i, seed=2)
