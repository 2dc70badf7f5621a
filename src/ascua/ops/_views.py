"""What operators share whose output is the input's bytes under another shape."""

from __future__ import annotations

from ascua.ir import Array, Op
from ascua.ops import _conditions

TYPES = ("int8", "int16", "float32")
"""The dtypes that views show."""


def same_bytes(op: Op) -> str | None:
    """None, or why the output of `op` cannot be its input's bytes."""
    return _conditions.first(
        _conditions.computed(op.x),
        _conditions.dtype(op.x, *op.types),
        _conditions.dtype(op.y, op.x.dtype),
        _conditions.filled(op.x),
    )


def malformed(op: Op) -> str | None:
    """None, or why the output of `op` cannot be its input under another shape."""
    if reason := _conditions.dtype(op.y, op.x.dtype):
        return reason
    if op.y.size != op.x.size:
        return (
            f"it makes {op.y.size} elements {list(op.y.shape)} of {op.x.size} {list(op.x.shape)};"
            " export the model with a fixed batch of 1"
        )
    return None


def reshaped(op: Op, *xs: Array) -> Array:
    """The first input, computed (n, *shape) or constant, in the output's shape."""
    x = op.x.values[None] if op.x.const else xs[0]
    return x.reshape(len(x), *op.y.shape)


def constant(op: Op) -> Array | None:
    """The output where the first input is a constant."""
    return op.x.values.reshape(op.y.shape) if op.x.const else None
