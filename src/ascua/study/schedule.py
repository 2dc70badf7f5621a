"""Carries out the stages of many cells, each stage once, as soon as what it reads is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ascua.errors import AscuaError
from ascua.study.cache import Cache, Failure, Outcome
from ascua.study.engine import Engine
from ascua.study.stage import Stage
from ascua.study.worker import Job


@dataclass(frozen=True)
class Cell:
    """One combination of what a study varies."""

    name: str
    axes: Mapping[str, Any]
    """What is varied, and how it is here."""
    stages: Mapping[str, Stage]
    """Those that tell something of it, by what they are for it; the last one comes last."""
    data_dir: Path | None = None

    @property
    def definition(self) -> str:
        """The hash of what was asked for: of its last stage, which reads all others."""
        return self.last.definition

    @property
    def last(self) -> Stage:
        """The one that reads what the others give."""
        return list(self.stages.values())[-1]


@dataclass(frozen=True)
class Ended:
    """A cell whose stages have all been carried out, or one of them cannot be."""

    cell: Cell
    outcomes: Mapping[str, Outcome]
    """By the names of the cell's stages, as far as there are some."""
    failure: Failure | None = None
    where: str = ""
    """The stage that failed: its function."""
    final: bool = True
    """Whether the failure is an outcome, that another try gives again."""


@dataclass(eq=False)
class _Node:
    """What is known of a stage."""

    stage: Stage
    data_dir: Path | None
    rank: tuple[int, int]
    """What is nearer to the end of an earlier cell goes first."""
    outcome: Outcome | None = None
    failure: Failure | None = None
    where: str = ""
    final: bool = True
    running: bool = False
    key: str | None = None
    """Once what it reads is known."""

    @property
    def ended(self) -> bool:
        return self.outcome is not None or self.failure is not None


@dataclass(frozen=True)
class Told:
    """What somebody who waits may hear."""

    stage: Stage
    done: int
    """Stages that are known by now."""
    total: int
    outcome: Outcome | None
    """None of one that failed, and of one that begins."""
    begins: bool = False


@dataclass(eq=False)
class _Graph:
    nodes: dict[str, _Node] = field(default_factory=dict)

    def add(self, stage: Stage, cell: int, depth: int, data_dir: Path | None) -> None:
        rank = (-depth, cell)
        node = self.nodes.get(stage.definition)
        if node is None:
            for _, before in stage.inputs:
                self.add(before, cell, depth - 1, data_dir)
            self.nodes[stage.definition] = _Node(stage, data_dir, rank)
        else:
            node.rank = min(node.rank, rank)

    def of(self, stage: Stage) -> _Node:
        return self.nodes[stage.definition]


def stages_of(cells: Sequence[Cell]) -> dict[str, Stage]:
    """All stages that the cells need, by definition: what comes first first."""
    return {name: node.stage for name, node in _graph(cells).nodes.items()}


def _graph(cells: Sequence[Cell]) -> _Graph:
    graph = _Graph()
    for i, cell in enumerate(cells):
        for stage in cell.stages.values():
            graph.add(stage, i, _depth(stage), cell.data_dir)
    return graph


def _depth(stage: Stage) -> int:
    return 1 + max((_depth(before) for _, before in stage.inputs), default=0)


def survey(cells: Sequence[Cell], cache: Cache, *, whole: bool = False) -> dict[str, Outcome]:
    """What the cache knows of the cells' stages, by definition; nothing is carried out.

    `whole`: raises AscuaError where a missing tool keeps it from knowing.
    """
    graph = _graph(cells)
    _settle(graph, cache, lambda _: None)
    if whole:
        for node in graph.nodes.values():
            if node.failure is not None and not node.final:
                raise AscuaError(node.failure.what, node.failure.things_to_try)
    return {name: n.outcome for name, n in graph.nodes.items() if n.outcome is not None}


