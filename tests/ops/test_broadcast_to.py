"""BROADCAST_TO: every way to fill dimensions of 1, against TensorFlow Lite Micro."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ascua.ir import Op, Tensor
from ascua.ops.broadcast_to import BroadcastTo
from tests.support import activation, check_everywhere, check_reference, constant, network, together


def sizes_of(values: tuple[int, ...], dtype: type = np.int32) -> Tensor:
    return constant("sizes", np.array(values, dtype))


def broadcast(shape: tuple[int, ...], to: tuple[int, ...], name: str = "y", x: str = "x") -> Op:
    y = activation(name, to, 0.07, -5)
    return BroadcastTo((activation(x, shape, 0.07, -5), sizes_of(to)), (y,))


@pytest.mark.parametrize("to", [(3,), (2, 3), (2, 4, 3), (2, 3, 4, 5), (2, 3, 2, 2, 3)])
def test_every_dimension_of_one(to: tuple[int, ...]) -> None:
    shapes = [tuple(1 if one else n for one, n in zip(ones, to, strict=True))
              for ones in product((False, True), repeat=len(to))]  # fmt: skip
    shapes += [to[i:] for i in range(1, len(to) + 1)]
    for shape in shapes:
        check_reference(network(broadcast(shape, to)), n=2)
    ops = [broadcast(s, to, f"y{i}", f"x{i}") for i, s in enumerate(shapes)]
    check_everywhere(together(*ops), n=2)


def test_refuses() -> None:
    def reason(shape: tuple[int, ...], to: Tensor, y: tuple[int, ...]) -> str:
        return BroadcastTo((activation("x", shape), to), (activation("y", y),)).check() or ""

    assert reason((1, 3), sizes_of((2, 3)), (2, 3)) == ""
    assert reason((3,), sizes_of((2, 3), np.int64), (2, 3)) == ""
    assert "cannot be broadcast" in reason((2, 3), sizes_of((2, 4)), (2, 4))
    assert "cannot be broadcast" in reason((2, 3), sizes_of((3,)), (3,))
    assert "instead of [2, 3]" in reason((1, 3), sizes_of((2, 3)), (3, 2))
    assert "not constants of int32 or int64" in reason(
        (1, 3), Tensor("sizes", (2,), "int32"), (2, 3)
    )
    assert "at most 5" in reason((1,) * 6, sizes_of((1,) * 6), (1,) * 6)


def test_constants_fold() -> None:
    x = constant("x", np.arange(3, dtype=np.int8))
    folded = BroadcastTo((x, sizes_of((2, 3))), (activation("y", (2, 3)),)).constant()
    assert folded is not None
    np.testing.assert_array_equal(folded, np.stack([x.values, x.values]))
