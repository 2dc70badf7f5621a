"""Small networks with states: rings of the last samples, delays, counters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.ir import Array, Graph, State, Tensor
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.concatenation import Concatenation
from ascua.ops.relu import Relu
from ascua.ops.slice import Slice
from tests.support import activation, constant, network


def ring(
    depth: int = 4, channels: int = 6, dtype: str = "int8", first: Array | None = None
) -> Graph:
    """The mean over the last samples, which a ring holds; its first values are the zero point."""
    scale, zero = (0.05, -3) if dtype == "int8" else (0.0005, 0)
    x, held = (
        activation(name, (1, rows, 1, channels), scale, zero, dtype)
        for name, rows in (("x", 1), ("held", depth))
    )
    later, joined = replace(held, name="later", shape=(1, depth - 1, 1, channels)), renamed(held)
    y = replace(x, name="y")
    begin = constant("begin", np.array([0, 1, 0, 0], np.int32))
    size = constant("size", np.array([1, depth - 1, 1, channels], np.int32))
    graph = network(
        Slice((held, begin, size), (later,)),
        Concatenation((later, x), (joined,), 1, "NONE"),
        AveragePool2D((joined,), (y,), (depth, 1), (1, 1), "VALID", "NONE"),
    )
    values = np.full(held.shape, zero, dtype) if first is None else first
    return with_states(graph, State("ring", held, joined, values))


def renamed(t: Tensor) -> Tensor:
    return replace(t, name="joined")


def with_states(graph: Graph, *states: State) -> Graph:
    """`graph`, whose inputs are what no state holds."""
    held = {s.tensor for s in states}
    inputs = tuple(t for t in graph.inputs if t not in held)
    return replace(graph, inputs=inputs, states=states)


def counter() -> Graph:
    """y = the sum of all samples up to this one: a state that is an output too."""
    x, held, y = (activation(name, (1, 5)) for name in ("x", "held", "y"))
    first = np.arange(5, dtype=np.int8).reshape(1, 5)
    return with_states(network(Add((held, x), (y,), "NONE")), State("sum", held, y, first))


def delays() -> Graph:
    """What it was given one, two and three runs ago: states that pass on what others held.

    An old value is an output, and a new one is what the run was given, or only made positive.
    """
    x, a, b, c, y = (activation(name, (1, 5)) for name in ("x", "a", "b", "c", "y"))
    first = [np.full((1, 5), v, np.int8) for v in (1, 2, 3)]
    graph = network(Relu((x,), (y,)))
    states = (State("c", c, b, first[2]), State("b", b, a, first[1]), State("a", a, x, first[0]))
    return replace(graph, outputs=(y, c, a), states=states)


def swapped() -> Graph:
    """Two states that change places in each run."""
    x, a, b, y = (activation(name, (1, 5)) for name in ("x", "a", "b", "y"))
    first = [np.full((1, 5), v, np.int8) for v in (50, -50)]
    states = (State("a", a, b, first[0]), State("b", b, a, first[1]))
    return with_states(network(Add((a, x), (y,), "NONE")), *states)


STATEFUL = {
    "ring": ring(),
    "ring of int16": ring(3, 4, "int16"),
    "first values": ring(3, 5, first=np.arange(15, dtype=np.int8).reshape(1, 3, 1, 5)),
    "counter": counter(),
    "delays": delays(),
    "swapped": swapped(),
}
