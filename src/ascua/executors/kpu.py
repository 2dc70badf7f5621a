"""What runs kmodels: the simulated K210, and Ascua's runtime in C with a KPU in C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from ascua import kmodel
from ascua.boards import Board
from ascua.executors import Answer, Progress
from ascua.executors.board import run_artifact
from ascua.ir import Array
from ascua.kmodel import Kmodel
from ascua.kpu import Rounding, Simulator
from ascua.targets.k210.library import library

NAME = "net"
"""The prefix of what is counted."""


class RunsKmodels(Protocol):
    """Runs kmodels, and may count."""

    @property
    def name(self) -> str:
        """What it is called."""

    def run(
        self, model: Kmodel, xs: Sequence[Array], *, progress: Progress | None = None
    ) -> Answer:
        """The outputs (n, elements) for samples `xs`, (n, h, w, c) or (n, 1, h, w, c) an input."""


@dataclass(frozen=True)
class Kpu:
    """Runs kmodels; `rounding` and `fused` are those of `kpu.Simulator`."""

    rounding: Rounding | None = None
    fused: bool = False

    name: ClassVar[str] = "kpu"

    def run(
        self,
        model: Kmodel,
        xs: Sequence[Array],
        *,
        progress: Progress | None = None,
    ) -> Answer:
        """The outputs (n, elements) for samples `xs`, (n, h, w, c) or (n, 1, h, w, c) an input.

        Raises Unsupported for a layer that no runtime executes, InputError for other shapes.
        """
        simulator = Simulator(model, rounding=self.rounding, fused=self.fused)
        return Answer(simulator.run(_images(xs), progress))


@dataclass(frozen=True)
class Runtime:
    """Runs kmodels by the runtime in C on a board that is emulated, or on this computer.

    What is compiled is kept in `build`.
    """

    board: Board
    build: Path
    sanitize: bool = False

    @property
    def name(self) -> str:
        """The board's."""
        return self.board.name

    def run(
        self,
        model: Kmodel,
        xs: Sequence[Array],
        *,
        progress: Progress | None = None,
    ) -> Answer:
        """As `Kpu.run`, with what the board counts: a step a layer, between input and KPU.

        Raises also what `ascua.run.run` does.
        """
        simulator = Simulator(model)  # it knows what cannot be run, and what samples are wrong
        images = _images(xs)
        simulator.check(images)
        made = library(model, kmodel.write(model), NAME, self.board)
        answer = run_artifact(
            made, self.board, self.build, images, sanitize=self.sanitize, progress=progress
        )
        outputs = [y.reshape(len(y), -1) for y in answer.outputs]
        return Answer(outputs, None, answer.outcome)


def _images(xs: Sequence[Array]) -> list[Array]:
    return [x[:, 0] if x.ndim == 5 and x.shape[1] == 1 else x for x in xs]
