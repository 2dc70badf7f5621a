"""What operators share that put the input's bytes into another order, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple, Protocol

import numpy as np

from ascua.ir import Array, Op, Tensor, each
from ascua.ops import conditions

OUTER_LOOPS = 4
"""Loops of the kernel beside the innermost one: enough for any order of five dimensions."""


class Move(NamedTuple):
    """Where the output's elements, in order, lie in the input.

    `offset` is where the first one lies, `shape` how often each loop turns, the outermost first,
    and `steps` the elements of input from one turn to the next; they may be negative.
    """

    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


class Moving(Protocol):
    """An operator that `MoveS8` runs."""

    def move(self) -> Move:
        """How its elements move."""

    @property
    def x(self) -> Tensor:
        """What it moves."""


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements from one index to the next, of each dimension."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def condition(op: Op, x: Tensor, *ys: Tensor, most: int) -> str | None:
    """None, or why `op` cannot move data of at most `most` dimensions from `x` to `ys`."""
    return conditions.first(
        conditions.computed(x),
        conditions.typed(op, x),
        conditions.dtype(x, *op.types),
        *(conditions.dtype(t, x.dtype) for t in ys),
        *(conditions.filled(t, most) for t in (x, *ys)),
    )


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
