"""What is public of a core's timing, as data: cycles by classes of instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Literal

Cycles = tuple[float, ...]
"""One number, or three: the least, what is assumed, and the most."""
CORNERS = ("least", "assumed", "most")
LEAST, ASSUMED, MOST = range(3)
Error = tuple[float, float]
"""Of an estimate, where measurements are known: the least and the most of estimate / measurement
- 1."""
Kind = Literal["model", "bound", "fitted"]
"""Of a figure: "model": after the core's documents; "bound": it takes at least so many;
"fitted": another core's model times a factor that was fitted to published measurements."""

_CONDITIONAL = re.compile(r"(\w+)(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|hs|lo|al)(\..*)?")
"""A conditional instruction of Arm, and its type behind the condition: `vaddeq.f32`."""


def at(cycles: Cycles, corner: int) -> float:
    """The number of `cycles` at a corner: 0 the least, 1 what is assumed, 2 the most."""
    return cycles[corner] if len(cycles) > 1 else cycles[0]


@dataclass(frozen=True)
class InstructionClass:
    """Instructions that take equally long. Registers are told from the operands' text."""

    name: str
    match: str
    """A regular expression of the whole mnemonic, without `.n`, `.w` and Arm's condition."""
    source: str
    """Where the document says so."""
    operands: str = ""
    """A regular expression that is found in the operands."""
    cycles: Cycles = (1.0,)
    """Until the next instruction can be issued."""
    each: float = 0.0
    """More, for each register of a list."""
    taken: Cycles = (0.0,)
    """More, where another address follows than the one behind it."""
    after: tuple[str, ...] = ()
    """Classes of which one right before it makes it take `pipelined` cycles, unless that loads its
    address."""
    pipelined: float = 1.0
    address: float = 0.0
    """More, where the instruction right before it, which loads nothing, computes its address."""
    latency: float = 0.0
    """Cycles from its issue until another can use its result; 0: `cycles`."""
    unit: str = ""
    """The unit that it takes; an instruction for the same one waits until it is free."""
    busy: float = 0.0
    """Cycles that the unit is taken; 0: `cycles`."""
    writes: int = 1
    """Operands that it writes, from the left; -1: what its list holds."""
    accumulates: bool = False
    """Whether it reads what it writes, too."""
    pairs: bool = False
    """Whether one of 16 bits is issued together with another of 16 bits beside it."""

    def __post_init__(self) -> None:
        """Raises ValueError for what no table can mean."""
        for name in ("cycles", "taken"):
            _check(getattr(self, name), f"{self.name}: {name}")
        for name in ("each", "pipelined", "address", "latency", "busy"):
            _check((getattr(self, name),), f"{self.name}: {name}")
        for name in ("match", "operands"):
            try:
                re.compile(getattr(self, name))
            except re.error as e:
                raise ValueError(f"{self.name}: {name}: {e}") from e

    @cached_property
    def _mnemonic(self) -> re.Pattern[str]:
        return re.compile(self.match)

    @cached_property
    def _operands(self) -> re.Pattern[str]:
        return re.compile(self.operands)

    def has(self, mnemonic: str, operands: str) -> bool:
        """Whether an instruction is of this class."""
        if not self._operands.search(operands):
            return False
        if self._mnemonic.fullmatch(mnemonic):
            return True
        found = _CONDITIONAL.fullmatch(mnemonic)
        return bool(found and self._mnemonic.fullmatch(found[1] + (found[2] or "")))


def check_error(error: Error | None, name: str) -> None:
    """Raise ValueError unless `error` is what an estimate's can be."""
    if error is not None and not -1 < error[0] <= error[1] < inf:
        raise ValueError(f"{name} is the least and the most, above -1: not {list(error)}.")


@dataclass(frozen=True)
class Chips:
    """What chips with this core, and flash, took of the cycles that the timing gives."""

    factor: float
    error: Error
    """Of what the timing gives times the factor."""
    source: str

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that are none."""
        check_error(self.error, "timing: chips: error")
        if not 0 < self.factor < inf:
            raise ValueError(f"timing: chips: factor is a positive number, not {self.factor}.")


@dataclass(frozen=True)
class Timing:
    """The timing of a core; the first class that has an instruction tells its cycles."""

    kind: Kind
    source: str
    """The document."""
    classes: tuple[InstructionClass, ...]
    """Those of the core that it is like, where it is like one."""
    unknown: Cycles = (1.0,)
    """Of an instruction that no class has."""
    issue: float = 1.0
    """Instructions a cycle, at most; in a "bound", in which a unit is the other limit."""
    objdump: tuple[str, ...] = ()
    """Options that objdump needs to know this core's instructions."""
    like: str = ""
    """The core whose model is multiplied by `factor`."""
    factor: Cycles = (1.0,)
    chips: Chips | None = None
    """None where no measurement of such a chip has a count beside it."""

    def __post_init__(self) -> None:
        """Raises ValueError for classes that contradict each other, and numbers that are none."""
        _check(self.unknown, "timing: unknown")
        _check(self.factor, "timing: factor")
        if not 0 < self.issue < inf:
            raise ValueError(f"timing: issue is a positive number, not {self.issue:g}.")
        if (self.kind == "fitted") != bool(self.like):
            raise ValueError("timing: `like` names the core that a fitted timing is fitted to.")
        names = [c.name for c in self.classes]
        if len(set(names)) < len(names):
            raise ValueError("timing: two classes have the same name.")
        for c in self.classes:
            if wrong := set(c.after) - set(names):
                raise ValueError(f"timing: {c.name}: after: no class {', '.join(sorted(wrong))}.")

    @cached_property
    def _known(self) -> dict[tuple[str, str], InstructionClass | None]:
        return {}

    def class_of(self, mnemonic: str, operands: str) -> InstructionClass | None:
        """The class of an instruction; None where the table does not know it."""
        asked = mnemonic, operands
        if asked not in self._known:
            self._known[asked] = next((c for c in self.classes if c.has(*asked)), None)
        return self._known[asked]


def _check(values: Cycles, name: str) -> None:
    """Raise ValueError unless these are one number, or the least, assumed and most."""
    good = all(0 <= v < inf for v in values) and list(values) == sorted(values)
    if len(values) not in (1, 3) or not good:
        raise ValueError(f"{name} is one number from 0 on, or the least, assumed and most.")
