"""What operators share that put the input's bytes into another order, and compute nothing."""

from __future__ import annotations

import numpy as np

from ascua.ir import Array, Op, Tensor, each
from ascua.ops import _conditions


def condition(op: Op, x: Tensor, *ys: Tensor, most: int) -> str | None:
    """None, or why `op` cannot move data of at most `most` dimensions from `x` to `ys`."""
    return _conditions.first(
        _conditions.computed(x),
        _conditions.typed(op, x),
        _conditions.dtype(x, *op.types),
        *(_conditions.dtype(t, x.dtype) for t in ys),
        *(_conditions.filled(t, most) for t in (x, *ys)),
    )


def one_type(x: Tensor, *ys: Tensor) -> str | None:
    """None, or which of `ys` has another dtype than `x`, whose values it gets."""
    return _conditions.first(*(_conditions.dtype(y, x.dtype) for y in ys))


def integers(t: Tensor | None, what: str, *dtypes: str) -> str | None:
    """None, or why `t` is not a constant of integers that TFLM reads."""
    if t is None or not t.const or t.dtype not in (dtypes or ("int32",)):
        wanted = " or ".join(dtypes or ("int32",))
        return f"its {what} are not constants of {wanted}"
    return None


def listed(t: Tensor | None) -> list[int]:
    """The values of a constant of integers."""
    assert t is not None
    return [int(v) for v in t.values.reshape(-1)]


def folded(op: Op, x: Tensor) -> Array | None:
    """The only output of `op` where its input `x` is a constant."""
    ys = folded_parts(op, x)
    return None if ys is None else ys[0]


def folded_parts(op: Op, x: Tensor) -> tuple[Array, ...] | None:
    """The outputs of `op` where its input `x` is a constant."""
    if not x.const:
        return None
    return tuple(np.asarray(y[0]) for y in each(op.eval(x.values[None])))
