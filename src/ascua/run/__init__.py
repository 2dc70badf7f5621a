"""Compiles a network's C library with the harness, runs it on a board, and measures it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ascua.boards import Board
from ascua.errors import InputError
from ascua.files import scratch
from ascua.library import Library
from ascua.run import host, qemu
from ascua.run.build import sizes
from ascua.run.outcome import Outcome, Region, Sizes
from ascua.run.tools import ToolStatus, board_ready, doctor

__all__ = ["Outcome", "Region", "Sizes", "ToolStatus", "board_ready", "doctor", "run", "sizes"]


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
    if board.runner == "host":
        return host.run(
            board,
            library,
            inputs,
            samples,
            build_dir=build_dir,
            sanitize=sanitize,
            progress=progress,
            stall_seconds=stall_seconds,
        )
    if sanitize:
        raise InputError(f"{board.name}: sanitizers are for the board `host` only.")
    if board.runner in ("qemu", "qemu-user"):
        return qemu.run(
            board,
            library,
            inputs,
            samples,
            build_dir=build_dir,
            progress=progress,
            stall_seconds=stall_seconds,
        )
    raise InputError(
        f"{board.name}: boards behind a serial port cannot be run yet.",
        ["Choose an emulated board."],
    )
