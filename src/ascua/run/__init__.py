"""Compiles a network's C library with the harness, runs it on a board, and measures it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ascua.boards import Board
from ascua.errors import InputError
from ascua.files import scratch
from ascua.library import Library
from ascua.run import build, host, qemu, tools
from ascua.run.build import sizes
from ascua.run.outcome import Outcome, Region, Sizes
from ascua.run.tools import ToolStatus, board_ready, doctor

__all__ = [
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


RUNNERS: Mapping[str, Callable[..., Outcome]] = {
    "host": host.run,
    "qemu": qemu.run,
    "qemu-user": qemu.run,
}
"""What starts the program, by the name that boards state; each takes what `run` takes."""


def key(board: Board, library: Library, inputs: bytes, samples: int, build_dir: Path) -> str:
    """The SHA-256 of all that `run` reads for the same arguments, and of the board's name and core.

    That are the program and the empty one that sizes are taken against, each with its flags,
    compiler and harness; the emulator, what counts, and the samples. Raises ToolMissing.
    """
    tools.require(board)
    programs = [build.key(board, library), build.key(board, build.empty())]
    how = qemu.reads(board, build_dir) if board.emulator else []
    steps = [library.input_bytes, library.output_bytes, library.arena_bytes, library.steps]
    given = [samples, hashlib.sha256(inputs).hexdigest()]
    text = json.dumps(
        [board.name, board.core.name, programs, how, steps, library.state_bytes, given]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def run(
    board: Board,
    library: Library,
    inputs: bytes,
    samples: int,
    *,
    build_dir: Path,
    sanitize: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stall_seconds: float = 120.0,
) -> Outcome:
    """Run `samples` inferences on `board`.

    `inputs` has for each sample the input tensors, one after the other, as the network takes
    them; `Outcome.outputs` likewise. What is compiled is kept in `build_dir`. `sanitize` (host
    only) compiles with address and undefined-behavior sanitizers. `progress` hears the number of
    samples done and of all. A run without a result for `stall_seconds` is stopped.

    Raises InputError, ToolMissing, ToolFailed (a compiler's errors, a crash of the firmware) or
    DoesNotFit.
    """
    build_dir = build_dir.resolve()  # compilers and emulators run in folders of their own
    scratch.sweep(build_dir, scratch.BUILDING, scratch.RUNNING)
    if board.runner is None or board.cc is None:
        absent = "runner" if board.cc else "compiler (cc)"
        raise InputError(
            f"{board.name}: its file names no {absent}: it can be asked, and not run.",
            ["`ascua analyze` and `ascua compile` take it.", "Choose another: `ascua boards`."],
        )
    if board.runner not in RUNNERS:
        raise InputError(
            f"{board.name}: boards behind a serial port cannot be run yet.",
            ["Choose an emulated board."],
        )
    return RUNNERS[board.runner](
        board,
        library,
        inputs,
        samples,
        build_dir=build_dir,
        sanitize=sanitize,
        progress=progress,
        stall_seconds=stall_seconds,
    )