def execute(
    cells: Sequence[Cell], cache: Cache, engine: Engine,
    tell: Callable[[Told], object] = lambda _: None,
) -> Iterator[Ended]:  # fmt: skip
    """The cells, each when it has ended; what the cache knows is not carried out again.

    Whoever stops asking stops the study; `engine` is not closed here.
    """
    cache.sweep()
    graph = _graph(cells)
    left = list(cells)
    running: dict[Future[Failure | None], _Node] = {}
    while True:
        _settle(graph, cache, tell)
        over = {id(c) for c in left if all(graph.of(s).ended for s in c.stages.values())}
        yield from (_ended(graph, cell) for cell in left if id(cell) in over)
        left = [c for c in left if id(c) not in over]
        if not left:
            return
        _begin(graph, cache, engine, running, tell)
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            _take(running.pop(future), future, cache, graph, tell)


def _settle(graph: _Graph, cache: Cache, tell: Callable[[Told], object]) -> None:
    """Enter what the cache knows, and what fails with what it reads."""
    for node in graph.nodes.values():
        if node.ended or node.key is not None:
            continue
        before = [graph.of(s) for _, s in node.stage.inputs]
        broken = next((b for b in before if b.failure is not None), None)
        if broken is not None:
            node.failure, node.where, node.final = broken.failure, broken.where, broken.final
            tell(_told(graph, node))
        elif all(b.outcome is not None for b in before):
            try:
                node.key = _key(graph, node.stage)
            except AscuaError as e:
                node.failure, node.where, node.final = Failure.of(e), node.stage.kind, False
                tell(_told(graph, node))
                continue
            _enter(node, cache.outcome(node.key))
            if node.ended:
                tell(_told(graph, node))


def _enter(node: _Node, outcome: Outcome | None) -> None:
    if outcome is None:
        return
    node.outcome = outcome
    if outcome.failure is not None:
        node.failure, node.where = outcome.failure, node.stage.kind


def _key(graph: _Graph, stage: Stage) -> str:
    digests = {}
    for name, before in stage.inputs:
        outcome = graph.of(before).outcome
        assert outcome is not None
        digests[name] = outcome.digest
    return stage.key(digests)


def _begin(
    graph: _Graph, cache: Cache, engine: Engine, running: dict[Future[Failure | None], _Node],
    tell: Callable[[Told], object],
) -> None:  # fmt: skip
    """Submit stages whose inputs are there, as many as the engine has room for."""
    for node in sorted(graph.nodes.values(), key=lambda n: n.rank):
        if len(running) >= engine.slots:
            return
        if node.ended or node.running or node.key is None:
            continue
        before = {name: graph.of(s).outcome for name, s in node.stage.inputs}
        node.running = True
        job = Job(
            node.stage.does, node.stage.told, node.key,
            {name: o.key for name, o in before.items() if o is not None},
            cache.address, tuple(map(str, cache.beside)), node.stage.paths,
            None if node.data_dir is None else str(node.data_dir),
        )  # fmt: skip
        tell(_told(graph, node, begins=True))
        running[engine.submit(job)] = node


def _take(
    node: _Node, future: Future[Failure | None], cache: Cache, graph: _Graph,
    tell: Callable[[Told], object],
) -> None:  # fmt: skip
    """Enter what came of a stage that ran."""
    node.running = False
    failure = future.result()
    assert node.key is not None
    if failure is None:
        _enter(node, cache.outcome(node.key))
        if not node.ended:
            failure = Failure("Lost", f"{cache.address}: it kept nothing of the stage")
    if failure is not None:
        node.failure, node.where, node.final = failure, node.stage.kind, False
    tell(_told(graph, node))


def _told(graph: _Graph, node: _Node, *, begins: bool = False) -> Told:
    done = sum(n.ended for n in graph.nodes.values())
    return Told(node.stage, done, len(graph.nodes), node.outcome, begins=begins)


def _ended(graph: _Graph, cell: Cell) -> Ended:
    nodes = {name: graph.of(s) for name, s in cell.stages.items()}
    outcomes = {name: n.outcome for name, n in nodes.items() if n.outcome is not None}
    broken = next((n for n in nodes.values() if n.failure is not None), None)
    if broken is None:
        return Ended(cell, outcomes)
    return Ended(cell, outcomes, broken.failure, broken.where, final=broken.final)
