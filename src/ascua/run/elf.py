"""Reads sizes and addresses from a linked ELF file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ascua.boards import Board
from ascua.run.outcome import Region

ALLOC = 0x2
"""The section flag SHF_ALLOC of the ELF specification."""


@dataclass(frozen=True)
class Section:
    """A section that takes memory; `load` is where its initial values lie, None without any."""

    name: str
    address: int
    bytes: int
    load: int | None


@dataclass(frozen=True)
class Symbol:
    """The name of a function or an array, and its addresses, `first` up to and without `end`."""

    name: str
    first: int
    end: int


class Elf:
    """The sections and functions of the linked program at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections that take memory when the program runs, but for the stack's reserve."""
        found = []
        with self.path.open("rb") as file:
            elf = ELFFile(file)
            for s in elf.iter_sections():
                if not s["sh_flags"] & ALLOC or not s["sh_size"] or s.name == ".stack":
                    continue
                load = None
                if s["sh_type"] != "SHT_NOBITS":
                    load = next(
                        g["p_paddr"] + s["sh_offset"] - g["p_offset"]
                        for g in elf.iter_segments()
                        if g["p_type"] == "PT_LOAD" and g.section_in_segment(s)
                    )
                found.append(Section(s.name, s["sh_addr"], s["sh_size"], load))
        return tuple(found)

    @cached_property
    def functions(self) -> tuple[Symbol, ...]:
        """All functions, local ones too; addresses without the Thumb bit."""
        return self._symbols("STT_FUNC")

    @cached_property
    def arrays(self) -> tuple[Symbol, ...]:
        """All variables and constants, local ones too."""
        return self._symbols("STT_OBJECT")

    def _symbols(self, kind: str) -> tuple[Symbol, ...]:
        found = []
        with self.path.open("rb") as file:
            elf = ELFFile(file)
            thumb = 1 if elf["e_machine"] == "EM_ARM" and kind == "STT_FUNC" else 0
            for table in elf.iter_sections():
                if isinstance(table, SymbolTableSection):
                    for s in table.iter_symbols():
                        if s["st_info"]["type"] == kind:
                            first = s["st_value"] & ~thumb
                            found.append(Symbol(s.name, first, first + s["st_size"]))
        return tuple(found)

    def function(self, name: str) -> Symbol | None:
        """The function called `name`; GCC's clones of it (`name.constprop.0`) count as well."""
        return next(
            (f for f in self.functions if f.name == name or f.name.startswith(f"{name}.")), None
        )

    def function_at(self, address: int) -> Symbol | None:
        """The function that has code at `address`."""
        return next((f for f in self.functions if f.first <= address < f.end), None)

    def flash_bytes(self) -> int:
        """Bytes with given values: code, constants and the initial values of variables."""
        return sum(s.bytes for s in self.sections if s.load is not None)

    def static_bytes(self, library: str) -> int:
        """Bytes of variables, and of what a library of that name has in memories of their own."""
        return sum(
            s.bytes
            for s in self.sections
            if s.name in (".data", ".bss") or s.name.startswith(f".{library}_")
        )

    def regions(self, board: Board) -> tuple[Region, ...]:
        """How full each memory of the board is."""

        def used(first: int, end: int) -> int:
            run = sum(s.bytes for s in self.sections if first <= s.address < end)
            loaded = (s for s in self.sections if s.load not in (None, s.address))
            return run + sum(s.bytes for s in loaded if first <= (s.load or 0) < end)

        return tuple(
            Region(m.name, used(m.origin, m.origin + m.bytes), m.bytes) for m in board.memories
        )
