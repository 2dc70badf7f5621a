"""PACK of data: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op
from ascua.ops.pack import Pack
from tests.support import activation, check_everywhere, constant, network, together


def pack(shape: tuple[int, ...], count: int, axis: int, name: str = "y") -> Op:
    """`count` tensors of one shape, stacked."""
    at = axis % (len(shape) + 1)
    y = activation(name, (*shape[:at], count, *shape[at:]), 0.07, -5)
    return Pack(
        tuple(activation(f"{name} x{i}", shape, 0.07, -5) for i in range(count)), (y,), axis
    )


def test_equals_tflm() -> None:
    cases = [
        ((1, 2, 3), 2, 0), ((1, 2, 3), 3, 1), ((1, 2, 3), 2, 2), ((1, 2, 3), 2, 3),
        ((1, 2, 3), 4, -1), ((1, 2, 3), 1, -4), ((5,), 2, 1), ((), 3, 0), ((1, 40), 2, 1),
    ]  # fmt: skip
    check_everywhere(together(*(pack(*case, name=str(case)) for case in cases)))


@settings(max_examples=3)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 4), st.integers(0, 3)),
        min_size=6, max_size=6,
    )
)  # fmt: skip
def test_any_stack(cases: list[tuple[list[int], int, int]]) -> None:
    ops = [
        pack(tuple(shape), count, axis % (len(shape) + 1), f"y{i}")
        for i, (shape, count, axis) in enumerate(cases)
    ]
    check_everywhere(together(*ops), n=2)


def test_the_same_tensor_twice() -> None:
    x = activation("x", (1, 2, 3))
    check_everywhere(network(Pack((x, x), (activation("y", (1, 2, 2, 3)),), 1)))


def test_refuses() -> None:
    x, y = activation("x", (1, 3)), activation("y", (2, 1, 3))
    fixed = constant("fixed", np.zeros((1, 3), np.int8), [0.05])
    assert Pack((x, x), (y,)).check() is None
    assert "'fixed' is a constant" in (Pack((x, fixed), (y,)).check() or "")
    assert "differ in shape" in (Pack((x, activation("z", (3, 1))), (y,)).check() or "")
    assert "instead of [3, 1, 3]" in (Pack((x, x, x), (y,)).check() or "")
