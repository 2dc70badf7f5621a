"""What the first operators of a float graph do to its input: a rescaling, a normalisation."""

from __future__ import annotations

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import Weighted
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.ops.pad import Pad
from ascua.ops.sub import Sub
from ascua.ops.transpose_conv import TransposeConv
from ascua.pixels import First

MOVES = {"RESHAPE", "EXPAND_DIMS", "SQUEEZE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE",
         "STRIDED_SLICE"}  # fmt: skip
"""Operators that leave values, and the order of channels, as they are."""


def first(graph: Graph) -> First:
    """What the simplified float `graph` does to its first input before anything else."""
    x, found = graph.inputs[0], First()
    while True:
        readers = graph.readers[x]
        if len(readers) != 1:
            return found
        op = readers[0]
        if (step := _affine(op, x)) is not None:
            found = found.then(*step, op.tflite)
        elif op.tflite not in MOVES and not isinstance(op, Pad):
            return First(found.scale, found.offset, found.layers, _gain(op))
        x = op.outputs[0]


def _affine(op: Op, x: Tensor) -> tuple[Array | float, Array | float] | None:
    """The factor and the offset that `op` puts on `x`; one for all, or one a channel."""
    if not isinstance(op, Mul | Add | Sub) or op.activation != "NONE":
        return None
    other = next((t for t in op.inputs if t is not None and t is not x), None)
    if other is None or not other.const or other.size not in (1, x.shape[-1] if x.shape else 1):
        return None
    c = other.values.astype(np.float64).ravel()
    if isinstance(op, Mul):
        return c, 0.0
    if isinstance(op, Sub):
        return (1.0, -c) if op.inputs[0] is x else (-1.0, c)
    return 1.0, c


def _gain(op: Op) -> float | None:
    """The norm of the weights of one output channel of `op`, the median."""
    # A filter of a transposed convolution is longer than what an output of it sums over.
    if not isinstance(op, Weighted) or isinstance(op, TransposeConv) or not op.w.const:
        return None
    rows = op.matrices().reshape(op.channels, -1).astype(np.float64)
    norms = np.sqrt(np.square(rows).sum(axis=1))
    return float(np.median(norms)) if np.isfinite(norms).all() else None
