"""RESHAPE, SQUEEZE and EXPAND_DIMS: no code, and the same bytes as TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.boards import load as load_board
from ascua.ir import Op, Tensor
from ascua.ops.cast import Cast
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.reshape import Reshape
from ascua.ops.squeeze import Squeeze
from ascua.passes import prepare
from ascua.plan import plan
from tests.support import activation, check_everywhere, constant, network

KIND = Reshape

Shape = tuple[int, ...]


def reshape(x: Shape, y: Shape, given: Shape | None = None) -> Op:
    """A RESHAPE; with `given`, that is its second input."""
    inputs: tuple[Tensor, ...] = (activation("x", x),)
    if given is not None:
        inputs += (constant("shape", np.array(given, np.int32)),)
    return Reshape(inputs, (activation("y", y),), y)


def squeeze(x: Shape, y: Shape, *axes: int) -> Op:
    return Squeeze((activation("x", x),), (activation("y", y),), axes)


def expand_dims(x: Shape, y: Shape, axis: int) -> Op:
    at = constant("axis", np.array(axis, np.int32))
    return ExpandDims((activation("x", x), at), (activation("y", y),))


VIEWS = [
    reshape((1, 2, 3, 4), (1, 24)),
    reshape((1, 24), (1, 2, 3, 4), (-1, 2, 3, 4)),
    reshape((1, 1), (1, 1, 1, 1, 1)),
    squeeze((1, 1, 1, 7), (1, 7), 1, 2),
    squeeze((1, 1, 4, 1), (1, 4), -3, -1),
    squeeze((1, 1, 4, 1), (4,)),
    expand_dims((1, 5), (1, 5, 1), 2),
    expand_dims((1, 5), (1, 5, 1), -1),
    expand_dims((1, 5), (1, 1, 5), -2),
    expand_dims((1, 5), (1, 1, 5), 0),
]


def test_equals_tflm_without_a_step(kind: type[Op]) -> None:
    for op in (op for op in VIEWS if type(op) is kind):
        graph = network(op)
        check_everywhere(graph)
        planned = plan(prepare(graph), load_board("host"))
        assert planned.steps == ()
        assert planned.arena.bytes == op.x.bytes + -op.x.bytes % 4


def test_chain_of_views_shares_one_buffer() -> None:
    x, y = activation("x", (1, 2, 2, 3)), activation("y", (1, 12))
    z, w = activation("z", (12,)), activation("w", (12, 1))
    ops = (
        Reshape((x,), (y,)),
        Squeeze((y,), (z,), (0,)),
        ExpandDims((z, constant("axis", np.array([1], np.int32))), (w,)),
    )
    graph = network(*ops)
    check_everywhere(graph)
    planned = plan(prepare(graph), load_board("host"))
    assert planned.inputs[0].offset == planned.outputs[0].offset
    assert planned.arena.bytes == 12


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (reshape((1, 2, 3), (1, 7)), "makes 7 elements"),
        (reshape((1, 0), (1, 0)), "is empty"),
        (squeeze((1, 2, 1), (1, 2), 1), "only ones can go"),
        (squeeze((1, 2, 1), (1, 2), 3), "only ones can go"),
        (squeeze((1, 2, 1), (1, 2, 1), 2), "instead of [1, 2]"),
        (expand_dims((1, 5), (1, 1, 5), 3), "axis 3 does not exist"),
        (expand_dims((1, 5), (5, 1), 1), "instead of [1, 1, 5]"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind,
)
def test_refuses(op: Op, reason: str) -> None:
    assert reason in (op.check() or "")


def test_refuses_other_types() -> None:
    x = Tensor("x", (1, 4), "uint8")
    assert "'x' is uint8" in (Reshape((x,), (Tensor("y", (4,), "uint8"),)).check() or "")
    y = Tensor("y", (4,), "float32")
    assert "'y' is float32" in (Reshape((activation("x", (1, 4)),), (y,)).check() or "")


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_whole_numbers_and_truths(dtype: str) -> None:
    ends = Tensor("x", (1, 2, 3), dtype), Tensor("a", (1, 6), dtype), Tensor("b", (6,), dtype)
    last = Cast((ends[2],), (activation("y", (6,)),))
    check_everywhere(network(Reshape(ends[:1], ends[1:2]), Squeeze(ends[1:2], ends[2:]), last))


def test_refuses_a_shape_computed_from_data() -> None:
    x, shape = activation("x", (1, 4)), Tensor("shape", (1,), "int32")
    reason = Reshape((x, shape), (activation("y", (4,)),)).check()
    assert reason is not None
    assert "'shape' is computed from data" in reason
