"""Two operators as one loop over rows: the same bytes, a smaller arena, and what it costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ascua import boards, tflite
from ascua.ir import Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.conv2d import Conv2D
from ascua.ops.hard_swish import HardSwish
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mul import Mul
from ascua.ops.relu import Relu
from ascua.ops.tanh import Tanh
from ascua.passes import prepare
from ascua.plan import Goal, Plan, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import activation, check_everywhere, constant, network, samples
from tests.support.examples import ALL, UINT8
from tests.support.tools import require_board
from tests.support.wide import widened

LOOPS = Goal(row_loops=True)
M3 = boards.load("lm3s6965evb")


def conv(x: Tensor, name: str, oc: int = 6) -> Conv2D:
    """A 3x3 convolution with padding."""
    rng = np.random.default_rng(len(name))
    w = rng.integers(-127, 128, (oc, 3, 3, x.shape[3])).astype(np.int8)
    y = activation(name, (*x.shape[:3], oc), 0.6, 5)
    filters = constant("w" + name, w, [0.02])
    return Conv2D((x, filters), (y,), (1, 1), (1, 1), "SAME", "NONE")


def after(x: Tensor, kind: str) -> Op:
    """An operator on `x` and nothing else that works element by element."""
    y = activation(kind, x.shape, 0.4, -3)
    unit = activation(kind, x.shape, 1 / 128, 0)
    return {
        "tanh": lambda: Tanh((x,), (unit,)),
        "hard swish": lambda: HardSwish((x,), (y,)),
        "relu": lambda: Relu((x,), (y,)),
    }[kind]()


X = activation("x", (1, 14, 11, 6), 0.05, -7)


def planned(graph: Graph, goal: Goal) -> Plan:
    """The plan for a Cortex-M3."""
    return plan(prepare(graph), M3, goal)


def residual() -> Graph:
    """x + conv(x), and a product of that with another convolution, which is read twice."""
    first = conv(X, "first")
    total = Add((X, first.y), (activation("total", X.shape, 0.7, 1),), "RELU")
    second = conv(total.y, "second")
    product = Mul((second.y, total.y), (activation("product", X.shape, 3.0, -1),), "NONE")
    return network(first, total, second, product)


@pytest.mark.parametrize("kind", ["tanh", "hard swish", "relu"])
def test_a_convolution_and_a_function_of_each_value(kind: str) -> None:
    first = conv(X, "first", oc=16)
    graph = network(first, after(first.y, kind))
    alone, together = planned(graph, Goal()), planned(graph, LOOPS)
    assert [len(s.calls) for s in together.steps] == [2]
    assert together.steps[0].block == 1
    assert together.arena.whole_tensors < alone.arena.whole_tensors
    assert together.arena.proven
    check_everywhere(graph, goal=LOOPS)
    check_everywhere(graph, goal=Goal(row_loops=True, inline=False))


def test_residuals() -> None:
    graph = residual()
    assert [len(s.calls) for s in planned(graph, LOOPS).steps] == [2, 2]
    check_everywhere(graph, goal=LOOPS)


def test_three_in_one_loop() -> None:
    first = conv(X, "first", oc=16)
    swish = after(first.y, "hard swish")
    graph = network(first, swish, after(swish.y, "relu"))
    assert [s.kernels for s in planned(graph, LOOPS).steps] == ["conv2d_pairs_s8 + lut_s8 + lut_s8"]
    check_everywhere(graph, goal=LOOPS)


def test_where_it_spares_nothing_each_is_a_step() -> None:
    """A pool's input is larger than what it makes: with a row beside it more would be held."""
    pool = MaxPool2D((X,), (activation("p", (1, 7, 6, 6), 0.05, -7),), (2, 2), (2, 2), "SAME",
                     "NONE")  # fmt: skip
    graph = network(pool, after(pool.y, "relu"))
    assert [len(s.calls) for s in planned(graph, LOOPS).steps] == [1, 1]


@pytest.mark.parametrize("name", [*ALL, *UINT8])
def test_no_arena_grows(name: str) -> None:
    for graph in ALL[name] if name in ALL else (UINT8[name],):
        alone, together = planned(graph, Goal()), planned(graph, LOOPS)
        assert together.arena.bytes <= alone.arena.bytes


def test_int16() -> None:
    first = conv(X, "first", oc=16)
    graph = widened(network(first, after(first.y, "relu")))
    assert [len(s.calls) for s in planned(graph, LOOPS).steps] == [2]
    check_everywhere(graph, goal=LOOPS)


def test_what_another_reads_stays_whole() -> None:
    first = conv(X, "first")
    swish, relu = after(first.y, "hard swish"), after(first.y, "relu")
    read_twice = Graph("test", (X,), (swish.y, relu.y), (first, swish, relu))
    assert [len(s.calls) for s in planned(read_twice, LOOPS).steps] == [1, 1, 1]
    output = Graph("test", (X,), (first.y, relu.y), (first, relu))
    assert [len(s.calls) for s in planned(output, LOOPS).steps] == [1, 1]
    twice = network(first, Add((first.y, first.y), (activation("y", X.shape),), "NONE"))
    assert [len(s.calls) for s in planned(twice, LOOPS).steps] == [1, 1]
    learned = constant("c", np.ones(X.shape, np.int8), [0.1])
    other = network(first, Add((first.y, learned), (activation("y", X.shape),), "NONE"))
    assert [len(s.calls) for s in planned(other, LOOPS).steps] == [1, 1]


@pytest.mark.emulator
def test_on_a_board(tmp_path: Path) -> None:
    """An eighth of the arena less, for a few instructions a row."""
    require_board(M3)
    first = conv(X, "first", oc=16)
    graph = prepare(tflite.read(tflite.write(network(first, after(first.y, "tanh")))))
    xs = samples(graph, 2)
    expected = [graph.eval(xs)[0][t.name] for t in graph.outputs]
    counts = []
    for goal in (Goal(), LOOPS):
        done = run(M3, emit(plan(graph, M3, goal), "net"), pack(xs), 2, build_dir=tmp_path)
        np.testing.assert_array_equal(unpack(done.outputs, graph, 2), expected)
        counts.append(done.instructions)
    alone, together = (plan(graph, M3, goal).arena.bytes for goal in (Goal(), LOOPS))
    assert (alone, together) == (4928, 4248)
    assert counts[1] < 1.03 * counts[0]
