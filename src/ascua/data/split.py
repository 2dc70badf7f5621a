"""Keeps some training images for validation: of every class, by a seed, alike on every machine."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


class Images(Protocol):
    """Images (n, h, w, c), 0..255: an array, or some rows of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w, c)."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, at: slice | Index, /) -> NDArray[np.uint8]:
        """Those in a slice, or of these indices."""


class Selection:
    """Some rows of an array, read when they are asked for: the array may be a mapped file."""

    def __init__(self, whole: Images, at: Index) -> None:
        """The rows `at` of `whole`, in their order."""
        self._whole, self._at = whole, at
        self.shape = (len(at), *whole.shape[1:])

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, at: slice | Index, /) -> NDArray[np.uint8]:
        return np.asarray(self._whole[self._at[at]])


def held_out(y: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Which of the samples with the classes `y` (n,) are for validation: `share` of each class.

    At least one of a class that has two, and never all of one. It depends on the classes of the
    samples, in their order, and on `seed` alone: RandomState's streams are frozen, so that the
    split is the same with every NumPy.
    """
    mixed = np.random.RandomState(seed).permutation(len(y))
    held = np.zeros(len(y), bool)
    order = mixed[np.argsort(y[mixed], kind="stable")]
    _, starts, counts = np.unique(y[order], return_index=True, return_counts=True)
    for start, count in zip(starts, counts, strict=True):
        most = count - 1
        held[order[start : start + min(most, max(1, round(share * count)))]] = True
    return held
