"""Nodes that go to integers and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ascua.convert.onnx.builder import Builder, Constant, Node
from ascua.convert.onnx.layout import Value
from ascua.convert.onnx.nodes import node
from ascua.ir import Array, Quant, Tensor
from ascua.ops.dequantize import Dequantize
from ascua.ops.quantize import Quantize

TYPES = {"uint8": "int8", "int8": "int8", "int16": "int16", "int32": "int32"}
"""As which type each is held: uint8 less 128 is int8."""


@node("QuantizeLinear")
def quantize_linear(n: Node, b: Builder) -> None:
    """QUANTIZE of what is computed."""
    v = b.value(n)
    quant, dtype = _quant(n, b, n.get("output_dtype") and _named(n, n.get("output_dtype")))
    if quant.per_channel:
        n.refuse("an activation has a scale a channel; one is taken")
    x = v.tensor
    y = Tensor(b.unused(n.y), x.shape, dtype, quant)
    b.ops.append(Quantize((x,), (y,)))
    b.known[n.y] = replace(v, tensor=y)


@node("DequantizeLinear")
def dequantize_linear(n: Node, b: Builder) -> None:
    """DEQUANTIZE of what is computed; constants keep their integers."""
    found = b.found(n, 0)
    if isinstance(found, Value):
        y = b.add(Dequantize, (found.tensor,), found.tensor.shape, n.y)
        b.known[n.y] = replace(found, tensor=y)
        return
    kind = str(found.array.dtype)
    quant, dtype = _quant(n, b, kind)
    array = found.array.astype(np.int64) - (128 if kind == "uint8" else 0)
    b.known[n.y] = Constant(array.astype(dtype), quant)


def _quant(n: Node, b: Builder, kind: str | None) -> tuple[Quant, str]:
    """Scales and zero points of a node, and the type that holds its integers."""
    if n.get("block_size", 0):
        n.refuse("its scales are of blocks; one a channel, or one for all, is taken")
    scales = b.fixed(n, 1, "scale").array.astype(np.float32).ravel()
    zeros: Array = np.zeros(len(scales), np.int64)
    if n.has(2):
        points = b.fixed(n, 2, "zero point").array
        kind, zeros = str(points.dtype), points.astype(np.int64).ravel()
    kind = kind or "uint8"
    if kind not in TYPES:
        n.refuse(f"its integers are {kind}; {', '.join(TYPES)} are taken")
    if kind == "uint8":
        zeros = zeros - 128
    axis = int(n.get("axis", 1))
    rank = len(b.found(n, 0).shape)
    axis = axis % rank if rank else 0
    listed = tuple(map(float, scales)), tuple(map(int, np.broadcast_to(zeros, scales.shape)))
    return Quant(*listed, axis if len(scales) > 1 else 0), TYPES[kind]


def _named(n: Node, number: Any) -> str:
    """The type with this number in ONNX."""
    names = {2: "uint8", 3: "int8", 5: "int16", 6: "int32"}
    if number not in names:
        n.refuse("its integers are of a type that is not taken: " + ", ".join(TYPES) + " are")
    return names[number]
