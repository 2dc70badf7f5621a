"""Keeps some training images for validation: of every class, by a seed, alike on every machine."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


class Rows(Protocol):
    """Samples (n, ...), uint8 images or float32 values: an array, or some rows of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, ...)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 of images (n, h, w, c), float32 of values as a sensor gives them."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, at: slice | Index, /) -> NDArray[Any]:
        """Those in a slice, or of these indices."""


class Selection:
    """Some rows of an array, read when they are asked for: the array may be a mapped file."""

    def __init__(self, whole: Rows, at: Index) -> None:
        """The rows `at` of `whole`, in their order."""
        self._whole, self._at = whole, at
        self.shape, self.dtype = (len(at), *whole.shape[1:]), whole.dtype

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, at: slice | Index, /) -> NDArray[Any]:
        return np.asarray(self._whole[self._at[at]])


def held_out(
    y: NDArray[np.int64], share: float, seed: int, recordings: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:  # fmt: skip
    """Which of the samples with the classes `y` (n,) are for validation: `share` of each class.

    At least one of a class that has two, and never all of one. Where samples are windows of
    `recordings` (n,), whole ones are held out, for neighbours overlap. It depends on the classes of
    the samples, in their order, and on `seed` alone: RandomState's streams are frozen, so that the
    split is the same with every NumPy.
    """
    if recordings is not None:
        return _recordings_held_out(y, share, seed, recordings)
    mixed = np.random.RandomState(seed).permutation(len(y))
    held = np.zeros(len(y), bool)
    order = mixed[np.argsort(y[mixed], kind="stable")]
    _, starts, counts = np.unique(y[order], return_index=True, return_counts=True)
    for start, count in zip(starts, counts, strict=True):
        most = count - 1
        held[order[start : start + min(most, max(1, round(share * count)))]] = True
    return held


def _recordings_held_out(
    y: NDArray[np.int64], share: float, seed: int, recordings: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whole recordings, until each class has `share` of its samples, and never its last one."""
    classes, at = np.unique(y, return_inverse=True)
    names, which = np.unique(recordings, return_inverse=True)
    samples = np.zeros((len(names), len(classes)), np.int64)
    np.add.at(samples, (which, at), 1)
    wanted, left = share * samples.sum(0), (samples > 0).sum(0)
    held = np.zeros(len(names), bool)
    for i in np.random.RandomState(seed).permutation(len(names)):
        own = samples[i] > 0
        if (left[own] > 1).all() and (samples[held].sum(0) < wanted)[own].any():
            held[i] = True
            left[own] -= 1
    return held[which]
