"""A generated C library as text: what targets write and runners build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """The sources of one network in C, every symbol prefixed with `name`."""

    name: str
    files: Mapping[str, str]
    """Text by relative path."""
    sources: tuple[str, ...]
    """The paths of the files to compile."""
    include_dirs: tuple[str, ...]
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    arena_bytes: int
    steps: tuple[str, ...]
    """The C symbol of each step's function, in the order of execution."""
    state_bytes: int = 0
    """What a run leaves for the next one: where there is any, runs are one sequence."""
