"""Random changes to training images that leave their class alone: one function each, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua.errors import InputError, did_you_mean

Images = NDArray[np.uint8]
Values = NDArray[np.float32]
Augmentation = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]
"""(samples (n, ...), random numbers) → as many of the same size."""

_AUGMENTATIONS: dict[str, Augmentation] = {}
_OF_VALUES: set[str] = set()
"""Those for float samples; the others are for images of bytes."""


def names() -> tuple[str, ...]:
    """The names that a recipe's `augment` may list, sorted."""
    return tuple(sorted(_AUGMENTATIONS))


def pick(wanted: tuple[str, ...]) -> tuple[Augmentation, ...]:
    """The functions called `wanted`. Raises InputError with the known names."""
    for name in wanted:
        if name not in _AUGMENTATIONS:
            raise InputError(
                f"There is no augmentation called {name!r}.", did_you_mean(name, names())
            )
    return tuple(_AUGMENTATIONS[name] for name in wanted)


def check(wanted: tuple[str, ...], *, images: bool) -> None:
    """Raise InputError for an augmentation that is not for `images`, or for them alone."""
    fitting = sorted(n for n in names() if (n not in _OF_VALUES) == images)
    for name in wanted:
        if name not in fitting:
            kind = ("values", "images") if images else ("images", "values")
            raise InputError(
                f"augment: {name!r} is for {kind[0]}, and the data set has {kind[1]}.",
                [f"For {kind[1]} there are: {', '.join(fitting)}."],
            )


def _augmentation(f: Augmentation) -> Augmentation:
    """Decorator that enters `f`, for images, under its own name."""
    _AUGMENTATIONS[f.__name__] = f
    return f


def _of_values(f: Augmentation) -> Augmentation:
    """Decorator that enters `f`, for values, under its own name."""
    _OF_VALUES.add(f.__name__)
    return _augmentation(f)


@_of_values
def gain(x: Values, rng: np.random.Generator) -> Values:
    """Scales each sample by 0.9 to 1.1: a sensor that sits looser or tighter."""
    factor = rng.uniform(0.9, 1.1, (len(x), *(1 for _ in x.shape[1:])))
    return np.asarray(x * factor, np.float32)


@_of_values
def noise(x: Values, rng: np.random.Generator) -> Values:
    """Adds to each channel noise of 5 % of its deviation in these samples."""
    deviation = x.std(axis=tuple(range(x.ndim - 1)))
    return np.asarray(x + 0.05 * deviation * rng.standard_normal(x.shape), np.float32)


@_of_values
def roll(x: Values, rng: np.random.Generator) -> Values:
    """Turns each window by some rows, those that leave it coming in at its other end."""
    steps = rng.integers(0, x.shape[1], len(x))
    rows = (np.arange(x.shape[1]) - steps[:, None]) % x.shape[1]
    return np.asarray(x[np.arange(len(x))[:, None], rows])


@_augmentation
def flip(x: Images, rng: np.random.Generator) -> Images:
    """Mirrors every second image, on average, left to right."""
    mirrored = rng.random(len(x)) < 0.5
    return np.asarray(np.where(mirrored[:, None, None, None], x[:, :, ::-1], x), np.uint8)


@_augmentation
def crop(x: Images, rng: np.random.Generator) -> Images:
    """Moves each image by up to an eighth of its size; what comes in is the image reflected."""
    return _moved(x, rng, "reflect")


@_augmentation
def shift(x: Images, rng: np.random.Generator) -> Images:
    """Moves each image by up to an eighth of its size; what comes in is 0."""
    return _moved(x, rng, "constant")


@_augmentation
def contrast(x: Images, rng: np.random.Generator) -> Images:
    """Scales each image's values by 0.75 to 1.25, clipped to 255."""
    factor = rng.uniform(0.75, 1.25, (len(x), 1, 1, 1)).astype(np.float32)
    return np.asarray(np.minimum(x * factor + 0.5, 255), np.uint8)


@_augmentation
def warp(x: Images, rng: np.random.Generator) -> Images:
    """Turns each image by up to 10 degrees, scales it by up to 10 %, moves it by up to 1/16."""
    n, h, w, _ = x.shape
    angle, size = rng.uniform(-0.175, 0.175, (n, 1, 1)), rng.uniform(0.9, 1.1, (n, 1, 1))
    dy, dx = (rng.uniform(-1 / 16, 1 / 16, (n, 1, 1)) * side for side in (h, w))
    y, z = np.mgrid[:h, :w] - np.array([(h - 1) / 2, (w - 1) / 2])[:, None, None]
    rows = size * (np.cos(angle) * y - np.sin(angle) * z) + dy + (h - 1) / 2
    columns = size * (np.sin(angle) * y + np.cos(angle) * z) + dx + (w - 1) / 2
    return _sampled(x, rows, columns)


def _sampled(x: Images, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Images:
    """Bilinear values of each image at (rows, columns), each (n, h, w); 0 outside."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = np.clip(rows + 1, 0, padded.shape[1] - 1.001)
    columns = np.clip(columns + 1, 0, padded.shape[2] - 1.001)
    i, j, image = rows.astype(int), columns.astype(int), np.arange(len(x))[:, None, None]
    fy, fx = (rows - i)[..., None], (columns - j)[..., None]
    upper = padded[image, i, j] * (1 - fx) + padded[image, i, j + 1] * fx
    lower = padded[image, i + 1, j] * (1 - fx) + padded[image, i + 1, j + 1] * fx
    return np.asarray(np.round(upper * (1 - fy) + lower * fy), np.uint8)


def _moved(x: Images, rng: np.random.Generator, mode: str) -> Images:
    """A window of the image's size at a random place of the padded image."""
    n, h, w, _ = x.shape
    py, px = max(1, h // 8), max(1, w // 8)
    padded = np.pad(x, ((0, 0), (py, py), (px, px), (0, 0)), mode=mode)  # type: ignore[call-overload]
    rows, columns = rng.integers(0, 2 * py + 1, n), rng.integers(0, 2 * px + 1, n)
    windows = zip(padded, rows, columns, strict=True)
    return np.stack([image[i : i + h, j : j + w] for image, i, j in windows])
