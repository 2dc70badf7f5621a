"""The scores by which a network decides: what comes before a softmax or an ARG_MAX at its end."""

from __future__ import annotations

from dataclasses import replace

from ascua.ir import Graph, Tensor
from ascua.ops.arg_max import ArgMax
from ascua.ops.arg_min import ArgMin
from ascua.passes import drop_dead


def before_index(graph: Graph, t: Tensor) -> Tensor:
    """The scores whose greatest the output `t` names; without such an ARG_MAX `t` itself."""
    op = graph.makers.get(t)
    while op is not None and op.view and op.activations:
        op = graph.makers.get(op.x)
    if not isinstance(op, ArgMax) or isinstance(op, ArgMin) or op.y.size > 1 or op.x.const:
        return t
    return op.x


def without_index(graph: Graph) -> Graph:
    """`graph` with scores for its first output, where that is the index of the greatest."""
    first = before_index(graph, graph.outputs[0])
    return drop_dead(replace(graph, outputs=(first, *graph.outputs[1:])))


def scores(graph: Graph) -> tuple[Tensor, ...]:
    """What decides each output: before an ARG_MAX, and before a softmax or sigmoid."""

    def before(t: Tensor) -> Tensor:
        t = before_index(graph, t)
        op = graph.makers.get(t)
        return t if op is None or op.output_range is None else op.x

    return tuple(before(t) for t in graph.outputs)


def until_scores(graph: Graph) -> Graph:
    """`graph` up to the scores of its first output."""
    return drop_dead(replace(graph, outputs=scores(graph)[:1]))
