"""Random networks with residuals, concat, strides and kernels to 7: tflite-micro's bytes by rows.

`ASCUA_FUZZ_SEED` and `ASCUA_FUZZ_COUNT` choose what the slow test runs; it goes on where it was
stopped, as build/row_nets.jsonl has it of the same sources.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ascua import boards, tflite
from ascua.boards import Board
from ascua.passes import prepare
from ascua.plan import Goal, goal_named, plan
from tests.fuzz import oracle
from tests.support import samples, untimed
from tests.support.guard import walk
from tests.support.joined_plans import Case, differing
from tests.support.row_nets import row_net
from tests.support.tools import require_board

KINDS = ("ram", "balanced", "ram", "size", "ram", "speed")
"""The goals, in turn; most plans are to be by rows."""
PATCHED, PATCH = 2, 1.3
"""Which of them may make rows again, and how many times the multiply-accumulates it may take."""
COPIES = 5
"""One network in so many has kernels of its own: those of several are compiled sooner."""
SECONDS = 0.5
CI, TOGETHER = 60, 60
SLOW_FIRST, SLOW = 300_000, 2000
PLACES = ("host", "microbit", "lm3s6965evb", "mps2-an386", "mps3-an547")
ROOT = Path(__file__).parents[1]
LOG = ROOT / "build/row_nets.jsonl"


def goal(seed: int) -> Goal:
    """A network's."""
    inline = None if seed % COPIES == 0 else False
    found = replace(goal_named(KINDS[seed % len(KINDS)]), inline=inline, seconds=SECONDS)
    return replace(found, patch=PATCH) if seed % len(KINDS) == PATCHED else found


def cases(seeds: Iterable[int], planned_for: Iterable[Board]) -> list[Case]:
    """The networks of `seeds`, planned for these boards in turn, and what tflite-micro answers."""
    models = {seed: tflite.write(row_net(seed, prefix=f"n{seed}_")) for seed in seeds}
    graphs = [tflite.read(m, f"seed {seed}") for seed, m in models.items()]
    xs = [samples(g, 2, seed=seed) for seed, g in zip(models, graphs, strict=True)]
    answers = oracle.outputs([*models.values()], xs)
    several, found = [*planned_for], []
    for seed, graph, x, expected in zip(models, graphs, xs, answers, strict=True):
        assert not isinstance(expected, str), f"seed {seed}: {expected}"
        p = plan(prepare(graph), several[seed // len(KINDS) % len(several)], goal(seed))
        walk(p)
        found.append(Case(p, x, expected))
    return found


def wrong(seeds: Iterable[int], place: str, folder: Path) -> list[str]:
    """What goes wrong on a board; on this computer, of what is planned for all others."""
    board = untimed(boards.load(place))
    others = [boards.load(name) for name in PLACES]
    found = cases(seeds, others if place == "host" else [board])
    return differing(found, board, folder)


@pytest.mark.emulator
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("place", ["host", "lm3s6965evb"])
def test_networks_by_rows(place: str, tmp_path: Path) -> None:
    require_board(boards.load(place))
    assert wrong(range(CI), place, tmp_path) == []


@pytest.mark.emulator
def test_rows_that_mve_found_wrongly(tmp_path: Path) -> None:
    """GCC 12 vectorised the loop over four rows, some of them padding, and took others."""
    require_board(boards.load("mps3-an547"))
    assert wrong([320577], "mps3-an547", tmp_path) == []


def sources() -> str:
    """Changes with any file of the package."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "src").rglob("*.*")):
        if path.suffix in (".py", ".h", ".json", ".toml", ".c", ".S", ".ld"):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.timeout(12 * 3600)
def test_many_networks_by_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = int(os.environ.get("ASCUA_FUZZ_SEED", SLOW_FIRST))
    count = int(os.environ.get("ASCUA_FUZZ_COUNT", SLOW))
    tree = sources()
    LOG.parent.mkdir(exist_ok=True)
    LOG.touch()
    lines = (json.loads(line) for line in LOG.read_text().splitlines())
    done = {(r["first"], r["count"], r["place"]) for r in lines if r["tree"] == tree}
    for name in PLACES:
        require_board(boards.load(name))
    for start in range(first, first + count, TOGETHER):
        n = min(TOGETHER, first + count - start)
        for place in PLACES:
            if (start, n, place) in done:
                continue
            found = wrong(range(start, start + n), place, tmp_path / "build")
            assert found == []
            shutil.rmtree(tmp_path / "build", ignore_errors=True)
            with LOG.open("a") as log:
                print(
                    json.dumps({"tree": tree, "first": start, "count": n, "place": place}), file=log
                )
        with capsys.disabled():
            print(f"\r{start + n - first} of {count} networks", end="", flush=True)
