"""SHAPE, STRIDED_SLICE and PACK: chains of shapes fold away, and equal TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import passes, tflite
from ascua.ir import Array, Graph, Tensor
from ascua.ops.pack import Pack
from ascua.ops.reshape import Reshape
from ascua.ops.shape import Shape
from ascua.ops.strided_slice import StridedSlice
from tests.support import activation, check_everywhere, constant, network, oracle


def integers(*values: int) -> Array:
    return np.array(values, np.int32)


def flatten() -> Graph:
    """What Keras makes of Flatten with a dynamic batch: RESHAPE(x, PACK(SHAPE(x)[0:1], -1))."""
    x = activation("x", (1, 3, 2, 4))
    shape, batch = Tensor("shape", (4,), "int32"), Tensor("batch", (), "int32")
    target, y = Tensor("target", (2,), "int32"), activation("y", (1, 24))
    bounds = [constant(n, integers(v)) for n, v in (("begin", 0), ("end", 1), ("stride", 1))]
    return network(
        Shape((x,), (shape,)),
        StridedSlice((shape, *bounds), (batch,), shrink_axis_mask=1),
        Pack((batch, constant("rest", np.array(-1, np.int32))), (target,)),
        Reshape((x, target), (y,)),
    )


def test_flatten_with_a_dynamic_batch() -> None:
    graph = flatten()
    check_everywhere(graph)
    assert [op.kind for op in passes.prepare(graph).ops] == ["reshape"]


def slice_of(
    x: Array, begin: list[int], end: list[int], stride: list[int], **masks: int
) -> StridedSlice:
    """STRIDED_SLICE of the shape x, computed at run time as far as the file tells."""
    bounds = tuple(
        constant(n, integers(*v)) for n, v in (("begin", begin), ("end", end), ("stride", stride))
    )
    known = StridedSlice((constant("x", x), *bounds), (Tensor("y", (), "int32"),), **masks)
    y = Tensor("y", x[known._index()].shape, "int32")
    return StridedSlice((Tensor("x", x.shape, "int32"), *bounds), (y,), **masks)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=5),
    st.integers(-7, 7),
    st.integers(-7, 7),
    st.sampled_from([-2, -1, 1, 2, 3]),
    st.booleans(),
    st.booleans(),
)
def test_slices_equal_tflm(
    values: list[int], begin: int, end: int, stride: int, first: bool, last: bool
) -> None:
    x = integers(*values)
    op = slice_of(x, [begin], [end], [stride], begin_mask=int(first), end_mask=int(last))
    if 0 in op.y.shape:
        return
    expected = oracle(tflite.write(network(op)), [x[None]])[0]
    np.testing.assert_array_equal(op.eval(x[None]), expected)
    folded = StridedSlice((constant("x", x), *op.inputs[1:]), op.outputs, *masks_of(op))
    np.testing.assert_array_equal(folded.constant(), expected[0])


def masks_of(op: StridedSlice) -> tuple[int, int]:
    return op.begin_mask, op.end_mask


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_pack_equals_tflm(axis: int) -> None:
    a, b = Tensor("a", (3,), "int32"), constant("b", integers(4, 5, 6))
    y = Tensor("y", (2, 3) if axis in (0, -2) else (3, 2), "int32")
    op = Pack((a, b), (y,), axis)
    x = integers(1, 2, 3)[None]
    np.testing.assert_array_equal(op.eval(x), oracle(tflite.write(network(op)), [x])[0])
    folded = Pack((constant("a", x[0]), b), (y,), axis)
    np.testing.assert_array_equal(folded.constant(), op.eval(x)[0])


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (slice_of(integers(1, 2, 3), [0], [2], [1], ellipsis_mask=1), "ellipsis"),
        (
            StridedSlice(
                (*[constant(n, integers(0)) for n in "xbes"],), (Tensor("y", (1,), "int32"),)
            ),
            "a stride is 0",
        ),
        (
            StridedSlice(
                (*[constant(n, integers(1)) for n in "xbes"],),
                (Tensor("y", (), "int32"),),
                shrink_axis_mask=1,
            ),
            "takes element 1 of a dimension of 1",
        ),
        (Pack((constant("a", integers(1)),), (Tensor("y", (2,), "int32"),)), "instead of [1, 1]"),
        (Pack((constant("a", integers(1)),), (Tensor("y", (1, 1), "int32"),), 2), "axis 2"),
        (Shape((activation("x", (1, 2)),), (Tensor("y", (3,), "int32"),)), "int32 or int64"),
        (Shape((activation("x", (1, 2)),), (Tensor("y", (2,), "int16"),)), "int32 or int64"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind,
)
def test_refuses_malformed(op: Shape | StridedSlice | Pack, reason: str) -> None:
    assert passes.fold_constants(network(op)).ops == (op,)
    assert reason in (op.malformed() or "")
    assert op.check() == op.malformed()
