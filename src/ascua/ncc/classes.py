"""Names of classes, one a line, and the classes that got the best scores."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ascua import files
from ascua.errors import InputError
from ascua.ir import Array

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Characters that a terminal obeys; a tab is none."""
MOST_BYTES = 1 << 24
"""Of a file of names."""


@dataclass(frozen=True)
class Class:
    """A class, its name (its number, where it has none), and its score."""

    index: int
    name: str
    score: float

    def json(self) -> dict[str, Any]:
        """As JSON has it; a score that is no number is null."""
        return {**asdict(self), "score": self.score if math.isfinite(self.score) else None}


def read_names(path: Path, classes: int) -> list[str]:
    """The lines of a text file, of which there are so many as classes; empty ones at the end not.

    Raises InputError where it cannot be read, is no text, or has another number of lines.
    """
    try:
        files.check_regular(path, MOST_BYTES)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise InputError(
            f"{path}: cannot be read: {e.strerror}.", ["Check the path of the labels."]
        ) from e
    except ValueError as e:
        raise InputError(
            f"{path}: no text in UTF-8.", ["Give a text file with one label a line."]
        ) from e
    names = [line.strip() for line in text.rstrip().split("\n")] if text.strip() else []
    if wrong := next((i for i, n in enumerate(names, 1) if CONTROL.search(n)), None):
        raise InputError(
            f"{path}, line {wrong}: a character that nobody can see.",
            ["Write the labels with an editor of text, one a line."],
        )
    if len(names) != classes:
        raise InputError(
            f"{path}: it has {len(names):,} labels, and the model's output {classes:,} numbers.",
            ["Give one label a line, in the order of the classes."],
        )
    return names


def best(scores: Array, count: int, names: Sequence[str]) -> list[Class]:
    """The `count` classes of greatest score (classes,), of equal ones the first ones.

    What is no number comes last. Without `names` the numbers of the classes, from 0, stand there.
    """
    order = np.argsort(-scores.astype(np.float64), kind="stable")[:count].tolist()
    return [Class(i, names[i] if names else str(i), float(scores[i])) for i in order]
