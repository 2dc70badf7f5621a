"""Stages that do nothing but count, wait and fail, for studies without networks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from ascua.errors import DoesNotFit, InputError
from ascua.study import Cell, Failure, InProcess, Stage, Work, pure, stage
from ascua.study.stage import Values
from ascua.study.worker import Job, carry_out


@pure(1)
def add(work: Work, *, amount: int, seconds: float, log: str) -> Values:
    """The sum of `amount` and of the numbers in the files of all inputs.

    It waits and then says that it was here, a line in the file `log`; it is written in two halves,
    with a pause in between, that a killed process leaves.
    """
    total = amount + sum(int((p / "sum.txt").read_text()) for p in work.inputs.values())
    text = f"{total:012d}"
    (work.out / "sum.txt").write_text(text[:6])
    time.sleep(seconds)
    (work.out / "sum.txt").write_text(text)
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()} {amount}\n")
    return {"total": total}


@pure(1)
def parity(work: Work, *, log: str) -> Values:
    """Whether the number of its input is even: inputs that differ may give the same."""
    total = int((work.inputs["of"] / "sum.txt").read_text())
    (work.out / "parity.txt").write_text(str(total % 2))
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()} parity\n")
    return {"odd": total % 2}


@pure(1)
def use(work: Work, *, log: str) -> Values:
    """Reads a parity."""
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()} use\n")
    return {"odd": int((work.inputs["of"] / "parity.txt").read_text())}


@pure(1)
def fail(work: Work, *, how: str) -> Values:
    """Fails: for good, for now, by a fault of ours, or by dying."""
    match how:
        case "for good":
            raise DoesNotFit(f"{work.folder}/inputs/x needs 3 bytes, and there are 2.", ["Less."])
        case "for now":
            raise InputError("The data are not there.", ["Bring them."])
        case "fault":
            raise ValueError("a fault of ours")
        case _:
            os.kill(os.getpid(), 9)
    return {}


@pure(1)
def spin(work: Work, *, n: int, cpu: float) -> Values:
    """Computes for so many seconds of a core's time."""
    begin = time.process_time()
    while time.process_time() - begin < cpu:
        pass
    (work.out / "n.txt").write_text(str(n))
    return {"n": n}


def chain(log: Path, cells: int, *, seconds: float = 0.0, depth: int = 3) -> list[Cell]:
    """Cells of `depth` stages each, of which the first one is shared by two cells."""
    found = []
    for i in range(cells):
        of: Stage | None = None
        for level in range(depth):
            amount = 10 ** min(level, 8) * (1 + (i // 2 if level == 0 else i))
            settings = {"amount": amount, "seconds": seconds, "log": str(log)}
            of = stage(add, settings) if of is None else stage(add, settings, of=of)
        assert of is not None
        found.append(Cell(f"cell{i}", {"i": i}, {"sum": of}))
    return found


def total(i: int, depth: int = 3) -> int:
    """What the stages of cell `i` of `chain` sum up to."""
    return sum(10 ** min(k, 8) * (1 + (i // 2 if k == 0 else i)) for k in range(depth))


class Here(InProcess):
    """An engine in this process that remembers its jobs."""

    def __init__(self, carry: Callable[[Job], Failure | None] = carry_out) -> None:
        self._carry = carry
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> Future[Failure | None]:
        self.jobs.append(job)
        future: Future[Failure | None] = Future()
        future.set_result(self._carry(job))
        return future
