"""Boards are data: one TOML file each, read into a Board; so are the cores that they share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, Literal

from ascua.boards.timing import Error, Timing, check_error
from ascua.errors import InputError, brief, did_you_mean
from ascua.settings import build, read_toml

FOLDER = Path(__file__).parent
CORES = FOLDER / "cores"
FIRMWARE = FOLDER.parent / "firmware"
K210 = "k210"
"""The target of boards that run kmodels."""
KPU = "kpu"
"""The runner of such boards: the simulated chip."""
IN_PROCESS = ("host", KPU)
"""Runners that start no emulator."""
POSIX = "posix"
"""The start-up code of a program that an operating system starts."""
NAME = re.compile(r"\w[\w .+-]{0,99}")
NAME_RULE = "a letter or digit, then up to 99 letters, digits, spaces and . _ + -"
"""Of a board: folders are named after it."""
ALIASES = ("CODE", "DATA")
"""What linker scripts call the memories for code and for variables."""


@dataclass(frozen=True)
class Memory:
    """One memory region: also the budget for what is placed in it."""

    name: str
    origin: int
    bytes: int
    use: Literal["rx", "rw", "rwx"]
    wait: int = 0
    """Wait states of an access; 0 for tightly coupled memory. Of code, they are those of each line
    that a block of instructions lies in: without a cache, and without prefetching."""
    line: int = 4
    """Bytes of code that an access brings."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.name) or self.name in ALIASES:
            raise ValueError(f"{self.name!r} is no name for a memory: use letters and digits.")
        if self.origin < 0 or self.bytes <= 0 or self.wait < 0 or self.line <= 0:
            raise ValueError(f"{self.name}: origin, bytes, wait and line are positive numbers.")


@dataclass(frozen=True)
class Energy:
    """Energy of a clock cycle while the core computes, and who says so."""

    pj_per_cycle: float
    source: str
    error: Error | None = None
    """None where nobody knows."""

    def __post_init__(self) -> None:
        check_error(self.error, "energy: error")
        if not 0 < self.pj_per_cycle < inf:
            raise ValueError(f"energy: pj_per_cycle is a positive number, not {self.pj_per_cycle}.")


@dataclass(frozen=True)
class Sleep:
    """Power while a board waits for its next inference, its RAM kept, and who says so."""

    microwatts: float
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.microwatts < inf:
            raise ValueError(f"sleep: microwatts is a number from 0 on, not {self.microwatts}.")


@dataclass(frozen=True)
class Meter:
    """What the user's own meter shows of a board while it infers, and while it sleeps."""

    ma: float
    volts: float
    mhz: float
    """The clock at that time."""
    sleep_ua: float | None = None

    def __post_init__(self) -> None:
        for name in ("ma", "volts", "mhz"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"meter: {name} is a positive number, not {getattr(self, name)}.")
        if self.sleep_ua is not None and not 0 <= self.sleep_ua < inf:
            raise ValueError(f"meter: sleep_ua is a number from 0 on, not {self.sleep_ua}.")

    @property
    def energy(self) -> Energy:
        """Of a cycle."""
        read = f"your meter: {self.ma:g} mA at {self.volts:g} V and {self.mhz:g} MHz"
        return Energy(1e3 * self.ma * self.volts / self.mhz, read)

    @property
    def sleep(self) -> Sleep | None:
        """Between inferences, where it was read."""
        if self.sleep_ua is None:
            return None
        read = f"your meter: {self.sleep_ua:g} µA at {self.volts:g} V"
        return Sleep(self.sleep_ua * self.volts, read)


@dataclass(frozen=True)
class Core:
    """A processor core: the compiler's flags for it, and the features that select kernels."""

    name: str
    cflags: tuple[str, ...]
    features: frozenset[str] = frozenset()
    int_bits: Literal[16, 32] = 32
    """How wide C's `int` is; where it has 16 bits, `double` is no wider than `float`."""
    constants: Literal["kept", "copied"] = "kept"
    """Whether constants are read from where they are kept, or copied to RAM with the variables."""
    timing: Timing | None = None
    """None where nothing public tells it: then a run gives no cycles."""
    costs: str = ""
    """The core whose table of costs is for this one, too: it runs the same instructions. Empty
    where it has its own, or nobody measured it."""


