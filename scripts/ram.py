"""Plans networks for the least RAM, beside the floor, and runs them: results/ram.jsonl.

Public files of MODELS, and two networks of the zoo with random weights, on a Cortex-M3 and a
Cortex-M4. What the results hold is not measured again.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ascua import boards, measure, results
from ascua.boards import Board
from ascua.errors import DoesNotFit, InputError
from ascua.model import Model, load_model
from ascua.plan import BALANCED, Goal, Plan, goal_named
from ascua.results import RamResult
from ascua.run.provenance import source_tree
from ascua.samples import sample_vectors
from tests.support.least_ram import floor
from tests.support.zoo_files import int8_file

ROOT = Path(__file__).parents[1]
BOARDS = ("lm3s6965evb", "mps2-an386")
GOAL = "ram"
BY_ROWS = "by_rows"
"""The field of `Goal` for an input that comes row by row."""


@dataclass(frozen=True)
class RamCase:
    """A network, and how its input comes; one that is `made` here is none of the public files."""

    name: str
    input: Literal["whole", "rows"] = "whole"
    made: bool = False


CASES = (
    *(
        RamCase(name)
        for name in (
            "ic", "kws", "vww", "ad", "seed", "person_detect", "mlperf_ic_resnet_large_int8",
        )
    ),
    RamCase("ic", "rows"),
    RamCase("vww", "rows"),
    RamCase("mobilenet_v2_0.35_144_vww", "rows", made=True),
    RamCase("mcunet_v2_vww_80", "rows", made=True),
)  # fmt: skip


def wanted(case: RamCase) -> Goal | None:
    """The goal of the least RAM for a case; None while there is none."""
    try:
        goal = goal_named(GOAL)
        fields: dict[str, Any] = {BY_ROWS: True} if case.input == "rows" else {}
        return replace(goal, **fields)
    except (InputError, TypeError):
        return None


def network(case: RamCase, models: Path, build: Path) -> Model:
    """The network of a case; of random weights all channels, as chance left none to spare."""
    path = int8_file(case.name, build) if case.made else models / f"{case.name}.tflite"
    return load_model(path, smaller=not case.made)


def counted(model: Model, planned: Plan, build: Path) -> measure.Measurement | None:
    """What a run of `planned` takes; None where its board has too little memory."""
    try:
        run = measure.run_model(model, planned, sample_vectors(model.original, 1), build=build)
    except DoesNotFit:
        return None
    if run.measurement.mismatched_bytes:
        raise SystemExit(f"{model.path}: {run.measurement.mismatched_bytes} bytes differ")
    return run.measurement


def row(case: RamCase, model: Model, board: Board, goal: Goal, key: str, build: Path) -> RamResult:
    """The line of a case on a board."""
    balanced, planned = model.plan(board, BALANCED), model.plan(board, goal)
    before, now = (counted(model, p, build) for p in (balanced, planned))
    commit, clean = source_tree()
    return RamResult(
        model=case.name, model_sha256=model.sha256, key=key, commit=commit, clean=clean,
        board=board.name, input=case.input, whole_tensors=balanced.arena.whole_tensors,
        floor=floor(model.graph, by_rows=case.input == "rows").bytes,
        balanced_bytes=balanced.arena.bytes,
        arena_bytes=planned.arena.bytes, bound_bytes=planned.arena.bound,
        balanced_instructions=_instructions(before), instructions=_instructions(now),
        stack_bytes=None if now is None else now.ram.stack,
    )  # fmt: skip


def _instructions(found: measure.Measurement | None) -> int | None:
    return None if found is None or found.instructions is None else round(found.instructions)


def key_of(case: RamCase, board: str, content: bytes) -> str:
    """The hash of all that a measurement reads."""
    commit, _ = source_tree()
    return hashlib.sha256(f"{commit} {board} {GOAL} {case.input}".encode() + content).hexdigest()


def waiting(models: Path, build: Path, folder: Path) -> Iterator[tuple[RamCase, Model, Board, str]]:
    """The cases that the results do not hold yet, a board each."""
    _, clean = source_tree()
    for case in CASES:
        model = network(case, models, build)
        for board in BOARDS:
            key = key_of(case, board, model.path.read_bytes())
            if results.known(results.ram(folder), key, clean=clean) is None:
                yield case, model, boards.load(board), key


def main() -> None:
    """Measure what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, metavar="MODELS")
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="a folder")
    asked = parser.parse_args()
    for case, model, board, key in waiting(asked.models, asked.build, asked.results):
        goal = wanted(case)
        if goal is None:
            least = floor(model.graph, by_rows=case.input == "rows").bytes
            arena = model.plan(board, BALANCED).arena
            print(
                f"{case.name} (input {case.input}) on {board.name}: floor {least:,}, whole tensors"
                f" {arena.whole_tensors:,}, balanced {arena.bytes:,};"
                f" goal {GOAL!r} is not there yet."
            )
            continue
        found = row(case, model, board, goal, key, asked.build / board.name)
        print(results.append(asked.results, found)[0].line(), flush=True)


if __name__ == "__main__":
    main()
