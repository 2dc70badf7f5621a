"""What operators share that put the input's bytes into another order, and compute nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple, Protocol

import numpy as np

from ascua.ir import ITEMSIZE, Array, Kernel, Op, Tensor, each
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


class MoveS8(Kernel):
    """Copies runs of adjacent bytes, as long as they can be."""

    name = "move_s8"
    types = ("int8", "int16")
    bytewise = True

    def params(self, op: Moving) -> Mapping[str, int]:
        move, size = op.move(), ITEMSIZE[op.x.dtype]
        # The bytes of an element are the innermost loop.
        loops = merged((*move.shape, size), (*(s * size for s in move.steps), 1))
        run = loops.pop()[0] if loops and loops[-1][1] == 1 else 1
        inner = loops.pop() if loops else (1, 0)
        outer = [(1, 0)] * (OUTER_LOOPS - len(loops)) + loops
        fields = {"offset": move.offset * size}
        fields |= {f"n{i}": n for i, (n, _) in enumerate(outer)}
        fields |= {f"step{i}": step for i, (_, step) in enumerate(outer)}
        return {**fields, "n": inner[0], "step": inner[1], "run": run}


def merged(shape: Sequence[int], steps: Sequence[int]) -> list[tuple[int, int]]:
    """Loops (turns, step), the outermost first, as few as possible."""
    loops: list[tuple[int, int]] = []
    for n, step in zip(shape, steps, strict=True):
        if n == 1:
            continue
        if loops and loops[-1][1] == n * step:
            loops[-1] = (loops[-1][0] * n, step)
        else:
            loops.append((n, step))
    return loops


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
