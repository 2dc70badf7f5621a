"""The answers of two classifiers to the same samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ascua.chance import mcnemar
from ascua.errors import InputError
from ascua.ir import Array
from ascua.labels import confusion

MOST_CLASSES = 2048
"""An output of more values tells no classes apart: their confusions would fill the memory."""


class Changed(NamedTuple):
    """A sample to which the two networks give different answers."""

    sample: int
    """Its position in the data."""
    label: int | None
    a: int
    a_score: float
    b: int
    b_score: float


class Answers(NamedTuple):
    """What two networks answer; the fields that need labels are None without."""

    same_top1: float
    top: int
    """The k of top-k."""
    accuracy_a: float | None
    accuracy_b: float | None
    top_a: float | None
    top_b: float | None
    lost: int | None
    """Samples that A has right and B wrong."""
    won: int | None
    p_value: float | None
    """McNemar's exact test: the chance of so unequal a `lost` and `won`, were A and B alike."""
    confusion_a: tuple[tuple[int, ...], ...] | None
    """[label][answer]."""
    confusion_b: tuple[tuple[int, ...], ...] | None
    confusion_ab: tuple[tuple[int, ...], ...]
    """[answer of A][answer of B]."""
    changed: tuple[Changed, ...]


def answers(a: Array, b: Array, labels: Array | None, index: Array, top: int) -> Answers:
    """Compare scores (n, classes) of two networks; `index` (n,) names the samples."""
    classes = a.shape[1]
    first, second = a.argmax(axis=1), b.argmax(axis=1)
    changed = []
    for i in np.flatnonzero(first != second):
        label = None if labels is None else int(labels[i])
        p, q = int(first[i]), int(second[i])
        changed.append(Changed(int(index[i]), label, p, float(a[i, p]), q, float(b[i, q])))
    both = confusion(first, second, classes)
    same = float(np.mean(first == second))
    if labels is None:
        none = dict.fromkeys(
            ("accuracy_a", "accuracy_b", "top_a", "top_b", "lost", "won", "p_value",
             "confusion_a", "confusion_b")
        )  # fmt: skip
        return Answers(same, top, confusion_ab=both, changed=tuple(changed), **none)
    right_a, right_b = first == labels, second == labels
    lost, won = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    return Answers(
        same_top1=same,
        top=top,
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        top_a=top_k(a, labels, top),
        top_b=top_k(b, labels, top),
        lost=lost,
        won=won,
        p_value=mcnemar(lost, won),
        confusion_a=confusion(labels, first, classes),
        confusion_b=confusion(labels, second, classes),
        confusion_ab=both,
        changed=tuple(changed),
    )


def top_k(scores: Array, labels: Array, k: int) -> float:
    """The part of samples whose label is among the k best; of equal scores the first counts."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.mean((best == labels[:, None]).any(axis=1)))


def check_labels(labels: Array, classes: int, where: str) -> None:
    """Raise InputError unless `labels` (n,) are of two classes at least, all below `classes`."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise InputError(
            f"{where}: the label {wrong[0]} is outside the networks' {classes} classes"
            f" (0 to {classes - 1}).",
            ["Give data of the classes that the networks were trained on."],
        )
    if len(np.unique(labels)) < 2:
        raise InputError(
            f"{where}: every label is {labels[0]}: accuracy on one class alone says nothing.",
            ["Give samples of all classes; without labels the layers alone are compared."],
        )
