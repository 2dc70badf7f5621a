"""All passes that make a network smaller and change no bit of its outputs, until none finds more.

Their oracle is TFLM: what is constant is what its arithmetic makes of it. Networks of uint8, whose
arithmetic is LiteRT's, stay as they are, and those that compute with floats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ascua.ir import Graph, Tensor
from ascua.ops import Weighted
from ascua.passes.channels import drop_channels
from ascua.passes.cutting import Former, Origins
from ascua.passes.dead import drop_dead
from ascua.passes.duplicates import merge_channels
from ascua.passes.saving import Saving
from ascua.passes.unsigned import is_uint8
from ascua.passes.views import drop_views

Pass: TypeAlias = Callable[[Graph], tuple[Graph, Origins, list[Saving]]]

PASSES: tuple[Pass, ...] = (drop_channels, merge_channels, drop_views)
"""Each answers a smaller graph, what each activation was in the one before, and what went."""

MOST_ROUNDS = 20
"""Each takes something out; nothing has needed more than four."""


@dataclass(frozen=True, eq=False)
class Optimized:
    """A network that gives the same outputs with less."""

    graph: Graph
    origins: Mapping[Tensor, Former]
    """Of each activation, what it was in the graph before: all of a tensor, or some channels."""
    savings: tuple[Saving, ...]


def optimize(graph: Graph, passes: tuple[Pass, ...] | None = None) -> Optimized:
    """The smaller network of a graph that `passes.prepare` made."""
    origins: dict[Tensor, Former] = {t: Former(t) for t in graph.tensors() if not t.const}
    savings: list[Saving] = []
    if not is_uint8(graph) and not graph.tolerance:
        for _ in range(MOST_ROUNDS):
            before = graph
            for one in PASSES if passes is None else passes:
                made, new, found = one(graph)
                if made is not graph:
                    origins = {t: o.behind(origins[o.tensor]) for t, o in new.items()}
                    savings += found
                    graph = made
            if graph is before:
                break
            graph = drop_dead(graph)
    there = set(graph.tensors())
    kept = {t: o for t, o in origins.items() if t in there}
    return Optimized(graph, kept, tuple(savings))


def weights(graph: Graph) -> int:
    """How many weights the operators of a graph have; biases are none."""
    found = {op.w: op.w.size for op in graph.ops if isinstance(op, Weighted)}
    return sum(found.values())
