"""LOGICAL_NOT, against TensorFlow Lite Micro."""

from __future__ import annotations

import pytest

from ascua.ir import Tensor
from ascua.ops.logical_not import LogicalNot
from tests.ops.test_logical_and import Shape, logical
from tests.support import activation, check_everywhere, together

SHAPES: list[Shape] = [(), (7,), (1, 4, 5), (2,) * 7]


def test_any_shape() -> None:
    check_everywhere(together(*(logical(LogicalNot, s, name=f"y {s}") for s in SHAPES)))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (activation("x", (3,)), Tensor("y", (3,), "bool"), "'x' is int8, not bool"),
        (Tensor("x", (3,), "bool"), activation("y", (3,)), "'y' is int8, not bool"),
        (Tensor("x", (3,), "bool"), Tensor("y", (4,), "bool"), "instead of [3]"),
    ],
)
def test_refuses(x: Tensor, y: Tensor, words: str) -> None:
    assert words in (LogicalNot((x,), (y,)).check() or "")
