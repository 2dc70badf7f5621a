"""A board, emulated or this computer: the network as firmware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ascua import targets
from ascua.executors import Answer, Progress
from ascua.ir import Array, Graph
from ascua.plan import Plan, check_fit
from ascua.run import Outcome, run
from ascua.samples import pack, unpack


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

    def run(self, graph: Graph, xs: Sequence[Array], progress: Progress | None = None) -> Answer:
        """As `Executor.run`, with what the board counts."""
        return Answer(*self.measured(graph, xs, progress))

    def measured(
        self, graph: Graph, xs: Sequence[Array], progress: Progress | None = None
    ) -> tuple[list[Array], Outcome]:
        """The outputs (n, *shape), and what the board counts."""
        board = self.whole.board
        target = targets.of(board)
        same = graph is self.whole.graph
        planned = self.whole if same else target.lower(graph, board, self.whole.goal)
        check_fit(planned)
        n = len(xs[0])
        outcome = run(
            board,
            target.emit(planned, self.library),
            pack(xs),
            n,
            build_dir=self.build,
            sanitize=self.sanitize,
            progress=progress,
        )
        return unpack(outcome.outputs, graph, n), outcome
