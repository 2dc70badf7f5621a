"""Reads the instructions of a program, as the toolchain's objdump tells them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ascua.errors import ToolFailed, ToolMissing

_LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{2,8} ?)+)\s*(?:\t(\S+)[ \t]*(.*))?$")
_REGISTER = re.compile(r"(?<![\w<])(?:[rsdqatx]\d+|sp|lr|pc|ip|fp|sl|sb|ra|gp|tp|zero)(?![\w>])")
_PLACE = re.compile(r"(?:\b[0-9a-f]+ )?<[^>]*>")
"""An address with its symbol, which may look like a register."""
_RANGE = re.compile(r"\b([rsdqx])(\d+)-\1(\d+)\b")
_DATA = (".word", ".short", ".byte", ".2byte", ".4byte", ".8byte", ".string", ".ascii", ".ins")


@dataclass(frozen=True)
class Instruction:
    """One instruction: where it is, its bytes' number, and what objdump calls it.

    The mnemonic is without `.n` and `.w`.
    """

    address: int
    size: int
    mnemonic: str
    operands: str

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The operands one by one; a list or an address in brackets is one."""
        return tuple(p.strip() for p in re.split(r",(?![^\[{(]*[\]})])", self.operands) if p)

    @cached_property
    def registers(self) -> tuple[frozenset[str], ...]:
        """The registers of each operand."""
        return tuple(map(_registers, self.parts))

    @cached_property
    def addressed_by(self) -> frozenset[str]:
        """The registers that make up the address of a load or store."""
        inside = re.findall(r"[\[(]([^\])]*)[\])]", self.operands)
        if inside:
            return _registers(inside[-1])
        if "{" not in self.operands:
            return frozenset()
        return frozenset({"sp"}) if self.operands.startswith("{") else self.registers[0]

    @cached_property
    def listed(self) -> frozenset[str]:
        """The registers of its list."""
        found = re.search(r"\{([^}]*)\}", self.operands)
        return _registers(found[1]) if found else frozenset()

    @cached_property
    def target(self) -> int | None:
        """Where a branch goes, if the instruction itself says that."""
        found = re.search(r"\b([0-9a-f]+) <", self.operands)
        return int(found[1], 16) if found else None

    def written(self, count: int) -> frozenset[str]:
        """The registers of its first `count` operands; -1: those of its list."""
        if count < 0:
            return self.listed
        return frozenset().union(*self.registers[:count])

    def read(self, count: int) -> frozenset[str]:
        """The registers behind its first `count` operands, which it writes.

        Of two operands without an address the first may be read as well: `add r0, r1`.
        """
        count = max(count, 0)
        rest = self.registers[count:]
        addresses = "[" in self.operands or "(" in self.operands
        both = self.registers[:count] if len(self.parts) <= 2 and not addresses else ()
        return frozenset().union(*rest, *both)


def _registers(text: str) -> frozenset[str]:
    def all_of(found: re.Match[str]) -> str:
        kind, first, last = found[1], int(found[2]), int(found[3])
        return ",".join(f"{kind}{i}" for i in range(first, last + 1))

    return frozenset(_REGISTER.findall(_RANGE.sub(all_of, _PLACE.sub("", text))))


def parse(text: str) -> dict[int, Instruction]:
    """The instructions that objdump printed, by their addresses; data among them are left out."""
    found = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or match[3] is None or match[3].startswith(_DATA):
            continue
        address, size = int(match[1], 16), len(match[2].replace(" ", "")) // 2
        operands = re.split(r"\s*[;@]|\s+//|\s+#(?!-?\d)", match[4])[0].strip()
        mnemonic = re.sub(r"\.[nw]$", "", match[3])
        found[address] = Instruction(address, size, mnemonic, operands)
    return found


def disassemble(
    program: Path, cc: str, ranges: Sequence[tuple[int, int]], options: Sequence[str] = ()
) -> Mapping[int, Instruction]:
    """The instructions of `program` in the `ranges` of addresses (first, end), by address.

    `cc` is its compiler, whose objdump is asked, with `options`. Raises ToolMissing, ToolFailed.
    """
    objdump = _objdump(cc)
    found: dict[int, Instruction] = {}
    for first, end in ranges:
        command = [
            objdump, "-d", *options, f"--start-address={first:#x}", f"--stop-address={end:#x}",
            str(program),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            said = done.stderr.strip().partition("\n")[0]
            raise ToolFailed(f"{program}: {objdump} failed: {said}.")
        found |= parse(done.stdout)
    return found


def _objdump(cc: str) -> str:
    """The objdump that belongs to the compiler `cc`. Raises ToolMissing."""
    compiler = shutil.which(cc)
    if compiler is not None:
        command = [compiler, "-print-prog-name=objdump"]
        named = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        found = shutil.which(named)
        if found is not None:
            return found
    raise ToolMissing(
        f"{cc}: its objdump is not found, which names the instructions whose cycles are counted.",
        ["Install the binutils of that compiler."],
    )
