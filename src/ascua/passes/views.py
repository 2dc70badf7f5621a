"""A RESHAPE whose output is read as a row of bytes, or shaped again, can go: they are the same.

A fully connected layer takes its input's bytes in order, whatever their shape.
"""

from __future__ import annotations

from dataclasses import replace

from ascua.ir import Graph, Op, Tensor
from ascua.ops.expand_dims import ExpandDims
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.reshape import Reshape
from ascua.ops.squeeze import Squeeze
from ascua.passes.cutting import Former, Origins
from ascua.passes.saving import Saving


def drop_views(graph: Graph) -> tuple[Graph, Origins, list[Saving]]:
    """The graph without views that nobody needs; what its tensors were, and why."""
    made: dict[Tensor, Op] = {}
    ops: list[Op] = []
    for old in graph.ops:
        op = old
        shaped = isinstance(op, FullyConnected) and op.keep_num_dims
        if isinstance(op, FullyConnected | Reshape) and not shaped and (view := made.get(op.x)):
            read = replace(op, inputs=(view.x, *op.inputs[1:]))
            op = op if read.check() else read
        # Where the output has another scale, bytes mean something else behind it.
        if op.view and isinstance(op, Reshape | Squeeze | ExpandDims) and op.x.quant == op.y.quant:
            made[op.y] = op
        ops.append(op)
    read_now = {t for op in ops for t in op.inputs if t is not None}
    gone = [op for op in ops if op in made.values() and op.y not in {*read_now, *graph.left}]
    if not gone:
        return graph, {}, []
    new = replace(graph, ops=tuple(op for op in ops if op not in gone))
    savings = [
        Saving("views", op.name, op.kind, "the operator",
               "what reads it takes the same bytes in their old shape")
        for op in gone
    ]  # fmt: skip
    return new, {t: Former(t) for t in new.tensors() if not t.const}, savings
