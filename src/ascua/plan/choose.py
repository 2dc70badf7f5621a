"""Which kernel runs each operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ascua import kernels
from ascua.boards import Board
from ascua.errors import Unsupported
from ascua.ir import Graph, Op
from ascua.kernels import Kernel, Work
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


def choose(graph: Graph, board: Board, goal: Goal) -> list[Chosen]:
    """The best kernels for the operators of `graph`, in order; views need none.

    Raises Unsupported.
    """
    return [chosen(graph, op, board, goal) for op in graph.ops if not op.view]
