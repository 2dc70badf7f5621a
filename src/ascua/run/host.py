"""Runs a network as a process of this computer, with sanitizers on request."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ascua.artifact import Library
from ascua.boards import Board
from ascua.run import build, parts, tools
from ascua.run.child import Child
from ascua.run.outcome import Outcome


def run(
    board: Board,
    library: Library,
    inputs: bytes,
    samples: int,
    *,
    build_dir: Path,
    states: bytes | None = None,
    sanitize: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stall_seconds: float = 120.0,
) -> Outcome:
    """As `ascua.run.run`; counts nothing."""
    parts.check_inputs(library, inputs, samples, states)
    elf = build.firmware(board, library, build_dir, sanitize=sanitize)
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"} if sanitize else None
    begin = time.monotonic()
    with parts.folders(library, inputs, samples, states, build_dir) as folders:
        children = [Child((str(elf.path.resolve()),), f, environment) for f in folders]
        outputs, _ = parts.run_parts(
            board, library, elf, children, samples, stall_seconds, progress
        )
        left = parts.left(library, folders)
    return Outcome(
        outputs=outputs,
        states=left,
        stack_bytes=None,
        instructions=None,
        step_instructions=None,
        glue_instructions=None,
        resolution=None,
        counter="none",
        sizes=None,
        tools=tools.versions(board),
        seconds=time.monotonic() - begin,
    )


def reads(board: Board, library: Library, build_dir: Path) -> list[object]:  # noqa: ARG001
    """What a run reads beside its samples: the program."""
    return build.reads(board, library)
