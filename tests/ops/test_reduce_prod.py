"""REDUCE_PROD: shapes multiplied, as of Dense layers over an open batch, fold away."""

from __future__ import annotations

import numpy as np

from ascua import passes
from ascua.ir import Graph, Tensor
from ascua.ops.gather import Gather
from ascua.ops.pack import Pack
from ascua.ops.reduce_prod import ReduceProd
from ascua.ops.reshape import Reshape
from ascua.ops.shape import Shape
from tests.support import activation, constant, network, reference


def rows() -> Graph:
    """Keras's Dense over a sequence with an open batch: all but the last axis in one."""
    x = activation("x", (1, 3, 2, 4))
    shape, sizes = Tensor("shape", (4,), "int32"), Tensor("sizes", (3,), "int32")
    count, target = Tensor("count", (), "int32"), Tensor("target", (2,), "int32")
    return network(
        Shape((x,), (shape,)),
        Gather((shape, constant("free", np.array([0, 1, 2], np.int32))), (sizes,)),
        ReduceProd((sizes, constant("axes", np.array([0], np.int32))), (count,), keep_dims=False),
        Pack((count, constant("depth", np.array(4, np.int32))), (target,)),
        Reshape((x, target), (activation("y", (6, 4)),)),
    )


def test_products_of_shapes_fold() -> None:
    prepared = passes.prepare(rows())
    assert [op.kind for op in prepared.ops] == ["reshape"]
    x = np.arange(24, dtype=np.int8).reshape(1, 1, 3, 2, 4)
    np.testing.assert_array_equal(reference(prepared, [x])[0], x.reshape(1, 6, 4))


def test_refuses_what_is_computed() -> None:
    x, axes = Tensor("x", (2, 3), "int32"), constant("axes", np.array([-1], np.int32))
    op = ReduceProd((x, axes), (Tensor("y", (2, 1), "int32"),), keep_dims=True)
    assert "is computed, and TFLM has no such operator" in (op.check() or "")
    np.testing.assert_array_equal(op.eval(np.arange(6).reshape(1, 2, 3)), [[[0], [60]]])
    wrong = ReduceProd((x, axes), (Tensor("y", (3,), "int32"),), keep_dims=False)
    assert "instead of [2]" in (wrong.malformed() or "")
