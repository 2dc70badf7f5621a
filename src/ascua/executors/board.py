"""A board, emulated or this computer: the network as what its target makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ascua import targets
from ascua.artifact import Artifact
from ascua.boards import Board
from ascua.executors import Answer, Progress
from ascua.ir import Array, Graph
from ascua.plan import Plan, check_fit
from ascua.run import run
from ascua.samples import pack, pack_states, unpack, unpack_states


@dataclass(frozen=True, eq=False)
class OnBoard:
    """Runs by a plan of a whole graph; parts of it are planned alike.

    Firmware is built in `build`, where what was built before is found again; `library` is the
    prefix of its symbols.
    """

    whole: Plan
    build: Path
    library: str = "net"
    sanitize: bool = False

    @property
    def name(self) -> str:
        """The board's."""
        return self.whole.board.name

    def run(
        self,
        graph: Graph,
        xs: Sequence[Array],
        states: Sequence[Array] | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """As `Executor.run`, with what the board counts."""
        board = self.whole.board
        target = targets.of(board)
        same = graph is self.whole.graph
        goal = self.whole.goal if same else replace(self.whole.goal, placements=())
        planned = self.whole if same else target.lower(graph, board, goal)
        check_fit(planned)
        artifact = target.emit(planned, self.library)
        return run_artifact(
            artifact, board, self.build, xs, states, sanitize=self.sanitize, progress=progress
        )


def run_artifact(
    artifact: Artifact,
    board: Board,
    build: Path,
    xs: Sequence[Array],
    states: Sequence[Array] | None = None,
    *,
    sanitize: bool = False,
    progress: Progress | None = None,
) -> Answer:
    """As `Executor.run`, of what a target made before, on a board that runs such."""
    outcome = run(
        board,
        artifact,
        pack(xs),
        len(xs[0]),
        build_dir=build,
        states=None if states is None else pack_states(states, artifact.states),
        sanitize=sanitize,
        progress=progress,
    )
    left = None if outcome.states is None else unpack_states(outcome.states, artifact.states)
    return Answer(unpack(outcome.outputs, artifact, len(xs[0])), left, outcome)
