"""REVERSE_V2: every run of axes, against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.ir import Op, Tensor
from ascua.ops.reverse_v2 import ReverseV2
from tests.support import activation, check_everywhere, check_reference, constant, network, together


def axes_of(values: tuple[int, ...], dtype: type = np.int32) -> Tensor:
    return constant("axes", np.array(values, dtype))


def reverse(shape: tuple[int, ...], axes: tuple[int, ...], name: str = "y") -> Op:
    y = activation(name, shape, 0.07, -5)
    return ReverseV2((activation("x", shape, 0.07, -5), axes_of(axes)), (y,))


@pytest.mark.parametrize(
    "shape", [(7,), (2, 5), (4, 2, 3), (2, 3, 4, 5), (2, 3, 2, 3, 2), (2,) * 6]
)
def test_every_run_of_axes(shape: tuple[int, ...]) -> None:
    rank = len(shape)
    runs = [tuple(range(a, b)) for a in range(rank) for b in range(a + 1, rank + 1)]
    runs += [(-1,), tuple(reversed(runs[-1])), tuple(a - rank for a in range(rank))]
    for axes in runs:
        check_reference(network(reverse(shape, axes)), n=2)
    check_everywhere(together(*(reverse(shape, r, f"y {r}") for r in runs)), n=2)


def test_refuses() -> None:
    def reason(shape: tuple[int, ...], axes: Tensor, y: tuple[int, ...]) -> str:
        return ReverseV2((activation("x", shape), axes), (activation("y", y),)).check() or ""

    assert reason((2, 3), axes_of((0,)), (2, 3)) == ""
    assert "do not follow one another" in reason((2, 3, 4), axes_of((0, 2)), (2, 3, 4))
    assert "do not follow one another" in reason((2, 3), axes_of((1, 1)), (2, 3))
    assert "axes [2] do not exist" in reason((2, 3), axes_of((2,)), (2, 3))
    assert "axes [] do not exist" in reason((2, 3), axes_of(()), (2, 3))
    assert "not constants of int32" in reason((2, 3), axes_of((1,), np.int64), (2, 3))
    assert "instead of [2, 3]" in reason((2, 3), axes_of((0,)), (3, 2))
    assert "at most 6" in reason((1,) * 7, axes_of((0,)), (1,) * 7)


def test_constants_fold() -> None:
    x = constant("x", np.arange(6, dtype=np.int8).reshape(2, 3))
    folded = ReverseV2((x, axes_of((1,))), (activation("y", (2, 3)),)).constant()
    assert folded is not None
    np.testing.assert_array_equal(folded, x.values[:, ::-1])
