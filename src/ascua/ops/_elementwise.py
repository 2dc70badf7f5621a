"""What element-wise operators of two inputs share: broadcasting, and results over all pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ascua.ir import Array, Op, Tensor
from ascua.ops import _conditions

MOST_DIMENSIONS = 6
"""The most that TFLM broadcasts."""

INT8 = np.arange(256, dtype=np.uint8).view(np.int8)
"""Every int8 value, at the index of its bits as uint8."""


def operands(op: Op) -> tuple[Tensor, Tensor]:
    """Both inputs, the constant one, if any, last."""
    first, second = op.inputs
    assert first is not None
    assert second is not None
    return (second, first) if first.const and not second.const else (first, second)


def malformed(op: Op) -> str | None:
    """None, or why the inputs of `op`, both constant only of shapes, do not make its output."""
    if reason := _conditions.arity(op, 2):
        return reason
    a, b = operands(op)
    known = _conditions.dtype(op.y, a.dtype) if _of_shapes(op) else _conditions.computed(a)
    if reason := _conditions.first(*map(_conditions.filled, (a, b, op.y)), known):
        return reason
    try:
        expected = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return f"the shapes {list(a.shape)} and {list(b.shape)} do not go together"
    return _conditions.output_shape(op, expected)


def _of_shapes(op: Op) -> bool:
    """Whether `op` computes with constants of integers, as shapes are, and not many."""
    a, b = operands(op)
    whole = {a.dtype, b.dtype} in ({"int32"}, {"int64"})
    return whole and not op.activations and op.y.size <= _conditions.MOST_IN_A_SHAPE


def folded(op: Op, function: Callable[[Array, Array], Array]) -> Array | None:
    """`function` of both inputs where they are constants of shapes."""
    if not _of_shapes(op):
        return None
    a, b = op.inputs
    assert a is not None
    assert b is not None
    return function(a.values, b.values).astype(op.y.dtype)


def condition(op: Op, beside_int16: str = "int16") -> str | None:
    """None, or why the inputs and the output of `op` cannot be taken.

    `beside_int16` is the dtype of the second input where the first is int16.
    """
    if reason := _conditions.arity(op, 2):
        return reason
    a, b = operands(op)
    return _conditions.first(
        *(_conditions.filled(t, MOST_DIMENSIONS) for t in (a, b, op.y)),
        _conditions.quantized(op, a, op.y),
        _conditions.dtype(b, beside_int16 if a.dtype == "int16" else a.dtype),
        _conditions.per_tensor(b),
        malformed(op),
    )


def over_pairs(op: Op, xs: Sequence[Array], function: Callable[[Array, Array], Array]) -> Array:
    """`function` of two arrays of int8 or int16, for all elements of `op`'s two inputs.

    For int8 it is computed once for each of the 65,536 pairs of values, and looked up.
    """
    computed = iter(xs)
    rank = len(op.y.shape)
    pair = []
    for t in op.inputs:
        assert t is not None
        x = t.values[None] if t.const else next(computed)
        pair.append(x.reshape(len(x), *(1,) * (rank - len(t.shape)), *t.shape))
    if op.dtypes == {"int8"}:
        table = function(INT8[:, None], INT8[None, :]).astype(np.int8).reshape(-1)
        a, b = (np.ascontiguousarray(x).view(np.uint8) for x in pair)
        y = np.take(table, a.astype(np.uint16) << 8 | b)
    else:
        y = function(*pair).astype(op.y.dtype)
    return y.reshape(len(xs[0]), *op.y.shape)


def floats(op: Op, xs: Sequence[Array]) -> list[Array]:
    """`op`'s two inputs of float32, computed (n, *shape) or constant, ready for broadcasting."""
    computed = iter(xs)
    found = []
    for t in op.inputs:
        assert t is not None
        x = t.values[None] if t.const else next(computed)
        found.append(x.reshape(len(x), *(1,) * (len(op.y.shape) - len(t.shape)), *t.shape))
    return found
