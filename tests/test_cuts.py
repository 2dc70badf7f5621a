"""The search finds the least: another planner, which tries everything, finds the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from ascua import boards
from ascua.passes import prepare
from ascua.plan import goal_named, plan, stepping
from ascua.plan.choose import Chosen
from ascua.plan.cuts import Search
from ascua.plan.flow import align
from tests.support.exhaustive import Small, Way, Ways
from tests.support.row_nets import row_net

RAM = replace(goal_named("ram"), seconds=2)
BOARDS = [boards.load(name) for name in ("host", "lm3s6965evb", "mps2-an386", "mps3-an547")]
CI, SLOW = 60, 500


def way(c: Chosen) -> Way:
    return Way(c.op, c.kernel, c.work)


def compared(seeds: Iterable[int], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many of the networks have a least plan with a step of several operators."""
    made: list[Search] = []

    class Watched(Search):
        def least(self) -> int:
            made.append(self)
            return super().least()

    monkeypatch.setattr(stepping, "Search", Watched)
    looped = 0
    for seed in seeds:
        graph = prepare(row_net(seed, largest=8))
        p = plan(graph, BOARDS[seed % len(BOARDS)], RAM)
        search = made.pop()
        ways = [
            Ways([way(c) for c in w.alone], lean and way(lean))
            for w, lean in zip(search.ways, search.lean, strict=True)
        ]
        expected = Small(graph, ways).least()
        assert Search.least(search) == expected, f"seed {seed}"
        assert not search.exhausted
        assert align(expected) <= p.arena.bound, f"seed {seed}"
        if all(c.cost is None for c in p.calls):  # no cost keeps it from the least
            assert p.least == align(expected), f"seed {seed}"
        looped += any(s.looped for s in p.steps)
    return looped


def test_nothing_holds_less(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compared(range(CI), monkeypatch) > CI // 3


@pytest.mark.slow
def test_nothing_holds_less_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    compared(range(1000, 1000 + SLOW), monkeypatch)
