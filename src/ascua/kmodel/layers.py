"""What all layers of a kmodel have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ascua.kmodel.memory import Range


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: its fields in the order of the file, and what they say about memory."""

    code: ClassVar[int]
    """The number of its type in files."""
    title: ClassVar[str]
    """What the compiler calls it."""
    in_place: ClassVar[bool] = False
    """Whether its output may lie exactly on an input: each element depends on its own alone."""

    @property
    def reads(self) -> tuple[Range, ...]:
        """What must have been written before."""
        raise NotImplementedError

    @property
    def writes(self) -> tuple[Range, ...]:
        """What it writes."""
        raise NotImplementedError

    def malformed(self) -> str | None:
        """None, or which of its fields contradict each other, in words."""
        return None

    def check(self) -> str | None:
        """None, or why it cannot be executed though it contradicts nothing, in words."""
        return None
