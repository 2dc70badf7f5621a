"""Runs a network on a board, or in a process, that QEMU emulates, and counts its instructions."""

from __future__ import annotations

import logging
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ascua.artifact import Library
from ascua.boards import Board
from ascua.errors import InputError, ToolFailed, ToolMissing
from ascua.run import build, cycles, disassembly, parts, tools
from ascua.run.child import Child
from ascua.run.cycles import Block, Executed
from ascua.run.elf import Elf, Symbol
from ascua.run.outcome import Cycles, Outcome, Span
from ascua.run.report import Report

log = logging.getLogger(__name__)

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
    states: bytes | None = None,
    sanitize: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stall_seconds: float = 120.0,
    use_plugin: bool = True,
) -> Outcome:
    """As `ascua.run.run`; without `use_plugin` the board's timer counts, and nothing a process."""
    if sanitize:
        raise InputError(f"{board.name}: sanitizers are for the board `host` only.")
    parts.check_inputs(library, inputs, samples, states)
    elf = build.firmware(board, library, build_dir)
    plugin = plugin_for(board, build_dir) if use_plugin else None
    command = _command(board, elf, plugin)
    begin = time.monotonic()
    with parts.folders(library, inputs, samples, states, build_dir) as folders:
        if plugin:
            text = _regions(elf, library)
            for folder in folders:
                (folder / "regions.txt").write_text(text)
        children = [Child(command, folder) for folder in folders]
        outputs, reports = parts.run_parts(
            board, library, elf, children, samples, stall_seconds, progress
        )
        left = parts.left(library, folders)
        if plugin:
            counts = _plugin_counts(board, elf, library, folders, samples)
        else:
            counts = NO_COUNTS if board.hosted else _timer_counts(reports, samples)
    seconds = time.monotonic() - begin
    return Outcome(
        outputs=outputs,
        states=left,
        stack_bytes=None if board.hosted else max(r.stack_bytes for r in reports),
        instructions=counts.total,
        step_instructions=counts.steps,
        glue_instructions=counts.glue,
        resolution=counts.resolution,
        extremes=counts.extremes,
        counter=counts.counter,
        cycles=counts.cycles,
        sizes=build.sizes(board, library, build_dir),
        tools=tools.versions(board),
        seconds=seconds,
    )


def plugin_for(board: Board, build_dir: Path) -> Path | None:
    """The plugin, once the board's emulator was seen to load it; None where it cannot be had."""
    plugin = build.plugin(build_dir)
    return (
        plugin if plugin and _loads(board.run[0], plugin.resolve(), hosted=board.hosted) else None
    )


def _command(board: Board, elf: Elf, plugin: Path | None) -> tuple[str, ...]:
    """The emulator with the program, and with what counts."""
    counting = _with(plugin) if plugin else ()
    program = str(elf.path.resolve())
    if board.hosted:
        return (*board.run, *counting, program)
    return (*board.run, *QUIET, *SEMIHOSTING, *(counting or TIMER), "-kernel", program)


def _with(plugin: Path) -> tuple[str, str]:
    """The option that loads the plugin: a comma in its path is written twice."""
    return "-plugin", str(plugin).replace(",", ",,")


def reads(board: Board, library: Library, build_dir: Path) -> list[object]:
    """What a run reads beside its samples: the program, the emulator, and what counts."""
    built = build.reads(board, library)
    plugin = plugin_for(board, build_dir.resolve())
    counted = [tools.versions(board), board.run, plugin and plugin.parent.name]
    here = Path(__file__).parent
    rules = [(here / name).read_text(encoding="utf-8") for name in ("cycles.py", "disassembly.py")]
    return [*built, *counted, repr((board.core.timing, board.memories)), *rules]


