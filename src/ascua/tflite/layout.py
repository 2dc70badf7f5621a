"""The file that a graph comes from, said again table by table, where nothing of it has changed."""

from __future__ import annotations

from dataclasses import fields

from ascua.ir import Graph, Layout
from ascua.tflite.building import Building
from ascua.tflite.tables import File, damage


def layout_of(graph: Graph) -> Layout | None:
    """The layout of the file that `graph` comes from; None where any part of it is another."""
    if graph.layout is None:
        return None
    parts = [f.name for f in fields(graph) if f.name not in ("name", "layout")]
    same = all(getattr(graph, p) == getattr(graph.layout.graph, p) for p in parts)
    return graph.layout if same else None


def restated(file: File) -> bytes:
    """A file that says all that `file` does, in tables and buffers of its own.

    Raises ModelError where damage hides in what no network is read from.
    """
    with damage(file.name):
        buffers = list(file.vector(file.model, "Buffers"))
        contents = file.contents(buffers, range(len(buffers)), "a buffer")
        said = file.stated(file.model, without=("Buffers",))
        made = Building()
        if not file.model.BuffersIsNone():
            said["Buffers"] = [made.held(raw) for raw in contents]
        return made.finished(said)
