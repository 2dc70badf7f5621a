"""What a .tflite file states otherwise than Ascua would, though it means the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from ascua.ir import Graph, Layout, Op, Tensor
from ascua.tflite import stating
from ascua.tflite.tables import Content, File, Table, defaults


def layout_of(graph: Graph) -> Layout | None:
    """The layout of the file that `graph` comes from; None where any part of it is another."""
    if graph.layout is None:
        return None
    parts = [f.name for f in fields(graph) if f.name not in ("name", "layout")]
    same = all(getattr(graph, p) == getattr(graph.layout.graph, p) for p in parts)
    return graph.layout if same else None


def with_layout(
    graph: Graph,
    tensors: Sequence[Tensor],
    operators: Sequence[Op | None],
    file: File,
    buffers: Sequence[Any],
) -> Graph:
    """`graph`, as it was read from `file`, with the file's layout.

    These are the file's tensors and operators, in its order, None for what is of variables.
    """
    sub = file.model.Subgraphs(0)
    index = {t: i for i, t in enumerate(tensors)}
    other: dict[Tensor | Op | str, Mapping[str, Any]] = {
        "Model": _other("Model", _model(graph, file, buffers), stating.model(graph, index)),
        "SubGraph": _other("SubGraph", _subgraph(file, sub), stating.subgraph(graph, index)),
    }
    for t, table in zip(tensors, file.vector(sub, "Tensors"), strict=True):
        said = file.stated(table) | {"Buffer": _odd(file, t, buffers[table.Buffer()])}
        other[t] = _other("Tensor", said, stating.tensor(t, None))
    rows: list[Op | Table] = []
    for op, table in zip(operators, file.vector(sub, "Operators"), strict=True):
        said = file.stated(table)
        if op is not None:
            other[op] = _other("Operator", said, stating.operator(op, UNKNOWN, index))
        rows.append(Table("Operator", said) if op is None else op)
    listed = file.vector(file.model, "OperatorCodes")
    codes = tuple(Table("OperatorCode", file.stated(c)) for c in listed)
    more = tuple(_whole(file, s, buffers) for s in file.vector(file.model, "Subgraphs"))[1:]
    layout = Layout(graph, tuple(tensors), tuple(rows), codes, more, other)
    return replace(graph, layout=layout)


UNKNOWN = -1
"""The number of an operator's code, before the codes are known: each file has its own."""


def _odd(file: File, t: Tensor, buffer: Any) -> Content | None:
    """A buffer whose bytes the values do not tell: of an odd number of int4, four bits are over."""
    if t.dtype != "int4" or t.size % 2 == 0 or not t.const:
        return None
    raw = file.raw(buffer, "").tobytes()
    return Content(raw) if raw != stating.data(t).tobytes() else None


def _other(kind: str, said: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a table of the file that Ascua would state otherwise."""
    stated = _complete(Table(kind, own)).fields
    return {name: value for name, value in said.items() if stated[name] != value}


def _complete(value: Any) -> Any:
    """A plain value with the defaults of what its tables leave out, as a file's has."""
    if isinstance(value, Table):
        stated = {name: _complete(v) for name, v in value.fields.items()}
        return Table(value.kind, {**defaults(value.kind), **stated})
    return tuple(map(_complete, value)) if isinstance(value, tuple) else value


def _whole(file: File, sub: Any, buffers: Sequence[Any]) -> Table:
    """A SubGraph with all its tables, the contents of buffers among them."""
    numbers = [t.Buffer() for t in file.vector(sub, "Tensors")]
    contents = [Content(raw) if raw else 0 for raw in file.contents(buffers, numbers, "a subgraph")]
    said = file.stated(sub)
    tensors = zip(said["Tensors"] or (), contents, strict=True)
    held = tuple(Table("Tensor", {**t.fields, "Buffer": raw}) for t, raw in tensors)
    return Table("SubGraph", said | {"Tensors": said["Tensors"] and held})


def _subgraph(file: File, sub: Any) -> dict[str, Any]:
    """The fields of a SubGraph, whose tensors and operators stand by themselves."""
    said = file.stated(sub, without=("Tensors", "Operators"))
    return said | {"Operators": None if sub.OperatorsIsNone() else ()}


def _model(graph: Graph, file: File, buffers: Sequence[Any]) -> dict[str, Any]:
    """The fields of a Model; the parts that stand by themselves only where they are absent."""
    model = file.model
    apart = ("Subgraphs", "Buffers", "OperatorCodes", "Metadata", "MetadataBuffer")
    said = file.stated(model, without=apart)
    if model.OperatorCodesIsNone():
        said["OperatorCodes"] = None
    said["Metadata"] = said["MetadataBuffer"] = None
    if not model.MetadataIsNone():
        named = zip(file.vector(model, "Metadata"), graph.metadata, strict=True)
        said["Metadata"] = tuple(
            Table("Metadata", {"Name": m.Name(), "Buffer": Content(known.data)})
            for m, known in named
        )
    if not model.MetadataBufferIsNone():
        numbers = file.numbers(model, "MetadataBuffer")
        said["MetadataBuffer"] = tuple(map(Content, file.contents(buffers, numbers)))
    return said
