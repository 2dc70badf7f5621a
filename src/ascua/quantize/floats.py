"""Runs float graphs, batch by batch, and shows every activation as it is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ascua.errors import InputError, Unsupported, brief
from ascua.ir import Array, Graph, Op, Tensor, each
from ascua.ops import Weighted
from ascua.passes import check_sound, refuse_hybrid

BATCH_BYTES = 1 << 27
"""Activations that one batch holds at once are a small multiple of this."""

MOST_REAL = 2.0**60
"""A greater activation or weight is none: the squares of such still have single precision."""


def sane(values: Array) -> bool:
    """Whether floats are finite, and none is beyond MOST_REAL."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    return low > -MOST_REAL and high < MOST_REAL  # not so of NaN


REMEDY = ("Export the whole network again, with a fixed batch of 1.",)


def check(graph: Graph, where: str) -> None:
    """Raise ModelError unless `compute` can run the operators of the folded `graph`.

    Those without a float form are left to it.
    """
    check_sound(graph, where)
    refuse_hybrid(graph, where)
    for t in graph.tensors():
        if not t.const and t.size == 0:
            shape = list(t.shape)
            raise Unsupported(f"{where}: '{brief(t.name)}' is empty: its shape is {shape}.", REMEDY)
    for op in graph.ops:
        if type(op).eval_float is Op.eval_float:
            if not op.any_type:
                return  # behind it there may be integers, and `compute` does not get there
            continue
        weights = (op.w, op.bias) if isinstance(op, Weighted) else ()
        for t in (*op.activations, *op.outputs, *weights):
            if t is not None and t.dtype != "float32":
                raise Unsupported(
                    f"{where}: {op.said}: '{brief(t.name)}' is {t.dtype}, and"
                    " a float network computes in float32.",
                    ["Export the model in float32: without quantisation and half precision."],
                )


def compute(op: Op, *xs: Array) -> tuple[Array, ...]:
    """The outputs (n, *shape) of `op`, of a graph that `check` has taken.

    Raises InputError at NaN and infinities, Unsupported for an operator without a float form.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        ys = each(op.eval_float(*xs))
    for t, y in zip(op.outputs, ys, strict=True):
        if y.dtype.kind == "f" and not sane(y):
            raise InputError(
                f"{op.said}: its output '{brief(t.name)}' has NaN or infinite"
                f" values on the calibration data, or some beyond {MOST_REAL:.0e}.",
                ["Check how the data is scaled (`--input-range`), and that the model has learnt."],
            )
    return tuple(y.astype(t.dtype, copy=False) for t, y in zip(op.outputs, ys, strict=True))


def walk(graph: Graph, xs: Sequence[Array]) -> Iterator[tuple[Tensor, Array]]:
    """Each activation of a float graph and its values (m, *shape), for batch after batch of xs."""
    for batch in batches(graph, xs):
        yield from graph.walk(batch, compute)


def batches(graph: Graph, xs: Sequence[Array]) -> Iterator[list[Array]]:
    """The samples `xs` (n, *shape) in parts that take a bounded memory."""
    largest = max(t.bytes for t in graph.tensors() if not t.const)
    step = max(1, BATCH_BYTES // (8 * largest))
    for start in range(0, len(xs[0]), step):
        yield [x[start : start + step] for x in xs]


def evaluated(graph: Graph, xs: Sequence[Array]) -> list[Array]:
    """The outputs (n, *shape) of a float graph."""
    parts: dict[Tensor, list[Array]] = {t: [] for t in graph.outputs}
    for t, y in walk(graph, xs):
        if t in parts:
            parts[t].append(y)
    return [np.concatenate(parts[t]) for t in graph.outputs]
