"""Estimates time and energy of MLPerf Tiny's networks on chips: results/estimates.jsonl.

Each network of MODELS that results/energy.jsonl has measurements of, on each board whose energy a
source tells, for two goals. What the results hold is not counted again.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from ascua import boards, measure, results
from ascua.boards import Board
from ascua.estimate import Estimate
from ascua.model import Model, load_model
from ascua.plan import Goal, goal_named
from ascua.results import EstimatedEnergy
from ascua.run.provenance import source_tree
from ascua.samples import sample_vectors

ROOT = Path(__file__).parents[1]
GOALS = ("balanced", "speed")


def with_energy() -> list[Board]:
    """The boards whose energy of a cycle is public."""
    found = [boards.load(name) for name in boards.names("c")]
    return [b for b in found if b.energy is not None]


def row(model: Model, board: Board, goal: Goal, key: str, build: Path) -> EstimatedEnergy:
    """The line of a network on a board."""
    planned = model.plan(board, goal)
    done = measure.run_model(model, planned, sample_vectors(model.original, 1), build=build)
    found = done.measurement
    assert isinstance(found.estimate, Estimate)
    assert found.estimate.uj is not None
    assert found.cycles is not None
    if found.mismatched_bytes:
        raise SystemExit(f"{model.path} on {board.name}: {found.mismatched_bytes} bytes differ")
    commit, clean = source_tree()
    return EstimatedEnergy(
        model=model.path.stem, model_sha256=model.sha256, board=board.name, goal=goal.kind,
        counted_on=found.counted_on or board.name, key=key, commit=commit, clean=clean,
        cycles=round(found.cycles.total.assumed), ms=round(found.estimate.ms.value, 3),
        ms_error=found.estimate.ms.error, uj=round(found.estimate.uj.value, 2),
        uj_error=found.estimate.uj.error,
    )  # fmt: skip


def main() -> None:
    """Estimate what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, metavar="MODELS")
    parser.add_argument("--build", type=Path, default=ROOT / "build/energy", help="a folder")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="a folder")
    asked = parser.parse_args()
    names = dict.fromkeys(m.model for m in results.energy(asked.results))
    for name in names:
        path = asked.models / f"{name}.tflite"
        model = load_model(path)
        for board in with_energy():
            for goal in map(goal_named, GOALS):
                commit, clean = source_tree()
                said = f"{commit} {board} {goal.kind}".encode() + path.read_bytes()
                key = hashlib.sha256(said).hexdigest()
                if results.known(results.estimates(asked.results), key, clean=clean) is None:
                    found = row(model, board, goal, key, asked.build)
                    print(results.append(asked.results, found)[0].line(), flush=True)


if __name__ == "__main__":
    main()
