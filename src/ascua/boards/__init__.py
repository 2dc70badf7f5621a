"""Boards are data: one TOML file each, read into a Board."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ascua.errors import InputError, did_you_mean
from ascua.settings import build, read_toml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Memory:
    """One memory region: also the budget for what is placed in it."""

    name: str
    origin: int
    bytes: int
    use: Literal["rx", "rw", "rwx"]
    wait: int = 0
    """Wait states of an access; 0 for tightly coupled memory."""


@dataclass(frozen=True)
class Energy:
    """Energy of a clock cycle, with its source and relative error (0.04 is 4 %)."""

    pj_per_cycle: float
    source: str
    error: float


@dataclass(frozen=True)
class Board:
    """A place where a network can run: core, memories, compiler, runner.

    `features` select kernels; `run` is the command that `runner` starts; `counter` says what its
    counts are.
    """

    name: str
    title: str
    core: str
    cc: str
    cflags: tuple[str, ...]
    runner: Literal["host", "qemu", "serial"]
    counter: Literal["instructions", "cycles", "none"]
    memories: tuple[Memory, ...] = ()
    features: frozenset[str] = frozenset()
    target: Literal["c", "k210", "fpga"] = "c"
    startup: str = "cortex-m"
    """The start-up code in `firmware/`: `<startup>.c` or `.S`, and `<startup>.ld`."""
    run: tuple[str, ...] = ()
    clock_hz: int | None = None
    energy: Energy | None = None

    def memory(self, use: str) -> Memory | None:
        """The first memory that can hold code ("x") or variables ("w")."""
        return next((m for m in self.memories if use in m.use), None)


@cache
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
    return build(Board, read_toml(path), str(path.name))


@cache
def names() -> tuple[str, ...]:
    """The names of all boards that come with Ascua, sorted."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))
