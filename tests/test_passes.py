"""Passes: what folds, what is dropped, and what the refusals say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua.errors import Unsupported
from ascua.ir import Graph, Op, Quant, Tensor
from ascua.ops.add import Add
from ascua.ops.pack import Pack
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from ascua.ops.shape import Shape
from ascua.ops.strided_slice import StridedSlice
from ascua.passes import check, drop_dead, fold_constants, prepare
from tests.support import activation, constant, network, reference, samples


def relu(x: Tensor, name: str) -> Relu:
    return Relu((x,), (replace(x, name=name),))


def flatten(x: Tensor) -> list[Op]:
    """RESHAPE(x, PACK(SHAPE(x)[0:1], -1)): Keras' Flatten with a dynamic batch."""
    shape, batch = Tensor("shape", (len(x.shape),), "int32"), Tensor("batch", (), "int32")
    target, y = Tensor("target", (2,), "int32"), replace(x, name="y", shape=(1, x.size))
    bounds = [constant(n, np.array([v], np.int32)) for n, v in (("b", 0), ("e", 1), ("s", 1))]
    return [
        Shape((x,), (shape,)),
        StridedSlice((shape, *bounds), (batch,), shrink_axis_mask=1),
        Pack((batch, constant("rest", np.array(-1, np.int32))), (target,)),
        Reshape((x, target), (y,)),
    ]


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def test_a_chain_of_shapes_folds_into_constants() -> None:
    first = relu(activation("x", (1, 2, 3)), "r")
    graph = network(first, *flatten(first.y))
    folded = fold_constants(graph)
    assert kinds(folded) == ["relu", "reshape"]
    target = folded.ops[1].inputs[1]
    assert target is not None
    assert target.values.tolist() == [1, -1]
    assert folded.inputs == graph.inputs
    assert kinds(graph) == ["relu", "shape", "strided_slice", "pack", "reshape"]


def test_folding_and_dropping_change_no_output() -> None:
    first = relu(activation("x", (1, 2, 3)), "r")
    graph = network(first, *flatten(first.y))
    xs = samples(graph, 3)
    expected = reference(graph, xs)[0]
    np.testing.assert_array_equal(reference(prepare(graph), xs)[0], expected)


def test_a_reshaped_constant_folds_into_its_reader() -> None:
    c = Tensor("c", (6,), "int8", Quant((0.05,), (0,)), np.arange(6, dtype=np.int8))
    shaped = replace(c, name="shaped", shape=(1, 2, 3), data=None)
    x, y = activation("x", (1, 2, 3)), activation("y", (1, 2, 3))
    folded = prepare(network(Reshape((c,), (shaped,)), Add((x, shaped), (y,), "NONE")))
    assert kinds(folded) == ["add"]
    assert folded.ops[0].activations == (x,)
    operand = folded.ops[0].inputs[1]
    assert operand is not None
    np.testing.assert_array_equal(operand.values, np.arange(6).reshape(1, 2, 3))


def test_dead_ops_are_dropped_and_others_keep_their_order() -> None:
    x = activation("x", (1, 4))
    a, b = relu(x, "a"), relu(x, "b")
    dead = relu(a.y, "dead")
    deader = relu(dead.y, "deader")
    y = Add((a.y, b.y), (activation("y", (1, 4)),), "NONE")
    graph = Graph("test", (x,), (y.y,), (a, dead, b, deader, y))
    assert [op.name for op in drop_dead(graph).ops] == ["a", "b", "y"]
    assert drop_dead(graph).inputs == (x,)


def test_nothing_is_dropped_that_is_an_output() -> None:
    x = activation("x", (1, 4))
    a = relu(x, "a")
    b = relu(a.y, "b")
    graph = Graph("test", (x,), (a.y, b.y), (a, b))
    assert drop_dead(graph).ops == (a, b)


def test_refusal_names_file_operator_tensor_and_reason() -> None:
    x = Tensor("x", (1, 4), "uint8", Quant((0.1,), (128,)))
    with pytest.raises(Unsupported) as caught:
        check(network(relu(x, "y")))
    assert caught.value.what == (
        "test: RELU 'y': 'x' is uint8, not int8 or int16; uint8 is taken where all of an operator's"
        " tensors are, quantised."
    )
    assert caught.value.things_to_try


def test_refusal_counts_the_others() -> None:
    x = Tensor("x", (1, 4), "int16")
    first, second = relu(x, "a"), relu(x, "b")
    y = Add((first.y, second.y), (replace(x, name="y"),), "NONE")
    with pytest.raises(Unsupported, match=r"RELU 'a'.* \(2 more are refused: ADD, RELU\.\)"):
        check(network(first, second, y))


def test_float_networks_are_told_how_to_quantise() -> None:
    x = Tensor("x", (1, 4), "float32")
    with pytest.raises(Unsupported, match="quantise the model to int8") as caught:
        prepare(network(relu(x, "y")))
    assert "representative data set" in str(caught.value)


def test_constant_output_is_refused() -> None:
    x = activation("x", (1, 2, 3))
    shape = Tensor("shape", (3,), "int32")
    with pytest.raises(Unsupported, match="the output 'shape' is a constant") as caught:
        prepare(network(Shape((x,), (shape,))))
    assert caught.value.things_to_try
