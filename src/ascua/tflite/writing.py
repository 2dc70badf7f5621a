"""Writes .tflite files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ascua.ir import Graph, Tensor
from ascua.tflite import stating, variables
from ascua.tflite.building import Building
from ascua.tflite.layout import layout_of, restated
from ascua.tflite.tables import Table


def write(graph: Graph, *, small: bool = False) -> bytes:
    """The .tflite file of `graph`: `read(write(graph))` gives the same network.

    What `read` gave and nothing changed becomes a file that says all that the other one did; it
    raises ModelError where that one is damaged, in what no network is read from. With `small` it
    says less: equal vectors and texts lie there once, and all that has no values has one buffer.
    """
    layout = None if small else layout_of(graph)
    return Writer(graph, small=small).file() if layout is None else restated(layout.file)


class Writer(Building):
    """One file being written: each tensor once, in a buffer of its own."""

    def __init__(self, graph: Graph, *, small: bool = False) -> None:
        graph = replace(graph, ops=tuple(o for op in graph.ops for o in op.written()))
        self.graph = graph
        self.handles = variables.handles(graph)
        own = (*graph.tensors(), *graph.left, *self.handles.values())
        self.tensors = list(dict.fromkeys(own))
        self.index = {t: i for i, t in enumerate(self.tensors)}
        self.first: dict[Any, Tensor] = {}
        """The tensors that have a buffer each, from number 1 on; buffer 0 is empty."""
        for t in self.tensors:
            if not small:
                self.first[t] = t
            elif raw := held(t):
                self.first.setdefault(raw, t)
        numbers = {key: 1 + i for i, key in enumerate(self.first)}
        self.buffers_of = [numbers.get(held(t) if small else t, 0) for t in self.tensors]
        super().__init__(1 + len(self.first), shared=small)

    def file(self) -> bytes:
        """The bytes of all of it."""
        codes, rows, more = self.own()
        operators = [self.table("Operator", **row) for row in rows]
        tensors = list(map(self.tensor, self.tensors, self.buffers_of))
        parts = {"Tensors": tensors, "Operators": operators}
        sub = stating.subgraph(self.graph, self.index) | parts
        subgraphs = [self.table("SubGraph", **sub), *(self.value(s) for s in more)]
        model = stating.model(self.graph, self.index, codes)
        model["Metadata"] = self.value(model["Metadata"])
        # All contents of buffers are known now.
        buffers = [self.table("Buffer"), *map(self.buffer, self.first.values())]
        buffers += map(self.held, self.contents)
        return self.finished(model | {"Subgraphs": subgraphs, "Buffers": buffers})

    def own(self) -> tuple[tuple[Table, ...], list[dict[str, Any]], Sequence[Table]]:
        """Operator codes, the fields of the operators, and further subgraphs."""
        uint8 = stating.unsigned(self.tensors)
        stated = [
            *variables.before(self.index, self.handles),
            *(
                (stating.code(op, uint8=uint8), stating.operator(op, 0, self.index))
                for op in self.graph.ops
            ),
            *variables.behind(self.index, self.handles),
        ]
        codes = sorted({code for code, _ in stated})
        rows = [fields | {"OpcodeIndex": codes.index(code)} for code, fields in stated]
        first = variables.initialiser(self.handles, codes.index)
        return tuple(stating.operator_code(*c) for c in codes), rows, first

    def buffer(self, t: Tensor) -> int:
        """The buffer of a tensor."""
        return self.held(held(t))

    def tensor(self, t: Tensor, buffer: int) -> int:
        """Its table."""
        fields = stating.tensor(t, buffer)
        return self.table("Tensor", **fields | {"Quantization": self.value(fields["Quantization"])})


def held(t: Tensor) -> bytes:
    """What the buffer of a tensor holds: nothing where its values are computed."""
    return b"" if t.data is None else stating.data(t).tobytes()
