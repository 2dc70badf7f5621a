"""What a data set is, and the table of data sets: name → a function that loads one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError, did_you_mean


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images, split for good into training and test images."""

    name: str
    x_train: NDArray[np.uint8]
    """(n, h, w, c), 0..255."""
    y_train: NDArray[np.int64]
    """(n,), indices into `classes`."""
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def image(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        h, w, c = self.x_train.shape[1:]
        return h, w, c


@dataclass(frozen=True)
class Request:
    """What a user asks of a data set."""

    data_dir: Path | None = None
    """Where the files already are; None: the cache, filled from the publisher's address."""
    image: tuple[int, int, int] | None = None
    """Height, width and channels wanted; a data set of one size does not look at it."""
    skip_damaged: bool = False
    """Whether images that cannot be read are left out; otherwise they are an error."""


Loader = Callable[[Request], Dataset]

_LOADERS: dict[str, Loader] = {}


def dataset(name: str) -> Callable[[Loader], Loader]:
    """Decorator that enters a loader under `name`."""

    def enter(loader: Loader) -> Loader:
        assert name not in _LOADERS, name
        _LOADERS[name] = loader
        return loader

    return enter


def names() -> tuple[str, ...]:
    """The names of all data sets, sorted."""
    return tuple(sorted(_LOADERS))


def load(
    name: str,
    data_dir: Path | None = None,
    *,
    image: tuple[int, int, int] | None = None,
    skip_damaged: bool = False,
) -> Dataset:
    """The data set `name`, from `data_dir`, from the cache, or from its publisher.

    `image` (h, w, c) is what photographs are brought to; sets of one size ignore it.
    Raises InputError for an unknown name, for absent data that cannot be downloaded, and for
    damaged files (images are left out with `skip_damaged`); ToolMissing where a Python package is
    needed and absent.
    """
    if name not in _LOADERS:
        raise InputError(f"There is no data set called {name!r}.", did_you_mean(name, names()))
    return _LOADERS[name](Request(data_dir, image, skip_damaged))
