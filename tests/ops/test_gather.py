"""GATHER: runs from listed places, against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.ir import Array, Op, Tensor
from ascua.ops.gather import Gather
from tests.support import activation, check_everywhere, check_reference, constant, network, together

Shape = tuple[int, ...]


def indices_of(values: object, dtype: type = np.int32) -> Tensor:
    return constant("indices", np.array(values, dtype))


def gather(shape: Shape, axis: int, values: object, name: str = "y") -> Op:
    indices: Array = np.array(values, np.int32)
    at = axis % len(shape)
    y = activation(name, (*shape[:at], *indices.shape, *shape[at + 1 :]), 0.07, -5)
    return Gather((activation("x", shape, 0.07, -5), indices_of(values)), (y,), axis)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 2, 4), (1, 3, 4, 5), (2,) * 7], ids=str)
def test_slices_in_any_order(shape: Shape) -> None:
    ops = []
    for axis in range(-1, len(shape)):
        n = shape[axis]
        for values in ((n - 1, 0), (0,), (0, 0, n - 1, n - 1), n - 1, [[0, n - 1], [n - 1, 0]]):
            if len(shape) + np.ndim(values) - 1 <= 7:
                ops.append(gather(shape, axis, values, f"y{len(ops)}"))
    for op in ops:
        check_reference(network(op), n=2)
    check_everywhere(together(*ops), n=2)


def test_refuses() -> None:
    def reason(
        shape: Shape, axis: int, indices: Tensor, y: Shape, dtype: str = "int8", batch: int = 0
    ) -> str:
        t = Tensor("y", y, dtype, activation("y", y).quant)
        x = Tensor("x", shape, dtype, t.quant)
        return Gather((x, indices), (t,), axis, batch).check() or ""

    assert reason((2, 3), 1, indices_of([2, 0]), (2, 2)) == ""
    assert "no int16 kernel" in reason((2, 3), 1, indices_of([2, 0]), (2, 2), "int16")
    assert "outside a dimension of 3" in reason((2, 3), 1, indices_of([3]), (2, 1))
    assert "outside a dimension of 3" in reason((2, 3), 1, indices_of([-1]), (2, 1))
    assert "axis 2 does not exist" in reason((2, 3), 2, indices_of([0]), (2, 3))
    assert "not constants of int32" in reason((2, 3), 1, indices_of([0], np.int64), (2, 1))
    assert "not constants of int32" in reason((2, 3), 1, Tensor("i", (1,), "int32"), (2, 1))
    assert "dimensions of batches" in reason((2, 3), 1, indices_of([0]), (2, 1), batch=1)
    assert "instead of [2, 1]" in reason((2, 3), 1, indices_of([0]), (2, 2))


def test_constants_fold() -> None:
    x = constant("x", np.arange(6, dtype=np.int8).reshape(2, 3))
    folded = Gather((x, indices_of([2, 0])), (activation("y", (2, 2)),), 1).constant()
    assert folded is not None
    np.testing.assert_array_equal(folded, x.values[:, [2, 0]])
