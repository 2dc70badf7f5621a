"""What a data set is, and the table of data sets: name → a function that loads one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua.data.split import Rows, Selection, held_out
from ascua.errors import InputError, did_you_mean
from ascua.labels import Classes, Labels


class Counts(NamedTuple):
    """How many samples a data set has."""

    training: int
    validation: int
    test: int

    def __str__(self) -> str:
        return ", ".join(f"{n:,} {part}" for part, n in self._asdict().items())


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled samples, split for good into training and test samples.

    They are images, uint8 (n, h, w, c), or values of one to three dimensions, float32 (n, ...). Of
    a data set as it is loaded nothing is for validation: `split` takes that from the training
    samples.
    """

    name: str
    x_train: Rows
    """(n, ...)."""
    y_train: NDArray[np.int64]
    """(n,), indices into `classes`."""
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    classes: tuple[str, ...]
    x_validation: Rows = field(default_factory=lambda: np.empty((0, 1, 1, 1), np.uint8))
    """Kept out of the training, to see how it goes, and for whatever is chosen."""
    y_validation: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    recordings: NDArray[np.int64] | None = None
    """(n,) of the training samples, where they are windows: those of one overlap."""
    held_sha256: str = ""
    """Of what `split` took, and what it took it from; empty where nothing was."""

    def split(self, share: float, seed: int) -> Dataset:
        """Keep `share` (0 to below 1) of each class's training samples for validation, by `seed`.

        One at least of a class that has two, and never all. Nothing is copied. Raises InputError
        where no class has two.
        """
        if share == 0:
            return self
        held = held_out(self.y_train, share, seed, self.recordings)
        if not held.any():
            raise InputError(
                f"{self.name}: no class has two training {self.noun}, one for validation.",
                [f"Give more {self.noun}.", "Write `validation = 0` into the recipe."],
            )
        validation, train = np.flatnonzero(held), np.flatnonzero(~held)
        seen = self.y_train.astype("<i8").tobytes() + held.tobytes()
        return replace(
            self,
            x_train=Selection(self.x_train, train),
            y_train=self.y_train[train],
            x_validation=Selection(self.x_train, validation),
            y_validation=self.y_train[validation],
            held_sha256=hashlib.sha256(seen).hexdigest(),
        )

    @cached_property
    def sha256(self) -> str:
        """The hash of all of it: samples, classes, and their names."""
        found = hashlib.sha256(json.dumps([self.classes, self.x_train.shape]).encode())
        for start in range(0, len(self.x_train), 1024):
            found.update(self.x_train[start : start + 1024].tobytes())
        for rest in (self.y_train, self.x_test, self.y_test, self.x_validation, self.y_validation):
            found.update(json.dumps([rest.shape, len(rest)]).encode())
            found.update(rest[slice(0, len(rest))].tobytes())
        return found.hexdigest()

    @property
    def sizes(self) -> Counts:
        """How many samples each part has."""
        return Counts(len(self.x_train), len(self.x_validation), len(self.x_test))

    @property
    def labels(self) -> Labels:
        """Of the test samples, as whoever measures takes them."""
        return Classes(self.y_test, self.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample: height, width and channels of an image."""
        return self.x_train.shape[1:]

    @property
    def images(self) -> bool:
        """Whether the samples are images of bytes."""
        return self.x_train.dtype == np.uint8

    @property
    def noun(self) -> str:
        """What its samples are called."""
        if self.recordings is not None:
            return "recordings"
        return "images" if self.images else "samples"


@dataclass(frozen=True)
class Request:
    """What a user asks of a data set."""

    data_dir: Path | None = None
    """Where the files already are; None: the cache, filled from the publisher's address."""
    shape: tuple[int, ...] | None = None
    """Wanted of a sample: height, width and channels of an image, rows and columns of a window; a
    data set of one size does not look at it."""
    skip_damaged: bool = False
    """Whether images that cannot be read are left out; otherwise they are an error."""
    test_alone: bool = False
    """Whether training samples are not wanted: a data set of many need not read them then."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What a recipe's table [data] says; most data sets take none."""


Loader = Callable[[Request], Dataset]

_LOADERS: dict[str, Loader] = {}
_TAKES_OPTIONS: set[str] = set()


def dataset(name: str, *, options: bool = False) -> Callable[[Loader], Loader]:
    """Decorator that enters a loader under `name`, and whether it takes `options`."""

    def enter(loader: Loader) -> Loader:
        assert name not in _LOADERS, name
        _LOADERS[name] = loader
        if options:
            _TAKES_OPTIONS.add(name)
        return loader

    return enter


def names() -> tuple[str, ...]:
    """The names of all data sets, sorted."""
    return tuple(sorted(_LOADERS))


def load(
    name: str,
    data_dir: Path | None = None,
    *,
    shape: tuple[int, ...] | None = None,
    skip_damaged: bool = False,
    test_alone: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """The data set `name`, from `data_dir`, from the cache, or from its publisher.

    `shape` is what photographs are brought to (h, w, c), and what windows have (rows, columns);
    sets of one size ignore it. With `test_alone` there may be no training samples in it. `options`
    are the data set's own.
    Raises InputError for an unknown name, for absent data that cannot be downloaded, and for
    damaged files (images are left out with `skip_damaged`); ToolMissing where a Python package is
    needed and absent.
    """
    if name not in _LOADERS:
        raise InputError(f"There is no data set called {name!r}.", did_you_mean(name, names()))
    asked = Request(
        data_dir, shape, skip_damaged=skip_damaged, test_alone=test_alone, options=options or {}
    )
    if asked.options and name not in _TAKES_OPTIONS:
        raise InputError(
            f"The data set {name!r} has no options, not {next(iter(asked.options))!r}.",
            ["Leave the table [data] out of the recipe."],
        )
    return _LOADERS[name](asked)
