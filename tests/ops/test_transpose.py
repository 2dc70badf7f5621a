"""TRANSPOSE: every order of dimensions, against TensorFlow Lite Micro."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Array, Op, Tensor
from ascua.kernels._moves import MoveS8, merged
from ascua.ops.transpose import Transpose
from tests.support import activation, check_everywhere, check_reference, constant, network, together


def order_of(values: tuple[int, ...], dtype: type = np.int32) -> Tensor:
    order: Array = np.array(values, dtype)
    return constant("order", order)


def transpose(shape: tuple[int, ...], order: tuple[int, ...], name: str = "y") -> Op:
    y = activation(name, tuple(shape[i] for i in order), 0.07, -5)
    return Transpose((activation("x", shape, 0.07, -5), order_of(order)), (y,))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3), (2, 3, 4, 5)], ids=str)
def test_every_order(shape: tuple[int, ...]) -> None:
    orders = list(permutations(range(len(shape))))
    for order in orders:
        check_reference(network(transpose(shape, order)), n=2)
    check_everywhere(together(*(transpose(shape, o, f"y {o}") for o in orders)), n=2)


def test_five_dimensions() -> None:
    shape = (2, 3, 4, 3, 2)
    orders = [(4, 3, 2, 1, 0), (1, 0, 3, 2, 4), (4, 0, 1, 2, 3), (2, 4, 1, 3, 0), (0, 3, 1, 4, 2)]
    check_everywhere(together(*(transpose(shape, o, f"y {o}") for o in orders)), n=2)


@settings(max_examples=3)
@given(
    st.lists(
        st.permutations(range(5)).flatmap(
            lambda order: st.tuples(st.just(tuple(order)), st.tuples(*[st.integers(1, 4)] * 5))
        ),
        min_size=8,
        max_size=8,
    )
)
def test_any_order(cases: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    ops = [transpose(shape, order, f"y{i}") for i, (order, shape) in enumerate(cases)]
    check_everywhere(together(*ops), n=2)


def test_channels_first_and_back_are_few_loops() -> None:
    first = MoveS8()
    fields = first.params(transpose((1, 5, 6, 3), (0, 3, 1, 2)))
    assert (fields["n3"], fields["n"], fields["step"], fields["run"]) == (3, 30, 3, 1)
    swapped = first.params(transpose((1, 5, 6, 3), (0, 2, 1, 3)))
    assert (swapped["n3"], swapped["n"], swapped["step"], swapped["run"]) == (6, 5, 18, 3)


def test_loops_merge() -> None:
    assert merged((2, 3, 4), (12, 4, 1)) == [(24, 1)]
    assert merged((2, 1, 4), (12, 7, 3)) == [(8, 3)]
    assert merged((2, 3), (1, 2)) == [(2, 1), (3, 2)]
    assert merged((1, 1), (5, 5)) == []


def test_refuses() -> None:
    def reason(shape: tuple[int, ...], order: Tensor, y: tuple[int, ...]) -> str:
        return Transpose((activation("x", shape), order), (activation("y", y),)).check() or ""

    assert reason((2, 3), order_of((1, 0)), (3, 2)) == ""
    assert "instead of [3, 2]" in reason((2, 3), order_of((1, 0)), (2, 3))
    assert "order [-1, 0]" in reason((2, 3), order_of((-1, 0)), (3, 2))
    assert "order [0, 0]" in reason((2, 3), order_of((0, 0)), (2, 2))
    assert "order [0]" in reason((2, 3), order_of((0,)), (2, 3))
    assert "not constants of int32" in reason((2, 3), order_of((1, 0), np.int64), (3, 2))
    assert "not constants of int32" in reason((2, 3), Tensor("order", (2,), "int32"), (3, 2))
    assert "at most 5" in reason((1,) * 6, order_of(tuple(range(6))), (1,) * 6)
    assert "empty" in reason((2, 0), order_of((1, 0)), (0, 2))


def test_constants_fold() -> None:
    x = constant("x", np.arange(6, dtype=np.int8).reshape(2, 3))
    folded = Transpose((x, order_of((1, 0))), (activation("y", (3, 2)),)).constant()
    assert folded is not None
    np.testing.assert_array_equal(folded, x.values.T)
