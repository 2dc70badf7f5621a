"""Files that are to be samples of a network's input: those that are none are named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from ascua.errors import InputError
from ascua.ir import Array

Progress = Callable[[int, int], None]
NAMED = 5
"""Files with a fault that a message names."""


class Sample(Protocol):
    """A file as a sample (h, w, c), or what is wrong with it in words."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def x(self) -> Array | str:
        """Its numbers, as the input takes them."""


def sound(samples: Iterable[Sample], total: int, progress: Progress) -> Iterator[Array]:
    """The numbers (h, w, c) of each sample, until one has none.

    All files are looked at: raises InputError in the end for those that are no samples.
    """
    wrong: list[str] = []
    for i, sample in enumerate(samples):
        if isinstance(sample.x, str):
            wrong.append(f"{sample.path}: {sample.x}")
        elif not wrong:
            yield sample.x
        progress(i + 1, total)
    if wrong:
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise InputError(
            f"{len(wrong):,} of {total:,} files cannot be used: {'; '.join(wrong[:NAMED])}{more}.",
            ["Replace them, or move them out of the folder."],
        )
