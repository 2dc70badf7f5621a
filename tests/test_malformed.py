"""What `malformed` lets through computes: mutants of every operator's example are tried."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from ascua.compare import prepared
from ascua.errors import AscuaError, ModelError, Unsupported
from ascua.inputs import calibrated
from ascua.ir import Array, Graph, Op, Quant, Tensor, each
from ascua.ops import OPERATORS, Convolution
from ascua.ops.add import Add
from ascua.ops.conv2d import Conv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mul import Mul
from ascua.ops.pad import Pad
from ascua.ops.quantize import Quantize
from ascua.ops.relu6 import Relu6
from ascua.ops.resize_bilinear import ResizeBilinear
from ascua.ops.sub import Sub
from ascua.ops.transpose_conv import TransposeConv
from ascua.passes import fold_constants, prepare
from ascua.quantize import check_float, floats
from ascua.quantize.simplify import simplify
from tests.fuzz.mutants import mutated
from tests.fuzz.taking import watched
from tests.ops.test_weighted import grouped
from tests.quantize.test_convert import constant, tensor
from tests.support import network, samples
from tests.support.examples import ALL, FOLDED, UINT8, small
from tests.support.floats import floated

CI, SLOW = 80, 2000
"""Mutants of each network, in every run of the tests and in the slow ones."""
MOST = 1 << 21
"""Bytes of activations: more are not computed here."""


def pairs() -> Iterator[tuple[str, Graph]]:
    """Float networks of two operators that are fused."""
    conv = floated(ALL["CONV_2D"][0]).ops[0]
    assert isinstance(conv, Convolution)
    conv = replace(conv, activation="NONE")
    dense = floated(ALL["FULLY_CONNECTED"][0]).ops[0]
    assert isinstance(dense, FullyConnected)
    dense = replace(dense, activation="NONE")
    shape, padded = conv.x.shape, tensor("padded", 1, conv.x.shape[1] + 2, *conv.x.shape[2:])
    ends = np.array([[0, 0], [1, 1], [0, 0], [0, 0]], np.int32)
    pad = Pad((tensor("image", *shape), Tensor("ends", (4, 2), "int32", None, ends)), (padded,))
    z = tensor("z", *conv.y.shape)
    below = replace(conv, inputs=(padded, *conv.inputs[1:]), padding="VALID")
    made = (1, below.rows.out, below.columns.out, below.channels)
    yield "pad", network(pad, replace(below, outputs=(tensor("y", *made),)))
    yield "relu6", network(conv, Relu6((conv.y,), (z,)))
    for name, first, kind in (("mul", conv, Mul), ("add", dense, Add), ("sub", conv, Sub)):
        z = tensor("z", *first.y.shape)
        by = constant("by", np.arange(first.channels) - 1.5)
        yield name, network(first, kind((first.y, by), (z,), "RELU"))


def whole(name: str, *values: int) -> Tensor:
    """A constant of int32."""
    return Tensor(name, (len(values),), "int32", None, np.array(values, np.int32))


NETWORKS: Mapping[str, Graph] = {
    **{f"{name}_{i}": g for name, graphs in ALL.items() for i, g in enumerate(graphs)},
    **UINT8,
    **{
        f"float_{name}_{i}": floated(g)
        for name, graphs in ALL.items()
        for i, g in enumerate(graphs)
        if all(t.dtype == "int8" for t in g.inputs)
    },
    **{f"float_{name}": graph for name, graph in pairs()},
    "float_grouped": network(grouped()),
    "small": small(),
    "float_small": floated(small()),
}


def sound(op: Op) -> None:
    """What `op` says of itself: what is not malformed has all that needs no input."""
    reason = op.malformed()
    if reason is not None:
        assert len(reason) > 10
        assert op.check() is not None
        return
    op.check()
    assert op.macs() >= 0
    assert all(at >= 0 for _, at in op.tied_channels())
    values = op.constant()
    if values is not None:
        for t, y in zip(op.outputs, each(values), strict=True):
            assert (y.shape, y.dtype) == (t.shape, t.dtype), op


def computed(op: Op, ys: tuple[Array, ...], n: int) -> tuple[Array, ...]:
    for t, y in zip(op.outputs, ys, strict=True):
        assert (y.shape, y.dtype) == ((n, *t.shape), t.dtype), op
    return ys


def real(graph: Graph) -> None:
    """As the quantiser and `compare` take a float network. Raises AscuaError."""
    simple = simplify(graph)
    if sum(t.bytes for t in simple.tensors() if not t.const) > MOST:
        return
    xs = [np.random.default_rng(i).normal(size=(2, *t.shape)).astype(np.float32)
          for i, t in enumerate(simple.inputs)]  # fmt: skip
    for _ in simple.walk(xs, lambda op, *given: computed(op, floats.compute(op, *given), 2)):
        pass


def integer(graph: Graph) -> None:
    """As `compile` takes a quantised network. Raises AscuaError."""
    ready = prepare(graph)
    if sum(t.bytes for t in ready.tensors() if not t.const) > MOST:
        return
    for _ in ready.walk(samples(ready, 2), lambda op, *xs: computed(op, each(op.run(*xs)), 2)):
        pass


def compared(graph: Graph) -> None:
    """As `compare` takes any network. Raises AscuaError."""
    net = prepared(graph, "some/model.tflite")
    if sum(t.bytes for t in net.graph.tensors() if not t.const) <= MOST:
        xs = [np.zeros((1, *t.shape), np.float32) for t in net.graph.inputs]
        assert all(y.shape == (1, *t.shape) for t, y in net.walk(net.given(xs)))


def tried(graph: Graph) -> None:
    """Take a mutant each way; it may be refused."""
    for op in (*graph.ops, *fold_constants(graph).ops):
        sound(op)
    # `tflite.read` refuses a file without what is not optional.
    if not any(t is None and i not in op.optional for op in graph.ops
               for i, t in enumerate(op.inputs)):  # fmt: skip
        for take in (real, integer, compared):
            with suppress(AscuaError):
                take(graph)


def check(name: str, count: int) -> None:
    graph = NETWORKS[name]
    found = taken = 0
    for seed in range(count):
        mutant = mutated(graph, random.Random(f"{name} {seed}"))
        if mutant is None:
            continue
        found += 1
        seen = watched(partial(tried, mutant))
        assert not seen.fault, (name, seed, seen)
        taken += all(op.malformed() is None for op in mutant.ops)
    assert found > count // 2
    assert 0 < taken < found, (taken, found)


@pytest.mark.parametrize("name", NETWORKS)
def test_mutants(name: str) -> None:
    check(name, CI)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NETWORKS)
def test_many_mutants(name: str) -> None:
    check(name, SLOW)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (
            Conv2D((tensor("x", 1, 1, 1, 1), constant("w", np.ones((1, 1, 2, 1)))),
                   (tensor("y", 1, 1, 1, 1),), (1, 1), (1, 1 << 23), "SAME", "NONE"),
            "its input has 1 by 8,388,609 pixels",
        ),
        (
            MaxPool2D((tensor("x", 1, 2, 2, 1),), (tensor("y", 1, 1, 1, 1),), (4096, 4096), (2, 2),
                      "SAME", "NONE"),
            "its input has 4,096 by 4,096 pixels",
        ),
        (
            TransposeConv((whole("shape", 1, 1, 1, 1), constant("w", np.ones((1, 1, 1, 1))),
                           tensor("x", 1, 2000, 2000, 1)), (tensor("y", 1, 1, 1, 1),), (4, 4),
                          "SAME"),
            "its filters reach over 7,997 by 7,997 pixels",
        ),
        (
            ResizeBilinear((tensor("x", 1, 1, 1 << 20, 1), whole("size", 1 << 20, 1)),
                           (tensor("y", 1, 1 << 20, 1, 1),)),
            "an image of 1,048,576 by 1,048,576 pixels",
        ),
    ],
    ids=lambda v: v.kind if isinstance(v, Op) else "",
)  # fmt: skip
def test_absurd_sizes_on_the_way(op: Op, reason: str) -> None:
    assert reason in (op.malformed() or "")
    with pytest.raises(ModelError, match=f"{op.tflite} 'y'.*more than are taken"):
        simplify(network(op))


def test_the_file_and_a_remedy_are_named() -> None:
    op = Relu6((tensor("x", 1, 2),), (tensor("y", 1, 3),))
    words = r"my/model.tflite: RELU6 'y': its output has the shape \[1, 3\] instead of \[1, 2\]\."
    for check_it in (check_float, simplify, prepared):
        with pytest.raises(ModelError, match=words) as seen:
            check_it(network(op), "my/model.tflite")
        assert seen.value.things_to_try


def test_what_is_empty_or_no_float_is_named() -> None:
    empty = Relu6((tensor("x", 1, 0),), (tensor("y", 1, 0),))
    with pytest.raises(ModelError, match="'x' is empty"):
        simplify(network(empty))
    double = Relu6((Tensor("x", (2,), "float64"),), (tensor("y", 2),))
    with pytest.raises(Unsupported, match="'x' is float64, and a float network"):
        simplify(network(double))
    w = Tensor("w", (1, 2), "int16", None, np.ones((1, 2), np.int16))
    dense = FullyConnected((tensor("x", 1, 2), w), (tensor("y", 1, 1),), False, "NONE")
    with pytest.raises(Unsupported, match="'w' is int16, and a float network"):
        simplify(network(dense))


def test_a_quantize_to_no_integers_has_no_float_form() -> None:
    x = tensor("x", 1, 2)
    for y in (Tensor("y", (1, 2), "int8"), replace(x, name="y", quant=Quant((0.1,), (0,)))):
        graph = network(Quantize((x,), (y,)))
        assert calibrated(graph, x) is None
        net = prepared(graph, "my/model.tflite")
        with pytest.raises(Unsupported, match=r"my/model.tflite: QUANTIZE 'y': it has no float"):
            list(net.walk([np.zeros((1, 1, 2), np.float32)]))


def test_a_fault_of_ours_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in a sound operator is not caught."""

    def wrong(*_: object) -> Array:
        raise AssertionError

    monkeypatch.setattr(Relu6, "eval_float", wrong)
    op = Relu6((tensor("x", 1, 2),), (tensor("y", 1, 2),))
    with pytest.raises(AssertionError):
        floats.evaluated(simplify(network(op)), [np.zeros((1, 1, 2), np.float32)])
    net = prepared(network(op), "my/model.tflite")
    with pytest.raises(AssertionError):
        list(net.walk([np.zeros((1, 1, 2), np.float32)]))


def test_examples_are_sound() -> None:
    for name, graph in NETWORKS.items():
        for op in fold_constants(graph).ops:
            assert op.malformed() is None, name
    assert {op.tflite for graph in NETWORKS.values() for op in graph.ops} == set(OPERATORS) - FOLDED
