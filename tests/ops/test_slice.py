"""SLICE and STRIDED_SLICE of data: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op, Tensor
from ascua.ops.slice import Slice
from ascua.ops.strided_slice import StridedSlice
from tests.support import activation, check_everywhere, constant, network, together

Numbers = tuple[int, ...]


def integers(name: str, values: Numbers, dtype: type = np.int32) -> Tensor:
    return constant(name, np.array(values, dtype).reshape(-1))


def cut(
    shape: Numbers, begin: Numbers, size: Numbers, name: str = "y", dtype: type = np.int32
) -> Op:
    """SLICE; the output's shape follows from NumPy."""
    index = tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin, size, strict=True))
    y = activation(name, np.empty(shape)[index].shape)
    bounds = integers("begin", begin, dtype), integers("size", size, dtype)
    return Slice((activation("x", shape), *bounds), (y,))


def strided(
    shape: Numbers, begin: Numbers, end: Numbers, stride: Numbers, name: str = "y", **masks: int
) -> StridedSlice:
    """STRIDED_SLICE; the output's shape follows from NumPy."""
    x = activation("x", shape)
    bounds = [integers(n, v) for n, v in (("begin", begin), ("end", end), ("stride", stride))]
    op = StridedSlice((x, *bounds), (x,), **masks)
    y = activation(name, np.empty(shape)[op._index()].shape)
    return replace(op, outputs=(y,))


def test_slice_equals_tflm() -> None:
    cases: list[tuple[Numbers, Numbers, Numbers]] = [
        ((1, 4, 5, 6), (0, 1, 2, 3), (1, 2, 3, 2)),
        ((1, 4, 5, 6), (0, 1, 0, 0), (1, 3, -1, -1)),
        ((1, 4, 5, 6), (0, 0, 0, 0), (-1, -1, -1, -1)),
        ((1, 4, 5, 6), (0, 0, 0, 5), (1, 4, 5, 1)),
        ((1, 4, 5, 20), (0, 3, 4, 1), (1, 1, 1, 19)),
        ((7,), (2,), (-1,)),
        ((3, 4), (1, 1), (2, 2)),
        ((2, 3, 4), (1, 0, 2), (1, 3, 2)),
        ((2, 3, 2, 3, 2), (1, 1, 0, 1, 0), (1, 2, 2, 2, 1)),
    ]
    ops = [cut(*case, name=f"y {case}") for case in cases]
    ops.append(cut((3, 4), (1, 1), (2, -1), "int64", np.int64))
    check_everywhere(together(*ops))


@settings(max_examples=3)
@given(st.lists(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=5), min_size=8,
                max_size=8))  # fmt: skip
def test_any_slice(cases: list[list[tuple[int, int, int]]]) -> None:
    ops = []
    for i, dims in enumerate(cases):
        shape = tuple(before + 1 + size + after for before, size, after in dims)
        begin = tuple(before for before, _, _ in dims)
        size = tuple(-1 if size == 0 else size for _, size, _ in dims)
        ops.append(cut(shape, begin, size, f"y{i}"))
    check_everywhere(together(*ops), n=2)


def test_slice_refuses() -> None:
    x, y = activation("x", (3, 4)), activation("y", (2, 2))

    def reason(begin: Tensor, size: Tensor) -> str:
        return Slice((x, begin, size), (y,)).check() or ""

    def pair(*values: int) -> Tensor:
        return integers("v", values)

    assert reason(pair(0, 0), pair(2, 2)) == ""
    assert "2 elements from 2 of a dimension of 3" in reason(pair(2, 0), pair(2, 2))
    assert "from -1" in reason(pair(-1, 0), pair(2, 2))
    assert "-2 elements" in reason(pair(0, 0), pair(2, -2))
    assert "instead of [2, 3]" in reason(pair(0, 0), pair(2, 3))
    assert "1 positions and 2 sizes" in reason(pair(0), pair(2, 2))
    assert "positions are not" in reason(Tensor("b", (2,), "int32"), pair(2, 2))
    assert "sizes are not" in reason(pair(0, 0), constant("s", np.array([2, 2], np.int8)))
    assert "at most 5" in (cut((1,) * 6, (0,) * 6, (1,) * 6).check() or "")


def test_slices_of_constants_fold() -> None:
    x = constant("x", np.arange(12, dtype=np.int8).reshape(3, 4))
    op = cut((3, 4), (1, 1), (2, 2))
    folded = Slice((x, *op.inputs[1:]), op.outputs).constant()
    assert folded is not None
    np.testing.assert_array_equal(folded, x.values[1:3, 1:3])
    assert network(op).ops[0].constant() is None