@dataclass(frozen=True)
class Board:
    """A place where a network can run: core, memories, compiler, runner.

    `cflags` are those beside the core's; `run` is the command that `runner` starts; `counter` says
    what its counts are. Without a compiler or a runner a board can be asked, and not run.
    """

    name: str
    title: str
    core: Core
    cc: str | None = None
    runner: Literal["host", "qemu", "qemu-user", "kpu", "serial"] | None = None
    counter: Literal["instructions", "cycles", "none"] = "none"
    memories: tuple[Memory, ...] = ()
    cflags: tuple[str, ...] = ()
    target: Literal["c", "k210", "fpga"] = "c"
    startup: str = "cortex-m"
    """The start-up code in `firmware/`: `<startup>.c` or `.S`, and `<startup>.ld`; or `posix`."""
    run: tuple[str, ...] = ()
    clock_hz: int | None = None
    counts_on: str = ""
    """The emulated board that firmware is run on to count, where this one is not emulated: of the
    same core, or of the nearest."""
    energy: Energy | None = None
    sleep: Sleep | None = None
    meter: Meter | None = None
    """In place of `energy` and `sleep`."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name must be {NAME_RULE}, not {self.name!r}.")
        if self.runner not in (*IN_PROCESS, None) and not self.run:
            raise ValueError("`run` is empty: it is the command that starts the board.")
        if self.cc == "" or "" in self.run[:1]:
            raise ValueError("`cc` and `run` begin with the name of a program, not with nothing.")
        if self.runner == KPU and self.target != K210:
            raise ValueError(f"runner: {KPU!r} runs kmodels alone: state target = {K210!r}.")
        if self.counts_on and self.runner is not None:
            raise ValueError("counts_on: it is for a board without a runner.")
        if self.counts_on and self.counts_on not in names():
            raise ValueError(f"counts_on: {self.counts_on!r} is no board that comes with Ascua.")
        if self.clock_hz is not None and self.clock_hz <= 0:
            raise ValueError(f"clock_hz: {self.clock_hz} is no positive number of Hz.")
        if self.hosted:
            if self.startup != POSIX:
                raise ValueError(f"startup: the runner {self.runner!r} takes {POSIX!r} alone.")
            return
        if not (self.memory("x") and self.memory("w")):
            raise ValueError("`memories` needs one for code (rx) and one for variables (rw).")
        if self.startup not in startups():
            raise ValueError(f"startup: {self.startup!r} is none of {', '.join(startups())}.")
        by_origin = sorted(self.memories, key=lambda m: m.origin)
        for a, b in pairwise(by_origin):
            if a.origin + a.bytes > b.origin:
                raise ValueError(f"the memories {a.name} and {b.name} overlap.")
        if len({m.name.lower() for m in self.memories}) < len(self.memories):
            raise ValueError("two memories have the same name.")

    @property
    def energy_of_a_cycle(self) -> Energy | None:
        """By the user's meter, or by who published it; None where nobody did."""
        return self.energy if self.meter is None else self.meter.energy

    @property
    def asleep(self) -> Sleep | None:
        """Its power between inferences, likewise."""
        return self.sleep if self.meter is None else self.meter.sleep

    @property
    def counts_c(self) -> bool:
        """Whether C is run for it here: on itself, or on the board that counts for it."""
        return self.target == "c" and (self.runner is not None or bool(self.counts_on))

    @property
    def flags(self) -> tuple[str, ...]:
        """The compiler's flags for this board."""
        return (*self.core.cflags, *self.cflags)

    @property
    def hosted(self) -> bool:
        """Whether an operating system starts the program, and gives it memory and files."""
        return self.runner in ("host", "qemu-user")

    @property
    def emulator(self) -> str | None:
        """The emulator that starts the program; None where it runs without one."""
        return self.run[0] if self.runner in ("qemu", "qemu-user") else None

    def memory(self, use: str) -> Memory | None:
        """The first memory that can hold code ("x") or variables ("w")."""
        return next((m for m in self.memories if use in m.use), None)


def load(name: str) -> Board:
    """The board called `name`, or the one that the TOML file at that path describes.

    Raises InputError with the known names, or with what is wrong in the file.
    """
    path = FOLDER / f"{name}.toml"
    if name.endswith(".toml"):
        path = Path(name)
    elif name not in names():
        raise InputError(
            f"There is no board called {name!r}.",
            (*did_you_mean(name, names()), "Give the path of a board's TOML file."),
        )
    table = read_toml(path)
    core = table.get("core")
    if isinstance(core, str):
        table["core"] = load_core(core, path.name)
    elif isinstance(core, dict):
        table["core"] = _timed(core, path.name)
    return build(Board, table, str(path.name))


def load_core(name: str, where: str) -> Core:
    """The core called `name`; `where` names the board's file in errors. Raises InputError."""
    if name not in cores():
        raise InputError(
            f"{where}: core: {brief(repr(name))} is none of {', '.join(cores())}.",
            ["State a core of your own as a table: `[core]`, with name, cflags and features."],
        )
    path = CORES / f"{name}.toml"
    return build(Core, {"name": name, **_timed(read_toml(path), path.name)}, path.name)


def _timed(core: dict[str, Any], where: str) -> dict[str, Any]:
    """The table of a core whose timing has the classes of the core that it is like."""
    timing = core.get("timing")
    if not isinstance(timing, dict) or "like" not in timing:
        return core
    name = timing["like"]
    known = [c for c in cores() if "classes" in read_toml(CORES / f"{c}.toml").get("timing", {})]
    if name not in known:
        raise InputError(
            f"{where}: timing: like: {brief(repr(name))} is no core with a timing of its own.",
            did_you_mean(str(name), known),
        )
    of = read_toml(CORES / f"{name}.toml")["timing"]
    classes = {k: of[k] for k in ("classes", "unknown", "objdump") if k in of}
    return {**core, "timing": classes | timing}


@cache
def names(target: str | None = None) -> tuple[str, ...]:
    """The names of the boards that come with Ascua, sorted: all, or those of a target."""
    found = sorted(p.stem for p in FOLDER.glob("*.toml"))
    return tuple(n for n in found if target is None or load(n).target == target)


@cache
def cores() -> tuple[str, ...]:
    """The names of all cores that come with Ascua, sorted."""
    return tuple(sorted(p.stem for p in CORES.glob("*.toml")))


@cache
def startups() -> tuple[str, ...]:
    """The names of the start-up codes in `firmware/`, sorted: each has a linker script."""
    return tuple(sorted(p.stem for p in FIRMWARE.glob("*.ld")))
