"""Operators on two arrays, one of which is repeated where the other has more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ascua.convert.onnx import layout
from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.layout import Shape, Value
from ascua.ir import Op, Tensor

Operand = Value | Constant


def pair(
    n: Node, b: Builder, kind: Callable[..., Op], operands: tuple[Operand, Operand], name: str,
    **fields: Any,
) -> Value:  # fmt: skip
    """What `kind` makes of the two operands, of which one at least is computed."""
    try:
        shape = np.broadcast_shapes(*(o.shape for o in operands))
    except ValueError:
        n.refuse(f"shapes {list(operands[0].shape)} and {list(operands[1].shape)} differ")
    computed = [o for o in operands if isinstance(o, Value)]
    whole = [v for v in computed if v.shape == shape]
    base = (whole or computed)[0]
    base = base.seen_as(_filled(base.shape, len(shape)))
    x, order = b.native(base)
    tensors = []
    for o in operands:
        given = _filled(o.shape, len(shape))
        if isinstance(o, Constant):
            tensors.append(_constant(b, replace(o, array=o.array.reshape(given)), n, order))
        else:
            tensors.append(b.laid(o.seen_as(given), given, order))
    y = b.add(kind, tensors, tuple(shape[a] for a in order), name, x.dtype, **fields)
    return layout.value(y, shape, order)


def _constant(b: Builder, c: Constant, n: Node, order: tuple[int, ...]) -> Tensor:
    """A constant operand, without the axes in front that have one element."""
    if c.quant is not None and c.quant.per_channel:
        n.refuse("a constant operand has a scale a channel; one scale is taken")
    array = np.transpose(c.array, order)
    first = next((i for i, size in enumerate(array.shape) if size > 1), array.ndim)
    if c.quant is None:
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
    return b.constant(replace(c, array=array.reshape(array.shape[first:])), f"{n.y}/constant")


def _filled(shape: Shape, rank: int) -> Shape:
    """A shape with axes of one element in front."""
    return (*(1,) * (rank - len(shape)), *shape)
