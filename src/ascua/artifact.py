"""What targets make of a network, and runners run: named bytes. A C library is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ascua.ir import Tensor


@dataclass(frozen=True)
class Slot:
    """A tensor that is kept between runs, and where: in bytes behind the first one."""

    tensor: Tensor
    offset: int


def size(slots: Sequence[Slot]) -> int:
    """Bytes of the memory that the slots lie in."""
    return max((s.offset + s.tensor.bytes for s in slots), default=0)


@dataclass(frozen=True, kw_only=True, repr=False)
class Artifact:
    """The files of one network, and what passes through it."""

    name: str
    files: Mapping[str, bytes]
    """Bytes by relative path."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    steps: tuple[str, ...]
    """What each step of the plan is called, in the order of execution."""
    states: tuple[Slot, ...] = ()
    """What a run leaves for the next one: where there is any, runs are one sequence."""

    def __repr__(self) -> str:
        size = sum(map(len, self.files.values()))
        return f"{type(self).__name__}({self.name!r}, {len(self.files)} files, {size:,} bytes)"

    @property
    def input_bytes(self) -> int:
        """Bytes of one sample."""
        return sum(t.bytes for t in self.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of what one sample gives."""
        return sum(t.bytes for t in self.outputs)

    @property
    def state_bytes(self) -> int:
        """Bytes of all states together."""
        return size(self.states)

    def text(self, path: str) -> str:
        """The file at `path`, which is text."""
        return self.files[path].decode()


@dataclass(frozen=True, kw_only=True, repr=False)
class Library(Artifact):
    """The sources of one network in C, every symbol prefixed with `name`; steps are functions."""

    sources: tuple[str, ...]
    """The paths of the files to compile."""
    include_dirs: tuple[str, ...]
    arena_bytes: int
    shared: tuple[str, int] | None = None
    """The array that several libraries have as their arena, and its bytes."""
    by_rows: bool = False
    """Whether it asks for its input row by row."""
    tolerance: float = 0.0
    """As `Graph.tolerance`."""
    script: str | None = None
    """The path of a linker script that places parts of it in memories of their own."""
    regions: tuple[str, ...] = ()
    """The memories that the script names."""
    loads: bool = False
    """Whether there is NAME_load, to be called once before the first run."""
