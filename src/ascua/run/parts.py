"""Splits the samples of a run over processes, and puts the outputs together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ascua.artifact import Library
from ascua.boards import Board
from ascua.errors import InputError
from ascua.files import scratch
from ascua.run import report
from ascua.run.child import Child, cores, run_all
from ascua.run.elf import Elf
from ascua.run.report import Report

SAMPLES_A_PROCESS = 64
"""Fewer samples are not worth another process."""

STATES = "states.bin"
"""What the harness begins from and leaves behind, of a network with states."""


def check_inputs(library: Library, inputs: bytes, samples: int, states: bytes | None) -> None:
    """Raises InputError unless `inputs` has exactly `samples` samples, at least one.

    And unless `states` are those of the library.
    """
    if states is not None and len(states) != library.state_bytes:
        raise InputError(
            f"{library.name}: {len(states):,} bytes are not its states:"
            f" these take {library.state_bytes:,}."
        )
    each = library.input_bytes
    if samples < 1 or len(inputs) != samples * each:
        raise InputError(
            f"{library.name}: {len(inputs):,} bytes of input are not "
            f"{samples:,} samples of {each:,} bytes."
        )


@contextmanager
def folders(
    library: Library, inputs: bytes, samples: int, states: bytes | None, build_dir: Path
) -> Iterator[list[Path]]:
    """Temporary folders, each with its part of the samples as input.bin, in order.

    As many as there are cores, or one where each run goes on from the one before, the first one
    from `states`.
    """
    each = library.input_bytes
    most = 1 if library.states else cores()
    count = max(1, min(most, samples // SAMPLES_A_PROCESS))
    ends = [samples * i // count * each for i in range(count + 1)]
    build_dir.mkdir(parents=True, exist_ok=True)
    with scratch.temporary(build_dir, scratch.RUNNING) as temporary:
        parts = []
        for i in range(count):
            folder = temporary / str(i)
            folder.mkdir()
            (folder / "input.bin").write_bytes(memoryview(inputs)[ends[i] : ends[i + 1]])
            if states is not None:
                (folder / STATES).write_bytes(states)
            parts.append(folder)
        yield parts


def left(library: Library, folders: list[Path]) -> bytes | None:
    """The states that the last run left, of a network that keeps any."""
    return (folders[-1] / STATES).read_bytes() if library.states else None


def run_parts(
    board: Board,
    library: Library,
    elf: Elf,
    children: list[Child],
    samples: int,
    stall_seconds: float,
    progress: Callable[[int, int], None] | None,
) -> tuple[bytes, list[Report]]:
    """The outputs of all parts in order, and their reports.

    Raises DoesNotFit for a stack overflow and ToolFailed for every other end but a good one.
    """
    each = library.output_bytes

    def written(count: int) -> None:
        if progress:
            progress(count // each, samples)

    statuses = run_all(children, board.name, stall_seconds, written)
    reports = [report.read(c.folder / "report.bin") for c in children]
    for child, status, told in zip(children, statuses, reports, strict=True):
        if status:
            raise report.failure(board, elf, status, told, child.said())
    made = [c.folder / "output.bin" for c in children]
    outputs = b"".join(path.read_bytes() for path in made if path.is_file())
    good = [r for r in reports if r is not None]
    if len(good) != len(children) or len(outputs) != samples * each:
        raise report.failure(board, elf, 0, None, children[0].said())
    return outputs, good
