"""What a file says of the parts of a graph: the fields of each table, as Ascua states them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tflite as schema

from ascua.ir import Array, Graph, Op, Quant, Signature, Tensor
from ascua.tflite.tables import Content, Table, Vector, fields, ints

NEEDS = "min_runtime_version"
"""The metadata that says which runtime knows all operators, in their versions."""


def encoded(text: str) -> bytes:
    """The bytes of a text that `decoded` gave, whatever they were."""
    return text.encode("utf-8", "surrogateescape")


def decoded(text: bytes | None) -> str:
    """A text of a file that comes back with every byte."""
    return (text or b"").decode("utf-8", "surrogateescape")


def tensor(t: Tensor, buffer: int | None) -> dict[str, Any]:
    """The fields of a Tensor, whose buffer has a number."""
    return {
        "Shape": ints(t.shape),
        "Type": getattr(schema.TensorType, t.dtype.upper()),
        "Buffer": buffer,
        "Name": t.name.encode() or None,
        "Quantization": None if t.quant is None else quantization(t.quant),
    }


def quantization(q: Quant) -> Table:
    """The QuantizationParameters of a tensor."""
    return Table(
        "QuantizationParameters",
        {
            "Min": _floats(q.min) if q.min else None,
            "Max": _floats(q.max) if q.max else None,
            "Scale": _floats(q.scales),
            "ZeroPoint": Vector(np.asarray(q.zero_points, np.int64)),
            "QuantizedDimension": q.axis,
        },
    )


def _floats(values: Sequence[float]) -> Vector:
    return Vector(np.asarray(values, np.float32))


def data(t: Tensor) -> Array:
    """The bytes (n,) of a constant's buffer."""
    raw: Array = np.ascontiguousarray(t.values).reshape(-1).view(np.uint8)
    return packed(raw) if t.dtype == "int4" else raw


def packed(values: Array) -> Array:
    """The bytes that hold two int4 each, the first in the low bits, of values (n,) as uint8."""
    even = np.append(values, np.uint8(0)) if len(values) % 2 else values
    result: Array = (even[::2] & 15) | (even[1::2] << 4)
    return result


def operator(op: Op, code: int, index: Mapping[Tensor, int]) -> dict[str, Any]:
    """The fields of an Operator, whose code has a number, as its tensors have."""
    kind = op.options
    return {
        "OpcodeIndex": code,
        "Inputs": ints([-1 if t is None else index[t] for t in op.inputs]),
        "Outputs": ints([index[t] for t in op.outputs]),
        "BuiltinOptionsType": 0 if kind is None else getattr(schema.BuiltinOptions, kind),
        "BuiltinOptions": None if kind is None else _options(kind, op.write()),
    }


def _options(kind: str, values: Mapping[str, Any]) -> Table:
    camel = {snake: (name, many) for snake, name, many in fields(kind)}
    named = ((*camel[snake], value) for snake, value in values.items())
    return Table(kind, {name: ints(value) if many else value for name, many, value in named})


def unsigned(tensors: Iterable[Tensor]) -> bool:
    """Whether a network of these is one of uint8."""
    return any(t.dtype == "uint8" and t.quant is not None for t in tensors)


def code(op: Op, *, uint8: bool) -> tuple[str, int]:
    """The name and the version of an operator, in a network of uint8 or in another.

    What no file gives a version has the newest that Ascua knows; of uint8, LiteRT's reference
    kernels know the first. In a uint8 network, that is so for the operators on shapes too.
    """
    if op.version is not None:
        return op.tflite, op.version
    held = {t.dtype for t in (*op.activations, *op.outputs) if t.quant is not None}
    return op.tflite, 1 if uint8 and held <= {"uint8"} else op.max_version


def operator_code(name: str, version: int) -> Table:
    """An OperatorCode."""
    number = getattr(schema.BuiltinOperator, name)
    return Table(
        "OperatorCode",
        {"DeprecatedBuiltinCode": min(number, 127), "Version": version, "BuiltinCode": number},
    )


def subgraph(graph: Graph, index: Mapping[Tensor, int]) -> dict[str, Any]:
    """The fields of a SubGraph, whose tensors have numbers; without its tables."""
    return {
        "Tensors": (),
        "Inputs": ints([index[t] for t in graph.inputs]),
        "Outputs": ints([index[t] for t in graph.outputs]),
        "Operators": (),
        "Name": b"main",
    }


def model(
    graph: Graph, index: Mapping[Tensor, int], codes: tuple[Table, ...] = ()
) -> dict[str, Any]:
    """The fields of a Model, whose tensors have numbers; without subgraph and buffers."""
    kept = [s for s in graph.signatures if all(t in index for _, t in (*s.inputs, *s.outputs))]
    aged = any(op.version is None for op in graph.ops)
    return {
        "Version": 3,
        "OperatorCodes": codes,
        "Subgraphs": None,
        "Description": (graph.description or "Ascua").encode(),
        "Buffers": None,
        "Metadata": tuple(
            Table("Metadata", {"Name": encoded(m.name), "Buffer": Content(m.data)})
            for m in graph.metadata
            if m.name != NEEDS or not aged
        )
        or None,
        "SignatureDefs": tuple(_signature(s, index) for s in kept) or None,
    }


def _signature(s: Signature, index: Mapping[Tensor, int]) -> Table:
    def named(ends: Sequence[tuple[str, Tensor]]) -> tuple[Table, ...]:
        return tuple(
            Table("TensorMap", {"Name": encoded(name), "TensorIndex": index[t]}) for name, t in ends
        )

    return Table(
        "SignatureDef",
        {
            "Inputs": named(s.inputs),
            "Outputs": named(s.outputs),
            "SignatureKey": encoded(s.key),
        },
    )
