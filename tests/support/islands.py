"""Float operators between DEQUANTIZE and QUANTIZE, as converters leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ascua.ir import Array, Graph, Op, Tensor
from ascua.ops import OPERATORS
from ascua.ops.add import Add
from ascua.ops.dequantize import Dequantize
from ascua.ops.prelu import Prelu
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from tests.support import activation, constant, network

INT8: Array = np.arange(256, dtype=np.uint8).view(np.int8)

SCALES = ((0.05, -5, 0.03, 7), (0.3, 0, 0.01, -128), (0.02, -128, 0.02, -5), (1.0, 100, 0.5, -10),
          (0.013, 3, 0.004, 127))  # fmt: skip
"""Scale and zero point of an int8 input, then of the output."""

PAIRS = {
    "ADD", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "MUL", "PRELU",
    "SQUARED_DIFFERENCE", "SUB",
}  # fmt: skip
"""The elementwise operators of two values."""

POSITIVE = {"LOG", "RSQRT", "SQRT"}
"""Those of one value that only positive ones have."""

ELEMENTWISE = sorted(name for name, kind in OPERATORS.items() if kind.elementwise and kind.floats)


def real(name: str, shape: Sequence[int]) -> Tensor:
    return Tensor(name, tuple(shape), "float32")


def made(kind: type[Op], inputs: Sequence[Tensor], y: Tensor) -> Op:
    """An operator of a kind, with RELU6 where it has a fused activation, and alpha 0.3."""
    given: dict[str, Any] = {"activation": "RELU6", "alpha": 0.3, "approximate": True}
    names = {f.name for f in fields(kind)}
    return kind(tuple(inputs), (y,), **{k: v for k, v in given.items() if k in names})


def island(kind: type[Op], x: Tensor, y: Tensor, other: float | Tensor = 0.7) -> tuple[Op, ...]:
    """DEQUANTIZE, the operator and QUANTIZE; `other` is what it takes as its second input."""
    read, floats = [Dequantize((x,), (real("a", x.shape),))], [real("r", y.shape)]
    inputs = [read[0].y]
    if kind.tflite in PAIRS and isinstance(other, Tensor):
        read.append(Dequantize((other,), (real("b", other.shape),)))
        inputs.append(read[1].y)
    elif kind.tflite in PAIRS:
        inputs.append(constant("c", np.array([other], np.float32)))
    return (*read, made(kind, inputs, floats[0]), Quantize((floats[0],), (y,)))


def of_values(kind: type[Op], scales: tuple[float, int, float, int]) -> tuple[Op, ...]:
    """An island of the 256 values of int8."""
    s, z, t, u = scales
    shape = (1, 1, 256) if issubclass(kind, Prelu) else (256,)
    return island(kind, activation("x", shape, s, z), activation("y", shape, t, u))


def wide(kind: type[Op], n: int = 10_000, dtype: str = "int16") -> Graph:
    """Of int16 values, which no table holds; positive ones where the operator has no others."""
    shape = (1, 1, n)
    x = activation("x", shape, 0.0003 if dtype == "int16" else 0.05, dtype=dtype)
    y = activation("y", shape, 0.03, 7)
    read, *rest = island(kind, x, y)
    if kind.tflite not in POSITIVE:
        return network(read, *rest)
    half = constant("half", np.array([0.5], np.float32))
    relu = Relu((real("d", shape),), (real("p", shape),))
    given = replace(read, outputs=(relu.x,))
    add = Add((relu.y, half), (read.y,), "NONE")
    return network(given, relu, add, *rest)


def two(kind: type[Op], n: int = 10_000) -> Graph:
    """Of two int8 values; no second one is 0."""
    a, b = activation("a", (n,), 0.05, -5), activation("b", (n,), 0.031, 40)
    first, second, *rest = island(kind, a, activation("y", (n,), 0.03, 7), b)
    half = constant("half", np.array([0.0155], np.float32))
    given = replace(second, outputs=(real("d", (n,)),))
    return network(first, given, Add((given.y, half), (second.y,), "NONE"), *rest)


def samples(graph: Graph, seed: int = 1) -> list[Array]:
    """Random values an input."""
    rng = np.random.default_rng(seed)
    xs = []
    for t in graph.inputs:
        low, high = np.iinfo(t.dtype).min, np.iinfo(t.dtype).max
        x = rng.integers(low, high + 1, (1, *t.shape))
        xs.append(x.astype(t.dtype))
    return xs
