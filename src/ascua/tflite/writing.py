"""Writes .tflite files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite as schema

from ascua.ir import Array, Graph, Layout, Op, Tensor
from ascua.tflite import stating, variables
from ascua.tflite.layout import layout_of
from ascua.tflite.tables import Content, Table, Vector, ints


def write(graph: Graph) -> bytes:
    """The .tflite file of `graph`: `read(write(graph))` gives the same network.

    What `read` gave and nothing changed becomes a file that says all that the other one did.
    """
    return Writer(graph).file()


class Writer:
    """One file being written: each buffer and tensor once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.b = flatbuffers.Builder(1 << 16)
        self.layout = layout_of(graph)
        self.handles = {} if self.layout else variables.handles(graph)
        own = (*graph.tensors(), *graph.left, *self.handles.values())
        listed = self.layout.tensors if self.layout else own
        self.tensors = list(dict.fromkeys(listed))
        self.index = {t: i for i, t in enumerate(self.tensors)}
        self.contents: list[bytes] = []
        """What buffers hold behind those of the tensors."""

    def file(self) -> bytes:
        """The bytes of all of it."""
        graph = self.graph
        codes, rows, more = self.as_in_file(self.layout) if self.layout else self.own()
        operators = [self.table("Operator", **row) for row in rows]
        tensors = [self.tensor(i, t) for i, t in enumerate(self.tensors)]
        parts = {"Tensors": tensors, "Operators": operators}
        sub = self.laid("SubGraph", stating.subgraph(graph, self.index) | parts)
        subgraph = self.table("SubGraph", **sub)
        model = self.laid("Model", stating.model(graph, self.index, codes))
        subgraphs = [subgraph, *(self.value(s) for s in more)]
        for field in ("Metadata", "MetadataBuffer"):
            model[field] = self.value(model.get(field))
        # All contents of buffers are known now.
        buffers = [self.table("Buffer"), *(self.buffer(t) for t in self.tensors)]
        buffers += [self.held(np.frombuffer(raw, np.uint8)) for raw in self.contents]
        model |= {"Subgraphs": subgraphs, "Buffers": buffers}
        self.b.Finish(self.table("Model", **model), b"TFL3")
        return bytes(self.b.Output())

    def own(self) -> tuple[tuple[Table, ...], list[dict[str, Any]], Sequence[Table]]:
        """Operator codes, the fields of the operators, and further subgraphs, as Ascua has them."""
        uint8 = stating.unsigned(self.tensors)
        stated = [
            *variables.before(self.index, self.handles),
            *(
                (stating.code(op, uint8), stating.operator(op, 0, self.index))
                for op in self.graph.ops
            ),
            *variables.behind(self.index, self.handles),
        ]
        codes = sorted({code for code, _ in stated})
        rows = [fields | {"OpcodeIndex": codes.index(code)} for code, fields in stated]
        first = variables.initialiser(self.handles, codes.index)
        return tuple(stating.operator_code(*c) for c in codes), rows, first

    def as_in_file(
        self, layout: Layout
    ) -> tuple[tuple[Table, ...], list[dict[str, Any]], Sequence[Table]]:
        """The same, as the file had them that was read."""
        rows = [
            self.laid(o, stating.operator(o, 0, self.index)) if isinstance(o, Op) else o.fields
            for o in layout.operators
        ]
        return layout.codes, rows, layout.subgraphs

    def laid(self, part: Tensor | Op | str, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of a part's table: where its file states them otherwise, as there."""
        return fields | dict(self.layout.other.get(part, {})) if self.layout else fields

    def table(self, kind: str, **fields: Any) -> int:
        """A table with the given fields: plain values, or offsets of what has been made before."""
        made = {name: self.value(value) for name, value in fields.items()}
        getattr(schema, f"{kind}Start")(self.b)
        for name, value in made.items():
            if value is not None:
                getattr(schema, f"{kind}Add{name}")(self.b, value)
        return int(getattr(schema, f"{kind}End")(self.b))

    def value(self, value: Any) -> Any:
        """What a field of the file holds for a plain value: a number, or an offset."""
        match value:
            case bytes():
                return self.b.CreateString(value)
            case Vector():
                return int(self.b.CreateNumpyVector(value.values))
            case Table():
                return self.table(value.kind, **value.fields)
            case Content():
                self.contents.append(value.data)
                return len(self.tensors) + len(self.contents)
            case list():
                return self.offsets(value)
            case tuple():
                made = [self.value(v) for v in value]
                contents = all(isinstance(v, Content) for v in value)
                return self.value(ints(made)) if contents else self.offsets(made)
        return value

    def offsets(self, offsets: Sequence[int]) -> int:
        """A vector of tables."""
        self.b.StartVector(4, len(offsets), 4)
        for o in reversed(offsets):
            self.b.PrependUOffsetTRelative(o)
        return int(self.b.EndVector())

    def buffer(self, t: Tensor) -> int:
        """The buffer of a tensor."""
        return self.table("Buffer") if t.data is None else self.held(stating.data(t))

    def held(self, raw: Array) -> int:
        """A buffer of bytes (n,)."""
        self.b.StartVector(1, raw.size, 16)
        self.b.head = int(self.b.Head() - raw.size)
        self.b.Bytes[self.b.Head() : self.b.Head() + raw.size] = raw.tobytes()
        return self.table("Buffer", Data=self.b.EndVector())

    def tensor(self, i: int, t: Tensor) -> int:
        """Its table."""
        fields = self.laid(t, stating.tensor(t, i + 1))
        return self.table("Tensor", **fields | {"Quantization": self.value(fields["Quantization"])})
