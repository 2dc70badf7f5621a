"""CONCATENATION: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op
from ascua.ops.concatenation import Concatenation
from tests.support import activation, check_everywhere, constant, network, together
from tests.support.wide import widened

Shape = tuple[int, ...]


def concatenation(axis: int, *shapes: Shape, name: str = "y") -> Op:
    """Inputs of these shapes, side by side along `axis`."""
    at = axis % len(shapes[0])
    whole = sum(s[at] for s in shapes)
    y = activation(name, (*shapes[0][:at], whole, *shapes[0][at + 1 :]), 0.07, -5)
    xs = tuple(activation(f"x{i}", s, 0.07, -5) for i, s in enumerate(shapes))
    return Concatenation(xs, (y,), axis)


CASES: list[tuple[int, tuple[Shape, ...]]] = [
    (3, ((1, 2, 3, 4), (1, 2, 3, 1))),
    (2, ((1, 2, 3, 4), (1, 2, 1, 4))),
    (1, ((1, 2, 3, 4), (1, 5, 3, 4))),
    (0, ((1, 2, 3), (2, 2, 3))),
    (-1, ((1, 2, 3), (1, 2, 1), (1, 2, 2))),
    (-3, ((2, 2, 3), (1, 2, 3))),
    (0, ((1,), (1,))),
    (1, ((1, 1),) * 10),
    (0, ((3, 2),)),
    (5, ((1, 2, 1, 2, 1, 3), (1, 2, 1, 2, 1, 1))),
]


def test_equals_tflm() -> None:
    ops = [concatenation(axis, *shapes, name=f"{axis} {shapes}") for axis, shapes in CASES]
    check_everywhere(together(*ops))


def test_the_same_tensor_twice() -> None:
    x = activation("x", (1, 2, 3))
    op = Concatenation((x, x), (activation("y", (1, 4, 3)),), 1)
    check_everywhere(network(op))


@settings(deadline=None, derandomize=True, max_examples=8)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(-4, 3),
)
def test_any_shapes(shape: list[int], sizes: list[int], axis: int) -> None:
    if not -len(shape) <= axis < len(shape):
        return
    at = axis % len(shape)
    shapes = [(*shape[:at], n, *shape[at + 1 :]) for n in sizes]
    check_everywhere(network(concatenation(axis, *shapes)))


def test_refuses() -> None:
    x, y = activation("x", (1, 3)), activation("y", (1, 6))
    other = activation("other", (1, 3), 0.06)
    fixed = constant("fixed", np.zeros((1, 3), np.int8), [0.05])
    tall = activation("tall", (2, 3))

    def reason(*xs: object, axis: int = 1, act: str = "NONE") -> str:
        return Concatenation(tuple(xs), (y,), axis, act).check() or ""  # type: ignore[arg-type]

    assert reason(x, x) == ""
    assert "'other' has the scale 0.06" in reason(x, other)
    assert "'fixed' is a constant" in reason(x, fixed)
    assert "RELU" in reason(x, x, act="RELU")
    assert "axis 2" in reason(x, x, axis=2)
    assert "[2, 3] is no part of [1, 6]" in reason(x, tall)
    assert "do not add up to 6" in reason(x, x, x)
    assert "at most 10" in reason(*[x] * 11)
    assert "missing" in reason(x, None)


def test_int16() -> None:
    check_everywhere(widened(network(concatenation(3, (1, 2, 3, 4), (1, 2, 3, 1), (1, 2, 3, 2)))))
