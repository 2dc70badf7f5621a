"""Which kernel runs each operator, and which operators become one loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ascua import kernels
from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.ir import Graph, Op
from ascua.kernels.kernel import Kernel, Rows, Run, Work
from ascua.plan.goal import Goal


@dataclass(frozen=True, eq=False)
class Chosen:
    """An operator, the kernel that runs it, and the shape of that kernel's work."""

    op: Op
    kernel: Kernel[Any]
    work: Work


def chosen(graph: Graph, op: Op, board: Board, goal: Goal) -> Chosen:
    """The best kernel for `op`. Raises Unsupported where none runs it."""
    for kernel in kernels.of(type(op)):
        taken = kernel.needs <= board.core.features and kernel.name not in goal.avoid
        if taken and op.dtypes <= {*kernel.types} and kernel.fits(op):
            return Chosen(op, kernel, kernel.work(op))
    raise Unsupported(
        f"{graph.name}: no kernel of {op.tflite} runs '{op.name}' on {board.name}.",
        ["`ascua ops` lists the kernels and what they need."],
    )


def steps(graph: Graph, board: Board, goal: Goal) -> list[tuple[Chosen, ...]]:
    """The operators of `graph` in order, each a step; or two of them, where the goal wants loops.

    Raises Unsupported.
    """
    found: list[tuple[Chosen, ...]] = []
    for op in graph.ops:
        if op.view:
            continue
        second = chosen(graph, op, board, goal)
        if goal.row_loops and found and _passes_rows(graph, found[-1], second):
            found[-1] = (*found[-1], second)
        else:
            found.append((second,))
    return found


def _passes_rows(graph: Graph, step: Sequence[Chosen], second: Chosen) -> bool:
    """Whether `second` can take each row of what `step` makes, and nobody else needs it."""
    first = step[-1]
    y = first.op.y
    return (
        isinstance(step[0].work, Rows)
        and isinstance(second.work, Run)
        and len(first.op.outputs) == 1
        and graph.readers[y] == (second.op,)
        and y not in graph.left
        and y.shape == second.op.y.shape
    )
