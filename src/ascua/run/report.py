"""Reads the report that the harness writes, and tells in words how a run ended."""

from __future__ import annotations

import signal
import struct
from dataclasses import dataclass
from pathlib import Path

from ascua.boards import Board
from ascua.errors import AscuaError, DoesNotFit, ToolFailed
from ascua.run.elf import Elf

STATUS = {
    0: "it ended without the outputs and the report of its samples",
    65: "the harness cannot open its input file",
    66: "the harness cannot write its output file",
    67: "the input file ends within a sample",
    68: "the stack overflowed",
    70: "hard fault",
    71: "memory fault",
    72: "bus fault",
    73: "usage fault",
    74: "secure fault",
    75: "undefined instruction",
    76: "prefetch abort",
    77: "data abort",
    78: "unexpected exception",
}
"""What `enum status` of firmware/harness.h means."""
STACK = 68
FULL = 66


@dataclass(frozen=True)
class Report:
    """The file report.bin; `struct report` of firmware/harness.h says what the fields are."""

    status: int
    samples: int
    stack_bytes: int
    spin_instructions: int
    spin_ticks: int
    ticks: int
    fault_pc: int
    fault_address: int


def read(path: Path) -> Report | None:
    """The report at `path`; None where the program did not come to write it."""
    layout = struct.Struct("<4I2Q2I")
    data = path.read_bytes() if path.exists() else b""
    return Report(*layout.unpack(data)) if len(data) == layout.size else None


def failure(board: Board, elf: Elf, status: int, report: Report | None, said: str) -> AscuaError:
    """The error that describes a run which ended with the exit status `status`."""
    what = STATUS.get(status)
    if status == STACK:
        memory = board.memory("w")
        return DoesNotFit(
            f"{board.name}: {what}: too little of {memory.name if memory else 'memory'} is left.",
            ["Choose a board with more memory.", "Prune the network, or choose a smaller one."],
        )
    if what is None:
        signals = {int(s): s.name for s in signal.Signals}
        what = f"ended by {signals[-status]}" if -status in signals else f"exit status {status}"
    if report and report.fault_pc:
        where = elf.function_at(report.fault_pc)
        what += f" in {where.name}" if where else ""
        what += f" at {report.fault_pc:#x}"
        what += f", accessing {report.fault_address:#x}" if report.fault_address else ""
    lines = [s for s in said.splitlines() if s.strip() and "warning:" not in s]
    errors = [line for line in lines if "ERROR" in line or "error:" in line] or lines
    said_first = "\n".join([f"{board.name}: {what}.", *(f"  {line}" for line in errors[:5])])
    remedies = ["Check that the disk is not full where firmware is built: `--build-dir`."]
    return ToolFailed(said_first, remedies if status == FULL else ())
