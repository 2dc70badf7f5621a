"""What is known of samples, and how outputs are held against it; so far that are classes.

Whoever measures, prints or draws takes `Labels` and asks no more of them than stands there. What
another kind needs is a class here, what loads it in `data`, and its loss in `train`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from ascua import figures
from ascua.errors import InputError
from ascua.ir import Array


class Score(NamedTuple):
    """How good outputs are, by the metric of the labels; 1 is best, and 0 worst."""

    metric: str
    value: float

    def __str__(self) -> str:
        return f"{100 * self.value:.2f} %"

    @property
    def accuracy(self) -> float | None:
        """The value, where the metric is accuracy."""
        return self.value if self.metric == Classes.metric else None


class Labels(Protocol):
    """What is known of each of n samples."""

    @property
    def metric(self) -> str:
        """The name of the metric, as a key of JSON has it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of what the network tells apart, in its order; empty where they are unknown."""

    def __len__(self) -> int:
        """How many samples."""

    def read(self) -> tuple[Any, ...]:
        """All that the other answers depend on besides the outputs, as JSON has it."""

    def score(self, ys: Sequence[Array]) -> Score:
        """Of a network's outputs (n, ...). Raises InputError where they do not go together."""

    def details(self, ys: Sequence[Array]) -> dict[str, Any]:
        """What a result keeps beside the score of the outputs (n, ...), by keys of JSON."""

    def picture(self, title: str, ys: Sequence[Array]) -> str | None:
        """An SVG document of right and wrong outputs (n, ...), if there is one to draw."""

    def verdict(self, ys: Sequence[Array], i: int) -> str:
        """What the outputs (n, ...) say of sample `i`, and whether that is right."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Labels that are classes: one a sample. The first output has the scores, or the class."""

    index: Array
    """(n,) int64, 0 for the first class."""
    names: tuple[str, ...] = ()
    metric = "accuracy"

    def __len__(self) -> int:
        return len(self.index)

    def read(self) -> tuple[Any, ...]:
        """The classes, and their names."""
        return self.index.tolist(), self.names

    def score(self, ys: Sequence[Array]) -> Score:
        """The part of samples that are put into their class."""
        return Score(self.metric, accuracy(ys[0], self.index))

    def details(self, ys: Sequence[Array]) -> dict[str, Any]:
        """Names, and how often each class was taken for each; not of very many."""
        if not 0 < len(self.names) <= figures.MOST_CLASSES:
            return {}
        counts = confusion(self.index, classes_of(ys[0]), len(self.names))
        return {"classes": self.names, "confusion": counts}

    def picture(self, title: str, ys: Sequence[Array]) -> str | None:
        """Which class was taken for which."""
        found = self.details(ys)
        return figures.confusion(title, found["confusion"], self.names) if found else None

    def verdict(self, ys: Sequence[Array], i: int) -> str:
        """The class that sample `i` is put into."""
        guess = int(classes_of(ys[0][i : i + 1])[0])
        right = guess == int(self.index[i])
        return f"{'CORRECT classification!' if right else 'WRONG classification:'} " + (
            self.names[guess] if guess < len(self.names) else str(guess)
        )


def as_labels(known: Labels | Array | None) -> Labels | None:
    """Labels; of an array (n,), class indices."""
    return Classes(known) if isinstance(known, np.ndarray) else known


def accuracy(scores: Array, labels: Array) -> float:
    """The part of samples (n, ...) whose highest score is at the label. Raises InputError.

    One int32 or int64 a sample is the class itself: ARG_MAX gives it.
    """
    flat = scores.reshape(len(scores), -1)
    if not is_index(flat.dtype, flat.shape[1]):
        check_range(labels, flat.shape[1], "The")
    return float(np.mean(classes_of(scores) == labels))


def classes_of(scores: Array) -> Array:
    """The class (n,) that each of the samples (n, ...) is put into."""
    flat = scores.reshape(len(scores), -1)
    index = is_index(flat.dtype, flat.shape[1])
    return np.asarray(flat[:, 0] if index else flat.argmax(axis=1), np.int64)


def confusion(rows: Array, columns: Array, classes: int) -> tuple[tuple[int, ...], ...]:
    """How often each pair of classes (n,), (n,) occurs: [row][column]."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return tuple(tuple(int(n) for n in row) for row in counts)


def is_index(dtype: np.dtype[Any], size: int) -> bool:
    """Whether an output is the class itself, as ARG_MAX gives it, and not a score a class."""
    return size == 1 and dtype in (np.int32, np.int64)


def check_range(labels: Array, classes: int | None, the: str) -> None:
    """Raise InputError for a label that is none of so many classes; `the` begins the message."""
    if classes is None:
        if (labels < 0).any():
            raise InputError(f"{the} label {labels.min()} is below 0, the first class.")
        return
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise InputError(
            f"{the} label {wrong[0]} is outside the model's {classes} classes (0 to {classes - 1})."
        )
