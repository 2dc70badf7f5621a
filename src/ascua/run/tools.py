"""Which compilers and emulators are there, which boards need them, and how to add them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from ascua import boards
from ascua.boards import Board
from ascua.errors import ToolMissing

PACKAGES = {
    "cc": "gcc libc6-dev",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "picolibc": "picolibc-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "picolibc riscv64": "picolibc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "qemu-system-riscv64": "qemu-system-misc",
    "avr-gcc": "gcc-avr avr-libc",
    "arm-linux-gnueabihf-gcc": "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross",
    "riscv64-linux-gnu-gcc": "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross",
    "qemu-arm": "qemu-user",
    "qemu-riscv64": "qemu-user",
    "qemu plugin": "gcc libc6-dev qemu-system-arm",
}
"""The Debian packages of each tool that Ascua knows."""
PICOLIBC = {"arm-none-eabi-gcc": "picolibc", "riscv64-unknown-elf-gcc": "picolibc riscv64"}
"""The C library that goes with a compiler for bare metal."""


@dataclass(frozen=True)
class ToolStatus:
    """Whether a tool is there: its version, the boards that use it, the command that adds it.

    A tool that is not `needed` makes results better: without the plugin nothing counts by step.
    """

    name: str
    found: bool
    version: str | None
    boards: tuple[str, ...]
    install: str
    needed: bool = True


def doctor() -> tuple[ToolStatus, ...]:
    """Every tool that a board of Ascua uses, in the order of PACKAGES."""
    known = [boards.load(name) for name in boards.names()]
    used: dict[str, list[str]] = {tool: [] for tool in PACKAGES}
    for board in known:
        for tool in (*_needs(board), *_wishes(board)):
            used.setdefault(tool, []).append(board.name)
    needed = {tool for board in known for tool in _needs(board)}
    return tuple(
        _status(tool, tuple(names), needed=tool in needed) for tool, names in used.items() if names
    )


def board_ready(board: Board) -> tuple[ToolStatus, ...]:
    """The tools that `board` needs and that are missing; none when it can run."""
    found = (_status(tool, (board.name,), needed=True) for tool in _needs(board))
    return tuple(s for s in found if not s.found)


def require(board: Board) -> None:
    """Raises ToolMissing with the command to try when `board` needs what is not there."""
    missing = board_ready(board)
    if missing:
        names = ", ".join(s.name for s in missing)
        raise ToolMissing(
            f"{board.name}: {names} not found.",
            (f"Run `{install(missing)}`.", "Choose a board whose tools are there: `ascua boards`."),
        )


def install(missing: Sequence[ToolStatus]) -> str:
    """The one command that adds these tools."""
    words = dict.fromkeys(word for s in missing for word in s.install.split()[2:])
    return " ".join(["apt install", *words])


def version(tool: str) -> str | None:
    """The version that `tool` tells, as `12.2.1`; None where it is not found or does not tell."""
    path = shutil.which(tool)
    return _version(path) if path else None


def processor(board: Board) -> str:
    """What the compiler of `board` predefines with its flags: the features of the processor."""
    command = [board.cc or "cc", *board.flags, "-dM", "-E", "-x", "c", os.devnull]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def versions(board: Board) -> dict[str, str]:
    """The versions of the tools that run a network on `board`."""
    found = ((tool, _probe(tool)) for tool in _needs(board))
    return {tool: v for tool, v in found if v is not None}


def compilers(board: Board) -> dict[str, str]:
    """The versions of the compiler of `board`, and of the C library that goes with it."""
    return {tool: v for tool in _compilers(board) if (v := _probe(tool)) is not None}


@cache
def _version(path: str) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace")
    first = done.stdout.partition("\n")[0]
    said = re.search(r"version (\d+(?:\.\d+)+)", first)
    numbers = re.findall(r"\b\d+(?:\.\d+)+\b", first)
    return said[1] if said else numbers[-1] if numbers else first


def _needs(board: Board) -> tuple[str, ...]:
    """What it takes to run a network on `board`."""
    return (*_compilers(board), *((board.emulator,) if board.emulator else ()))


def _compilers(board: Board) -> tuple[str, ...]:
    """What it takes to build a program for `board`."""
    if board.cc is None:
        return ()
    return (board.cc, *((PICOLIBC[board.cc],) if board.cc in PICOLIBC else ()))


def _wishes(board: Board) -> tuple[str, ...]:
    """What makes the results of `board` better."""
    return ("qemu plugin",) if board.emulator else ()


def _probe(tool: str) -> str | None:
    """The version of `tool`, or None when it is not there."""
    return _PROBES[tool]() if tool in _PROBES else version(tool)


def _picolibc(cc: str) -> str | None:
    compiler = shutil.which(cc)
    if compiler is None:
        return None
    command = [compiler, "-print-file-name=picolibc.specs"]
    specs = Path(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    if not specs.is_absolute():
        return None
    include = re.search(r"-isystem \S*?(/\S*picolibc/\S*include)", specs.read_text())
    header = Path(include[1]) / "picolibc.h" if include else specs
    found = re.search(r'__PICOLIBC_VERSION__ "([^"]+)"', header.read_text())
    return found[1] if found else "unknown"


def _cross(cc: str) -> str | None:
    """The version of a compiler for another Linux; it needs the C library that it links with."""
    if shutil.which(cc) is None:
        return None
    command = [cc, "-print-file-name=libc.a"]
    path = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return version(cc) if Path(path).is_file() else None


def _plugins() -> str | None:
    """The version of the first emulator that takes plugins."""
    if shutil.which("cc") is None:
        return None
    for emulator in (name for name in PACKAGES if name.startswith("qemu-") and shutil.which(name)):
        text = subprocess.run([emulator, "-help"], capture_output=True, text=True).stdout
        if "-plugin" in text:
            return version(emulator)
    return None


_PROBES: dict[str, Callable[[], str | None]] = {
    **{name: partial(_picolibc, cc) for cc, name in PICOLIBC.items()},
    **{cc: partial(_cross, cc) for cc in ("arm-linux-gnueabihf-gcc", "riscv64-linux-gnu-gcc")},
    "qemu plugin": _plugins,
}


def _status(tool: str, names: tuple[str, ...], *, needed: bool) -> ToolStatus:
    found = _probe(tool)
    install = f"apt install {PACKAGES.get(tool, tool)}"
    return ToolStatus(
        tool, found=found is not None, version=found, boards=names, install=install, needed=needed
    )
