"""Tables of what float operators make of one int8 value, and floats that stay: all compiled."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import tflite
from ascua.errors import Unsupported
from ascua.ir import Graph, Op, Tensor
from ascua.ops import OPERATORS
from ascua.ops.add import Add
from ascua.ops.dequantize import Dequantize
from ascua.ops.exp import Exp
from ascua.ops.logistic import Logistic
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mul import Mul
from ascua.ops.neg import Neg
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from ascua.ops.softmax import Softmax
from ascua.ops.split import Split
from ascua.ops.table import Table
from ascua.passes import prepare
from tests.support import activation, beside, constant, generated_c, network, oracle, reference
from tests.support.islands import (
    ELEMENTWISE,
    INT8,
    PAIRS,
    SCALES,
    island,
    made,
    of_values,
    real,
    samples,
    two,
    wide,
)


def check(graph: Graph, xs: list[np.ndarray]) -> Graph:
    """TFLM and the C agree; answers the graph as it is planned."""
    prepared = prepare(graph)
    expected = oracle(tflite.write(graph), xs)
    for ys in (reference(prepared, xs), generated_c(graph, xs)):
        for y, e, t in zip(ys, expected, graph.outputs, strict=True):
            np.testing.assert_array_equal(y.reshape(e.shape), e, t.name)
    return prepared


def test_a_table_of_every_elementwise_operator() -> None:
    """Operators that integers have too are computed in float here, as the file says."""
    islands = {f"{name}{i}": network(*of_values(OPERATORS[name], scales))
               for name in ELEMENTWISE for i, scales in enumerate(SCALES)}  # fmt: skip
    graph = beside(islands)
    xs = [INT8.reshape(1, *t.shape) for t in graph.inputs]
    prepared = check(graph, xs)
    assert {op.kind for op in prepared.ops} == {"table"}
    assert len(prepared.ops) == len(islands)


def test_floats_of_every_elementwise_operator() -> None:
    """10,000 random values each, through kernels without libm."""
    graphs = {name: (two if name in PAIRS - {"PRELU"} else wide)(OPERATORS[name])
              for name in ELEMENTWISE}  # fmt: skip
    xs = [x for name, graph in graphs.items() for x in samples(graph)]
    prepared = check(beside(graphs), xs)
    assert {op.tflite for op in prepared.ops} == {*ELEMENTWISE, "DEQUANTIZE", "QUANTIZE"}


def chain(x: Tensor, *steps: Op) -> Graph:
    return network(Dequantize((x,), (steps[0].x,)), *steps)


def test_a_chain_is_one_table_however_it_branches() -> None:
    """x * sigmoid(x) + 1, clamped, of one tensor: what reads it twice is a function of it."""
    x, y = activation("x", (1, 256), 0.04, 3), activation("y", (1, 256), 0.02, -100)
    f, s, m, a = (real(n, (1, 256)) for n in "fsma")
    one = constant("one", np.array(1, np.float32))
    graph = chain(
        x, Logistic((f,), (s,)), Mul((s, f), (m,), "NONE"), Add((m, one), (a,), "RELU6"),
        Quantize((a,), (y,)),
    )  # fmt: skip
    (table,) = check(graph, [INT8[None, None]]).ops
    assert isinstance(table, Table)


def test_floats_that_are_outputs_too_stay() -> None:
    x, y = activation("x", (1, 256), 0.04, 3), activation("y", (1, 256), 0.02, -100)
    f, e = real("f", (1, 256)), real("e", (1, 256))
    graph = chain(x, Exp((f,), (e,)), Quantize((e,), (y,)))
    graph = Graph("test", graph.inputs, (y, e), graph.ops)
    prepared = prepare(graph)
    assert [op.kind for op in prepared.ops] == ["dequantize", "exp", "table"]


def test_moves_are_of_integers() -> None:
    """What a converter left of SPLIT, with the input's scale behind it or another one."""
    x = activation("x", (1, 8), 0.04, 3)
    f, g = real("f", (1, 8)), real("g", (2, 4))
    parts = [real(f"p{i}", (1, 4)) for i in range(2)]
    same, other = activation("same", (1, 4), 0.04, 3), activation("other", (2, 4), 0.05, -3)
    third = activation("third", (1, 4), 0.01, 9)
    ops = (
        Dequantize((x,), (f,)),
        Split((constant("axis", np.array(1, np.int32)), f), tuple(parts)),
        Quantize((parts[0],), (same,)),
        Quantize((parts[1],), (third,)),
        Reshape((f, constant("rows", np.array([2, 4], np.int32))), (g,)),
        Quantize((g,), (other,)),
        Relu((same,), (activation("y", (1, 4), 0.02, -128),)),
    )
    graph = Graph("test", (x,), (ops[-1].y, third, other), ops)
    prepared = check(graph, [INT8.reshape(32, 1, 8)])
    assert [op.kind for op in prepared.ops] == ["split", "table", "reshape", "table", "relu"]
    assert all(t.dtype == "int8" for op in prepared.ops for t in op.activations)


def test_bounds_between_steps_stay_in_float() -> None:
    x, y = activation("x", (1, 4, 4, 3), 0.07, 3), activation("y", (1, 2, 2, 3), 0.031, -100)
    f, g = real("f", (1, 4, 4, 3)), real("g", (1, 2, 2, 3))
    pool = MaxPool2D((f,), (g,), (2, 2), (2, 2), "VALID", "RELU6")
    xs = [np.random.default_rng(1).integers(-128, 128, (40, 1, 4, 4, 3)).astype(np.int8)]
    prepared = check(chain(x, pool, Quantize((g,), (y,))), xs)
    assert [op.kind for op in prepared.ops] == ["dequantize", "max_pool2d", "quantize"]


def test_floats_beside_integers_run_and_alone_are_advised_to_be_quantised() -> None:
    x, y = activation("x", (1, 10), 0.1, 3), activation("y", (1, 10), 1 / 256, -128)
    f, s = real("f", (1, 10)), real("s", (1, 10))
    graph = chain(x, Softmax((f,), (s,), 1.0), Quantize((s,), (y,)))
    xs = [np.random.default_rng(1).integers(-128, 128, (50, 1, 10)).astype(np.int8)]
    assert [op.kind for op in check(graph, xs).ops] == ["dequantize", "softmax", "quantize"]
    with pytest.raises(Exception, match="quantise the model to int8 first"):
        prepare(network(Softmax((f,), (s,), 1.0)))


def test_what_is_no_function_of_one_value_is_no_table() -> None:
    a, b = activation("a", (2, 3), 0.1, 3), activation("b", (2, 3), 0.2, -7)
    y = activation("y", (2, 3), 0.1, 5)
    along = activation("a", (1, 3), 0.1, 3)
    given, negative = real("x", (2, 3)), real("n", (2, 3))
    for graph in (
        network(*island(Mul, a, y, b)),
        network(*island(Mul, along, y, b)),
        network(made(Neg, (given,), negative), Quantize((negative,), (y,))),
    ):
        assert all(op.kind != "table" for op in prepare(graph).ops)


def test_what_has_no_floats_is_no_table() -> None:
    """It was one, whose 256 values took 32 GB."""
    for kind in OPERATORS.values():
        if kind.elementwise and not kind.floats and "float32" not in kind.types:
            with pytest.raises(Unsupported, match=f"{kind.tflite} .*no kernel of it for float32"):
                prepare(network(*of_values(kind, SCALES[0])))
