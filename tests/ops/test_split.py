"""SPLIT, SPLIT_V and UNPACK: several outputs, against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Graph, Op, Tensor
from ascua.ops.add import Add
from ascua.ops.pack import Pack
from ascua.ops.reshape import Reshape
from ascua.ops.shape import Shape
from ascua.ops.split import Split, SplitV
from ascua.ops.unpack import Unpack
from ascua.passes import prepare
from tests.support import activation, check_everywhere, constant, network, together

Shape_ = tuple[int, ...]


def integers(name: str, *values: int) -> Tensor:
    return constant(name, np.array(values, np.int32))


def parts(x: Tensor, axis: int, sizes: list[int], name: str) -> tuple[Tensor, ...]:
    """Outputs of these sizes along `axis`."""
    at = axis % len(x.shape)
    shapes = [(*x.shape[:at], n, *x.shape[at + 1 :]) for n in sizes]
    return tuple(replace(x, name=f"{name}/{i}", shape=s) for i, s in enumerate(shapes))


def split(shape: Shape_, axis: int, count: int, name: str = "y") -> Op:
    """`count` parts of equal size."""
    x = activation("x", shape, 0.07, -5)
    ys = parts(x, axis, [shape[axis] // count] * count, name)
    return Split((integers("axis", axis), x), ys)


def split_v(shape: Shape_, axis: int, sizes: list[int], name: str = "y") -> Op:
    """Parts of these sizes, of which one may be -1."""
    x = activation("x", shape, 0.07, -5)
    known = [shape[axis] - sum(sizes) - 1 if n == -1 else n for n in sizes]
    inputs = (x, integers("sizes", *sizes), integers("axis", axis))
    return SplitV(inputs, parts(x, axis, known, name))


def unpack(shape: Shape_, axis: int, name: str = "y") -> Op:
    """The slices along `axis`."""
    x = activation("x", shape, 0.07, -5)
    at = axis % len(shape)
    rest = (*shape[:at], *shape[at + 1 :])
    ys = tuple(replace(x, name=f"{name}/{i}", shape=rest) for i in range(shape[at]))
    return Unpack((x,), ys, axis)


def test_split_equals_tflm() -> None:
    cases: list[tuple[Shape_, int, int]] = [
        ((1, 4, 3, 6), 3, 2),
        ((1, 4, 3, 6), 3, 6),
        ((1, 4, 3, 6), -1, 1),
        ((1, 4, 3, 6), 1, 4),
        ((1, 4, 3, 6), -2, 3),
        ((2, 3), 0, 2),
        ((40,), 0, 2),
        ((2, 1, 3, 1, 2, 4), 5, 2),
    ]
    check_everywhere(together(*(split(s, a, n, f"{s} {a} {n}") for s, a, n in cases)))


def test_split_v_equals_tflm() -> None:
    cases: list[tuple[Shape_, int, list[int]]] = [
        ((1, 2, 3, 40), 3, [17, 1, 22]),
        ((1, 2, 3, 7), -1, [3, -1, 2]),
        ((1, 5, 3, 2), 1, [1, 4]),
        ((5,), 0, [-1]),
        ((3, 4), 0, [2, 1]),
    ]
    check_everywhere(together(*(split_v(s, a, n, f"{s} {a} {n}") for s, a, n in cases)))


shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@settings(max_examples=3)
@given(st.lists(st.tuples(shapes, st.integers(-4, 3), st.integers(1, 4)), min_size=4, max_size=8))
def test_any_parts(cases: list[tuple[list[int], int, int]]) -> None:
    ops: list[Op] = []
    for i, (shape, axis, count) in enumerate(cases):
        at = axis % len(shape)
        axis = at - len(shape) if axis < 0 else at
        ops.append(unpack(tuple(shape), axis, f"unpack {i}"))
        shape[at] *= count
        ops.append(split(tuple(shape), axis, count, f"split {i}"))
        sizes = [1] * (shape[at] - 1) + [-1]
        ops.append(split_v(tuple(shape), axis, sizes, f"split_v {i}"))
    check_everywhere(together(*ops), n=2)


def test_an_output_that_nobody_reads() -> None:
    op = split((1, 3, 3, 6), 3, 3)
    first, _, last = op.outputs
    y = Add((first, last), (activation("y", first.shape, 0.1),), "NONE")
    graph = network(op, y)
    check_everywhere(graph)
    assert set(graph.eval([np.zeros((1, 1, 3, 3, 6), np.int8)])[0]) == {"y"}


def test_two_inputs_and_two_outputs() -> None:
    """Outputs of different operators, one of which is read on as well."""
    a, b = split((1, 3, 3, 4), 3, 2).outputs
    x = activation("x", (1, 3, 3, 4), 0.07, -5)
    other = activation("other", (1, 3, 3, 2), 0.03, 9)
    cut = Split((integers("axis", 3), x), (a, b))
    total = Add((a, other), (activation("sum", a.shape, 0.1),), "RELU")
    graph = Graph("test", (x, other), (b, total.y, a), (cut, total))
    check_everywhere(graph)


def test_shapes_in_pieces_fold() -> None:
    """RESHAPE(x, PACK(UNPACK(SHAPE(x)), ...)), as exporters write of a dynamic batch."""
    x = activation("x", (1, 3, 2, 4))
    dims = tuple(Tensor(f"d{i}", (), "int32") for i in range(4))
    shape, target = Tensor("shape", (4,), "int32"), Tensor("target", (2,), "int32")
    graph = network(
        Shape((x,), (shape,)),
        Unpack((shape,), dims),
        Pack((dims[0], constant("rest", np.array(-1, np.int32))), (target,)),
        Reshape((x, target), (activation("y", (1, 24)),)),
    )
    check_everywhere(graph)
    assert [op.kind for op in prepare(graph).ops] == ["reshape"]


def test_constants_fold() -> None:
    values = constant("x", np.arange(6, dtype=np.int32))
    halves = (Tensor("a", (4,), "int32"), Tensor("b", (2,), "int32"))
    op = SplitV((values, integers("sizes", -1, 2), integers("axis", 0)), halves)
    folded = op.constant()
    assert folded is not None
    assert [v.tolist() for v in folded] == [[0, 1, 2, 3], [4, 5]]


def test_refuses() -> None:
    op = split((1, 2, 6), 2, 2)
    axis, x = op.inputs
    y = activation("y", (1, 2, 3), 0.07, -5)

    def reason(*ys: Tensor, at: Tensor | None = axis, kind: type[Op] = Split) -> str:
        return kind((at, x), ys).check() or ""

    assert reason(*op.outputs) == ""
    assert "2 outputs, of the sizes [3, 3]" not in reason(y, y)
    assert "do not make 6" in reason(y, y, y, y)
    assert "is [1, 2, 3], not [1, 2, 2]" in reason(y, y, y)
    assert "axis [3]" in reason(y, y, at=integers("axis", 3))
    assert "not constants of int32" in reason(y, y, at=Tensor("axis", (1,), "int32"))
    assert "not constants of int32" in reason(y, y, at=constant("axis", np.array([2])))
    assert "3 inputs" in reason(y, y, kind=SplitV)
    wrong = split_v((1, 6), 1, [2, 3, 1])
    sizes = integers("sizes", 2, 3, 2)
    assert "[2, 3, 2]" in (SplitV((wrong.x, sizes, wrong.inputs[2]), wrong.outputs).check() or "")
    computed = Tensor("sizes", (3,), "int32")
    assert "sizes are not" in (
        SplitV((wrong.x, computed, wrong.inputs[2]), wrong.outputs).check() or ""
    )
    whole = unpack((3, 2), 0)
    assert "2 outputs for 3 slices" in (Unpack(whole.inputs, whole.outputs[:2]).check() or "")
    assert "axis 2" in (Unpack(whole.inputs, whole.outputs, 2).check() or "")
    flat = activation("flat", (1, 2))
    assert "not [2]" in (Unpack(whole.inputs, (*whole.outputs[:2], flat)).check() or "")
    wide = Tensor("x", (2, 2), "int32")
    ys = tuple(Tensor(f"y{i}", (2,), "int32") for i in range(2))
    assert "'x' is int32, not int8 or int16" in (Unpack((wide,), ys).check() or "")
