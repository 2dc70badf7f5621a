"""Who computes the outputs of a network: reference, boards and oracles, behind one door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ascua.ir import Array, Graph
from ascua.run import Outcome

Progress = Callable[[int, int], None]
"""Hears how many samples are done, and of how many."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What an executor answers: an array (n, *shape) a graph output, and what it has counted.

    `states` are what the last run left, (1, *shape) each; None where the executor cannot tell.
    """

    outputs: list[Array]
    states: tuple[Array, ...] | None = None
    outcome: Outcome | None = None


class Executor(Protocol):
    """Runs graphs on samples; where a graph has states, the samples are one sequence.

    It begins with the graph's first values, or with the `states` that an earlier answer ended with.
    """

    @property
    def name(self) -> str:
        """What it is called in tables."""

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """The outputs of `graph` for samples `xs` (n, *shape) an input.

        Raises DoesNotFit, ToolMissing, ToolFailed or Unsupported.
        """
