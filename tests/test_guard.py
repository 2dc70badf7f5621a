"""Every plan finds what it reads: executed byte by byte, what is used up spoilt at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import pytest

from ascua import boards
from ascua.errors import InputError
from ascua.ir import Graph
from ascua.model import load_model
from ascua.passes import prepare
from ascua.plan import GOALS, Goal, Plan, goal_named, plan
from tests.fuzz.networks import networks
from tests.support import featured
from tests.support.command import MODELS
from tests.support.examples import ALL, UINT8, small
from tests.support.guard import walk
from tests.support.random_nets import random_net
from tests.support.row_nets import inverted, row_net
from tests.support.states import STATEFUL
from tests.test_real_models import COVERED
from tests.test_real_models import UINT8 as LARGE

BOARDS = [boards.load(name) for name in ("lm3s6965evb", "mps3-an547", "mps2-an386", "host")]
QUICK = [replace(g, seconds=0.3) for g in GOALS]
BY_ROWS = [replace(g, by_rows=True) for g in QUICK if g.kind == "ram"]
PATCHED = [replace(g, patch=factor) for g in BY_ROWS for factor in (1.1, 1.5)]


def walked(graph: Graph, board: boards.Board, goals: Iterable[Goal] = GOALS) -> list[Plan]:
    """The plan of each goal, executed."""
    found = [plan(graph, board, goal) for goal in goals]
    for p in found:
        walk(p)
    return found


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.name)
def test_examples(board: boards.Board) -> None:
    graphs = [g for several in ALL.values() for g in several]
    for graph in (*graphs, *UINT8.values(), small(), *STATEFUL.values()):
        walked(prepare(graph), board)


LONG = ("mlperf_ic_resnet_large_int8", "person_detect")
"""Those that are walked longest."""


def real(name: str, board: boards.Board, goals: Iterable[Goal]) -> None:
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip("../shared/models is absent")
    walked(prepare(load_model(path).graph), board, goals)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in COVERED],
)
def test_real_models(name: str) -> None:
    real(name, BOARDS[0], [goal_named("ram"), goal_named("balanced")])


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.name)
@pytest.mark.parametrize("name", [*COVERED, LARGE])
def test_real_models_on_all_boards(name: str, board: boards.Board) -> None:
    real(name, board, GOALS)


def row_nets(seeds: Iterable[int]) -> int:
    """How many plans of these networks are loops, of the goals in turn."""
    looped = 0
    for seed in seeds:
        board = BOARDS[seed % len(BOARDS)]
        graph = prepare(row_net(seed))
        for p in walked(graph, board, QUICK):
            looped += any(s.looped for s in p.steps)
        with suppress(InputError):  # the first operator needs all of it, or there are several
            walked(graph, board, [*BY_ROWS, *PATCHED])
    return looped


def test_networks_for_rows() -> None:
    assert row_nets(range(30)) > 15


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.name)
def test_rows_that_are_made_again(board: boards.Board) -> None:
    # Kernels by vectors cost so much less that none which wants less memory is taken for them.
    board = featured(board, board.core.features - {"vectors"})
    plans = [
        p
        for size, k in ((24, 3), (24, 5), (32, 5), (20, 7))
        for p in walked(prepare(inverted(size, 4, k)), board, PATCHED)
    ]
    assert any(c.again for p in plans for c in p.calls)


@pytest.mark.slow
def test_many_networks_for_rows() -> None:
    assert row_nets(range(10_000, 12_000)) > 1500


def fuzzed(first: int, count: int) -> None:
    for n in networks(first, count):
        walked(prepare(n.graph), BOARDS[n.seed % len(BOARDS)], QUICK)


def test_networks_of_any_operators() -> None:
    fuzzed(0, 15)


@pytest.mark.slow
def test_many_networks_of_any_operators() -> None:
    fuzzed(10_000, 2000)


@pytest.mark.parametrize("seed", range(4))
def test_networks_as_people_draw_them(seed: int) -> None:
    walked(prepare(random_net(seed)), BOARDS[seed % len(BOARDS)], QUICK)


@pytest.mark.slow
def test_many_networks_as_people_draw_them() -> None:
    for seed in range(100, 300):
        walked(prepare(random_net(seed)), BOARDS[seed % len(BOARDS)])
