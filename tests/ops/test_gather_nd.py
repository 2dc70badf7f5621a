"""GATHER_ND: slices at listed coordinates, against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.ir import Array, Op, Tensor
from ascua.ops.gather_nd import GatherNd
from tests.support import activation, check_everywhere, check_reference, constant, network, together

Shape = tuple[int, ...]


def indices_of(values: object, dtype: type = np.int32) -> Tensor:
    return constant("indices", np.array(values, dtype))


def gather_nd(shape: Shape, values: object, name: str = "y", x: str = "x") -> Op:
    indices: Array = np.array(values, np.int32)
    y = activation(name, (*indices.shape[:-1], *shape[indices.shape[-1] :]), 0.07, -5)
    return GatherNd((activation(x, shape, 0.07, -5), indices_of(values)), (y,))


@pytest.mark.parametrize(
    "shape", [(5,), (4, 3), (3, 2, 4), (1, 3, 4, 5), (2, 3, 1, 2, 3), (2,) * 7], ids=str
)
def test_slices_of_every_size(shape: Shape) -> None:
    ops = []
    rng = np.random.default_rng(2)
    for n in range(1, min(5, len(shape)) + 1):
        for listed in ((), (1,), (4,), (2, 3), (1, 2, 2)):
            if len(listed) + len(shape) - n <= 8:
                values = rng.integers(0, shape[:n], (*listed, n))
                ops.append(gather_nd(shape, values, f"y{n} {listed}"))
    ops.append(gather_nd(shape, [[d - 1 for d in shape[:5]], [0] * len(shape[:5])], "ends"))
    for op in ops:
        check_reference(network(op), n=2)
    check_everywhere(together(*ops), n=2)


def test_refuses() -> None:
    def reason(shape: Shape, indices: Tensor, y: Shape, dtype: str = "int8") -> str:
        t = Tensor("y", y, dtype, activation("y", y).quant)
        return GatherNd((Tensor("x", shape, dtype, t.quant), indices), (t,)).check() or ""

    assert reason((2, 3), indices_of([[1, 2], [0, 0]]), (2,)) == ""
    assert reason((2, 3), indices_of([1]), (3,)) == ""
    assert "no int16 kernel" in reason((2, 3), indices_of([[1]]), (1, 3), "int16")
    assert "outside [2, 3]" in reason((2, 3), indices_of([[2]]), (1, 3))
    assert "outside [2, 3]" in reason((2, 3), indices_of([[1, 3]]), (1,))
    assert "outside [2, 3]" in reason((2, 3), indices_of([[-1]]), (1, 3))
    assert "3 coordinates in a tensor of 2" in reason((2, 3), indices_of([[0, 0, 0]]), (1,))
    assert "TFLM takes 5" in reason((1,) * 6, indices_of([[0] * 6]), (1,))
    assert "the shape []" in reason((2, 3), indices_of(0), (3,))
    assert "the shape [2, 0]" in reason((2, 3), indices_of([[], []]), (2, 2, 3))
    assert "not constants of int32" in reason((2, 3), indices_of([[0]], np.int64), (1, 3))
    assert "not constants of int32" in reason((2, 3), Tensor("i", (1, 1), "int32"), (1, 3))
    assert "instead of [1, 3]" in reason((2, 3), indices_of([[0]]), (1, 2))


def test_constants_fold() -> None:
    x = constant("x", np.arange(6, dtype=np.int8).reshape(2, 3))
    folded = GatherNd((x, indices_of([[1, 2], [0, 1]])), (activation("y", (2,)),)).constant()
    assert folded is not None
    np.testing.assert_array_equal(folded, [5, 1])
