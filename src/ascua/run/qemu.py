"""Runs a network on a board that QEMU emulates, and counts its instructions."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ascua.boards import Board
from ascua.errors import ToolFailed
from ascua.library import Library
from ascua.run import build, parts, tools
from ascua.run.child import Child
from ascua.run.elf import Elf, Function
from ascua.run.outcome import Outcome
from ascua.run.report import Report

QUIET = ("-nodefaults", "-display", "none")
SEMIHOSTING = ("-semihosting-config", "enable=on,target=native")
TIMER = ("-icount", "shift=0")
"""A nanosecond of the board's time an instruction."""
HARNESS = "board_infer"
"""The function of the harness that calls `<name>_run`."""
INTERRUPT = "systick"
"""The harness's interrupt, on cores that need one: it comes in the midst of steps."""


def run(
    board: Board,
    library: Library,
    inputs: bytes,
    samples: int,
    *,
    build_dir: Path,
    progress: Callable[[int, int], None] | None = None,
    stall_seconds: float = 120.0,
    use_plugin: bool = True,
) -> Outcome:
    """As `ascua.run.run`; without `use_plugin` the board's timer counts."""
    parts.check_inputs(library, inputs, samples)
    elf = build.firmware(board, library, build_dir)
    plugin = plugin_for(board.run[0], build_dir) if use_plugin else None
    counting = ("-plugin", str(plugin).replace(",", ",,")) if plugin else TIMER
    command = (*board.run, *QUIET, *SEMIHOSTING, *counting, "-kernel", str(elf.path.resolve()))
    begin = time.monotonic()
    with parts.folders(library, inputs, samples, build_dir) as folders:
        if plugin:
            text = _regions(elf, library)
            for folder in folders:
                (folder / "regions.txt").write_text(text)
        children = [Child(command, folder) for folder in folders]
        outputs, reports = parts.run_parts(
            board, library, elf, children, samples, stall_seconds, progress
        )
        counts = _plugin_counts(folders, samples) if plugin else _timer_counts(reports, samples)
    seconds = time.monotonic() - begin
    return Outcome(
        outputs=outputs,
        stack_bytes=max(r.stack_bytes for r in reports),
        instructions=counts.total,
        step_instructions=counts.steps,
        glue_instructions=counts.glue,
        resolution=counts.resolution,
        counter=counts.counter,
        sizes=build.sizes(board, library, build_dir),
        tools=tools.versions(board),
        seconds=seconds,
    )


def plugin_for(emulator: str, build_dir: Path) -> Path | None:
    """The plugin, once `emulator` was seen to load it; None where it cannot be had."""
    plugin = build.plugin(build_dir)
    return plugin if plugin and _loads(emulator, plugin.resolve()) else None


@cache
def _loads(emulator: str, plugin: Path) -> bool:
    """Whether `emulator` takes the plugin."""
    option = ("-plugin", str(plugin).replace(",", ",,"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "regions.txt").write_text("1\n")
        done = subprocess.run(
            [emulator, "-M", "none", *QUIET, "-monitor", "stdio", *option],
            cwd=folder,
            input=b"quit\n",
            capture_output=True,
            timeout=60,
        )
    return done.returncode == 0


@dataclass(frozen=True)
class _Counts:
    """Instructions an inference."""

    total: float
    steps: tuple[float, ...] | None
    glue: float | None
    resolution: float
    counter: str


def _regions(elf: Elf, library: Library) -> str:
    """What the plugin reads: region 0 the harness, 1 `<name>_run` itself, then the steps.

    A region beyond these is not counted.
    """

    def find(name: str) -> Function:
        function = elf.function(name)
        if function is None:
            raise ToolFailed(
                f"{library.name}: the firmware has no function {name}.",
                ["Make each step a `static __attribute__((noinline))` function."],
            )
        return function

    harness, glue = find(HARNESS), find(f"{library.name}_run")
    lines = [f"{len(library.steps) + 2}"]
    lines += [f"{f.first:x} {f.end - 1:x} {i}" for i, f in enumerate((harness, glue))]
    for i, step in enumerate(library.steps, 2):
        first = find(step).first
        lines.append(f"{first:x} {first:x} {i}")
    interrupt = elf.function(INTERRUPT)
    if interrupt:
        lines.append(f"{interrupt.first:x} {interrupt.end - 1:x} {len(library.steps) + 2}")
    return "\n".join([*lines, ""])


def _plugin_counts(folders: Sequence[Path], samples: int) -> _Counts:
    """The counts of all parts together, divided by the samples."""
    parts_counts = [[int(n) for n in (f / "counts.txt").read_text().split()] for f in folders]
    _, *network = (sum(counts) for counts in zip(*parts_counts, strict=True))
    glue, *steps = (count / samples for count in network)
    return _Counts(sum(network) / samples, tuple(steps), glue, 0.0, "qemu plugin")


def _timer_counts(reports: Sequence[Report], samples: int) -> _Counts:
    """Ticks as instructions, by the scale that the harness's loop of known length gives."""
    tick = reports[0].spin_instructions / reports[0].spin_ticks
    ticks = sum(r.ticks for r in reports)
    return _Counts(ticks * tick / samples, None, None, tick, "icount timer")