@cache
def _loads(emulator: str, plugin: Path, *, hosted: bool) -> bool:
    """Whether `emulator` takes the plugin."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "regions.txt").write_text("1\n")
        board = ("-M", "none", *QUIET, "-monitor", "stdio")
        command = (emulator, *_with(plugin), *(("./no-program",) if hosted else board))
        done = subprocess.run(command, cwd=folder, input=b"quit\n", capture_output=True, timeout=60)
    if hosted:  # the plugin is loaded before the program is looked for, which nobody has
        return b"plugin" not in done.stderr
    return done.returncode == 0


@dataclass(frozen=True)
class _Counts:
    """Instructions an inference, and model cycles, where blocks were counted."""

    total: float | None
    steps: tuple[float, ...] | None
    glue: float | None
    resolution: float | None
    counter: str
    extremes: tuple[int, int] | None = None
    cycles: Cycles | None = None


NO_COUNTS = _Counts(None, None, None, None, "none")


def _regions(elf: Elf, library: Library) -> str:
    """What the plugin reads: region 0 the harness, 1 `<name>_run` itself, then the steps.

    A region beyond these is not counted.
    """

    def find(name: str) -> Symbol:
        function = elf.function(name)
        if function is None and not elf.functions:
            raise ToolFailed(
                f"{library.name}: the firmware has no symbols, which tell its steps apart.",
                ["Leave out `-s` among the flags of the board."],
            )
        if function is None:
            raise ToolFailed(
                f"{library.name}: the firmware has no function {name}.",
                ["Make each step a `static __attribute__((noinline))` function."],
            )
        return function

    run = "invoke_rows" if library.by_rows else "run"
    harness, glue = find(HARNESS), find(f"{library.name}_{run}")
    lines = [f"{len(library.steps) + 2}"]
    lines += [f"{f.first:x} {f.end - 1:x} {i}" for i, f in enumerate((harness, glue))]
    for i, step in enumerate(library.steps, 2):
        first = find(step).first
        lines.append(f"{first:x} {first:x} {i}")
    interrupt = elf.function(INTERRUPT)
    if interrupt:
        lines.append(f"{interrupt.first:x} {interrupt.end - 1:x} {len(library.steps) + 2}")
    return "\n".join([*lines, ""])


def _plugin_counts(
    board: Board, elf: Elf, library: Library, folders: Sequence[Path], samples: int
) -> _Counts:
    """The counts of all parts together, divided by the samples."""
    executed = _executed(folders)
    regions = len(library.steps) + 2
    sums = [0] * regions
    for e in executed:
        sums[e.region] += e.times * e.block.instructions
    glue, *steps = (count / samples for count in sums[1:])
    total = sum(sums[1:]) / samples
    of_network = [e for e in executed if e.region]
    modelled = _cycles(board, elf, of_network, regions, samples)
    return _Counts(total, tuple(steps), glue, 0.0, "qemu plugin", _extremes(folders), modelled)


def _extremes(folders: Sequence[Path]) -> tuple[int, int]:
    """The least and the most instructions of one inference, of all parts."""
    found = [(folder / "inferences.txt").read_text().split() for folder in folders]
    return min(int(least) for least, _ in found), max(int(most) for _, most in found)


def _executed(folders: Sequence[Path]) -> list[Executed]:
    """What all parts executed."""
    found: dict[tuple[Block, int], list[int]] = {}
    for folder in folders:
        for line in (folder / "blocks.txt").read_text().splitlines():
            first, *counts = line.split()
            instructions, region, times, taken = map(int, counts)
            key = Block(int(first, 16), instructions), region
            sums = found.setdefault(key, [0, 0])
            sums[0] += times
            sums[1] += taken
    return [Executed(block, region, *sums) for (block, region), sums in found.items()]


def _cycles(
    board: Board, elf: Elf, executed: Sequence[Executed], regions: int, samples: int
) -> Cycles | None:
    """Model cycles an inference; None of a core whose timing nothing public tells."""
    timing = board.core.timing
    if timing is None or board.cc is None:
        return None
    try:
        code = disassembly.disassemble(elf.path, board.cc, cycles.ranges(executed), timing.objdump)
    except (ToolFailed, ToolMissing) as e:
        log.warning("%s No model cycles.", e.what)
        return None
    found = cycles.modelled(executed, regions, code, timing, board)
    _, *network = (span.scaled(1 / samples) for span in found.regions)
    total = Span.of(sum(getattr(s, c) for s in network) for c in ("least", "assumed", "most"))
    memory = board.memory("x")
    return Cycles(
        timing.kind, board.core.name, total, tuple(network[1:]), found.unknown,
        memory.wait if memory else 0,
    )  # fmt: skip


def _timer_counts(reports: Sequence[Report], samples: int) -> _Counts:
    """Ticks as instructions, by the scale that the harness's loop of known length gives."""
    tick = reports[0].spin_instructions / reports[0].spin_ticks
    ticks = sum(r.ticks for r in reports)
    return _Counts(ticks * tick / samples, None, None, tick, "icount timer")
