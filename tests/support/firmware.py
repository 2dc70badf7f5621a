"""Programs for emulated boards as others build them: with picolibc, by its linker script."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ascua.boards import Board
from tests.support.compilers import tool
from tests.support.tools import require_board, require_programs

PICOLIBC = ("--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted")
"""What prints and exits through the emulator."""
SEMIHOSTING = (
    "-chardev", "stdio,id=out", "-semihosting-config", "enable=on,target=native,chardev=out",
)  # fmt: skip
SECTION = re.compile(r"^ (?:\.(?:bss|data)\S*|COMMON)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", re.M)


def require(board: Board) -> None:
    """Ends the test here unless compiler, library and emulator of an Arm board are there."""
    require_board(board)
    require_programs("gcc-arm-none-eabi picolibc-arm-none-eabi", "arm-none-eabi-gcc")


def memory(board: Board) -> list[str]:
    """The linker's flags that tell picolibc's script where flash and RAM are."""
    found = []
    for symbol, use in (("__flash", "x"), ("__ram", "w")):
        there = board.memory(use)
        assert there is not None
        found += [f"-Wl,--defsym={symbol}={there.origin:#x}"]
        found += [f"-Wl,--defsym={symbol}_size={there.bytes:#x}"]
    return found


def program(board: Board, to: Path, inputs: Sequence[object], *flags: str) -> Path:
    """Compile and link `inputs` to the file `to`; the linker's map lies beside it."""
    linked = (f"-Wl,-Map={to.with_suffix('.map')}", *memory(board))
    tool(["arm-none-eabi-gcc", *board.core.cflags, *PICOLIBC, *flags, *inputs, *linked, "-o", to])
    return to


def printed(board: Board, path: Path) -> str:
    """What a program prints until it ends."""
    command = [*board.run, *SEMIHOSTING, "-display", "none", "-monitor", "none", "-serial", "none"]
    return subprocess.run(
        [*command, "-kernel", str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    ).stdout  # fmt: skip


def static_ram(path: Path, symbols: str) -> int:
    """Bytes that a linker's map gives in RAM to objects whose path has a pattern."""
    _, _, kept = path.read_text().partition("\nLinker script and memory map\n")
    return sum(int(n, 16) for n, name in SECTION.findall(kept) if re.search(symbols, name))
