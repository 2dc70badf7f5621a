"""Which layer is which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ascua.compare.network import prepared
from ascua.compare.pairing import common, pairs
from ascua.ir import Graph, Tensor
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.ops.relu import Relu
from ascua.ops.reshape import Reshape
from tests.support import network
from tests.support.compared import classifier, dense, renamed, rewired, twin


def names(a: Graph, b: Graph) -> list[tuple[str, str]]:
    return [(p.a.name, p.b.name) for p in pairs(a, b)]


def test_a_longest_common_subsequence() -> None:
    assert common("abcd", "bd") == [(1, 0), (3, 1)]
    assert len(common("abab", "baba")) == 3
    assert common("", "a") == []
    rng = np.random.default_rng(1)
    for _ in range(30):
        xs, ys = (list(rng.integers(0, 3, rng.integers(0, 8))) for _ in "ab")
        found = common(xs, ys)
        assert all(xs[i] == ys[j] for i, j in found)
        assert found == sorted(found)
        assert len(found) == _longest(xs, ys)


def _longest(xs: list[object], ys: list[object]) -> int:
    """By trying every subsequence."""

    def within(some: list[object]) -> bool:
        rest = iter(ys)
        return all(x in rest for x in some)

    choices = ([x for i, x in enumerate(xs) if m >> i & 1] for m in range(1 << len(xs)))
    return max(len(some) for some in choices if within(some))


def test_names_come_first_and_structure_after() -> None:
    real = classifier()
    small = twin(real)
    layers = ["x", "first", "second", "both", "scores", "answer"]
    assert names(real, small) == [(n, n) for n in layers]
    assert [a for a, _ in names(real, renamed(small))] == layers
    assert [a for a, _ in names(renamed(small), real)] == [
        t.name for t in renamed(small).tensors() if not t.const
    ]


def test_what_only_reshapes_is_passed_over() -> None:
    x, y, z = (
        Tensor(n, s, "float32") for n, s in (("x", (1, 12)), ("y", (1, 3, 4)), ("z", (1, 12)))
    )
    first = dense(x, 12, "first", 1)
    shape = Tensor("shape", (3,), "int32", None, np.array([1, 3, 4], np.int32))
    flat = Tensor("flat", (2,), "int32", None, np.array([1, 12], np.int32))
    views = (Reshape((first.y, shape), (y,)), Reshape((y, flat), (z,)))
    last = dense(z, 4, "last", 2)
    plain = replace(last, inputs=(first.y, *last.inputs[1:]))
    a, b = network(first, *views, last), renamed(network(first, plain))
    assert [p for p, _ in names(a, b)] == ["x", "first", "last"]
    assert [p for _, p in names(b, a)] == ["x", "first", "last"]


def test_layers_that_read_something_else_are_no_pair() -> None:
    """Two parallel layers in another order: each is a twin by structure of the wrong one."""
    x = Tensor("x", (1, 12), "float32")
    one, two = Relu((x,), (Tensor("one", (1, 12), "float32"),)), dense(x, 12, "two", 1)
    p = Mul((one.y, one.y), (Tensor("p", (1, 12), "float32"),), "NONE")
    q = Mul((two.y, two.y), (Tensor("q", (1, 12), "float32"),), "NONE")
    end = Add((p.y, q.y), (Tensor("end", (1, 12), "float32"),), "NONE")
    a, b = network(one, two, p, q, end), renamed(network(one, two, q, p, end))
    found = dict(names(a, b))
    kinds = {op.name: op.inputs[0].name for op in b.ops if isinstance(op, Mul)}  # type: ignore[union-attr]
    for mine, source in (("p", "one"), ("q", "two")):
        if mine in found:
            assert kinds[found[mine]] == found[source]
    assert {"one", "two", "end"} <= set(found)


def test_what_a_layer_reads_through_a_view_is_seen() -> None:
    """Its twin by structure reads the other layer's values, behind a RESHAPE of its own."""
    x, y = Tensor("x", (1, 12), "float32"), Tensor("y", (1, 12), "float32")
    one, two = dense(x, 12, "one", 1), dense(x, 12, "two", 2)
    flat = Tensor("flat", (2,), "int32", None, np.array([1, 12], np.int32))

    def last(source: Tensor) -> Graph:
        return network(one, two, Reshape((source, flat), (y,)), dense(y, 12, "last", 3))

    alike = dict(names(last(one.y), renamed(last(one.y))))
    assert set(alike) == {"x", "one", "two", "last"}
    assert set(dict(names(last(one.y), renamed(last(two.y))))) == {"x", "one", "two"}


def test_networks_without_common_layers_share_their_input() -> None:
    x, y = Tensor("x", (1, 12), "float32"), Tensor("y", (1, 12), "float32")
    other = renamed(network(Relu((x,), (y,))))
    assert [a for a, _ in names(classifier(), other)] == ["x"]
    assert prepared(rewired(other, lambda t: t), "other").graph.inputs[0].name == "other/0"
