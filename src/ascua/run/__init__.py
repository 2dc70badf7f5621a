"""Runs what a target made of a network on a board, and measures it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ascua.artifact import Artifact, Library
from ascua.boards import Board
from ascua.errors import InputError
from ascua.files import scratch
from ascua.run import host, qemu
from ascua.run.build import sizes
from ascua.run.outcome import Cycles, Outcome, Region, Sizes
from ascua.run.tools import ToolStatus, board_ready, doctor

__all__ = [
    "Cycles",
    "Outcome",
    "Region",
    "Sizes",
    "ToolStatus",
    "board_ready",
    "doctor",
    "key",
    "run",
    "sizes",
]


@dataclass(frozen=True)
class Runner:
    """What runs an artifact `takes`; `run` is called as `run` below.

    `reads(board, artifact, build_dir)` answers all that a run depends on beside its samples.
    """

    takes: type[Artifact]
    run: Callable[..., Outcome]
    reads: Callable[..., list[object]]


_QEMU = Runner(Library, qemu.run, qemu.reads)
RUNNERS: Mapping[str, Runner] = {
    "host": Runner(Library, host.run, host.reads),
    "qemu": _QEMU,
    "qemu-user": _QEMU,
}
"""By the name that boards state."""


def key(board: Board, artifact: Artifact, inputs: bytes, samples: int, build_dir: Path) -> str:
    """The SHA-256 of all that `run` reads for the same arguments, and of the board's name and core.

    Raises InputError or ToolMissing.
    """
    read = _runner(board, artifact).reads(board, artifact, build_dir)
    given = [samples, hashlib.sha256(inputs).hexdigest()]
    tensors = [(t.shape, t.dtype) for t in (*artifact.inputs, *artifact.outputs)]
    text = json.dumps([board.name, board.core.name, read, tensors, given])
    return hashlib.sha256(text.encode()).hexdigest()


def _runner(board: Board, artifact: Artifact) -> Runner:
    """What runs `artifact` on `board`. Raises InputError."""
    compiles = isinstance(artifact, Library)
    if board.runner is None or (compiles and board.cc is None):
        absent = "compiler (cc)" if compiles and board.cc is None else "runner"
        raise InputError(
            f"{board.name}: its file names no {absent}: it can be asked, and not run.",
            [
                *([f"`{board.counts_on}` counts for it."] if board.counts_on else ()),
                "`ascua analyze` and `ascua compile` take it.",
                "Choose another: `ascua boards`.",
            ],
        )
    if board.runner not in RUNNERS:
        raise InputError(
            f"{board.name}: boards behind a serial port cannot be run yet.",
            ["Choose an emulated board."],
        )
    runner = RUNNERS[board.runner]
    if not isinstance(artifact, runner.takes):
        raise InputError(
            f"{board.name}: its runner {board.runner!r} cannot run what its target"
            f" {board.target!r} makes.",
            ["Correct `runner` or `target` in the board's file."],
        )
    return runner


def run(
    board: Board,
    artifact: Artifact,
    inputs: bytes,
    samples: int,
    *,
    build_dir: Path,
    states: bytes | None = None,
    sanitize: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stall_seconds: float = 120.0,
) -> Outcome:
    """Run `samples` inferences on `board`.

    `inputs` has for each sample the input tensors, one after the other, as the network takes
    them; `Outcome.outputs` likewise. The first one begins with `states`, if there are any, as an
    earlier `Outcome.states` left them. What is compiled is kept in `build_dir`. `sanitize` (host
    only) compiles with address and undefined-behavior sanitizers. `progress` hears the number of
    samples done and of all. A run without a result for `stall_seconds` is stopped.

    Raises InputError, ToolMissing, ToolFailed (a compiler's errors, a crash of the firmware) or
    DoesNotFit.
    """
    build_dir = Path(
        os.path.realpath(build_dir)
    )  # compilers and emulators run in folders of their own
    scratch.sweep(build_dir, scratch.BUILDING, scratch.RUNNING)
    return _runner(board, artifact).run(
        board,
        artifact,
        inputs,
        samples,
        build_dir=build_dir,
        states=states,
        sanitize=sanitize,
        progress=progress,
        stall_seconds=stall_seconds,
    )
