"""Samples for calibration: of a data set, or all in a folder; with labels where there are some."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua.data.folder import scattered
from ascua.data.photos import SUFFIXES, Damaged, Image3, Photo, attempt, readable
from ascua.data.registry import load, names
from ascua.errors import InputError, did_you_mean


def chosen(total: int, count: int, seed: int) -> NDArray[np.int64]:
    """The indices of `count` of `total` samples (or all), ascending; the same for a seed."""
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])


class Calibration(NamedTuple):
    """Samples, and the class of each where it is known."""

    x: NDArray[Any]
    """(n, ...): uint8 images, or float32 values."""
    y: NDArray[np.int64] | None


def samples(
    source: str, shape: tuple[int, ...], classes: int, count: int, seed: int, data_dir: Path | None,
    *, skip_damaged: bool,
) -> Calibration:  # fmt: skip
    """`count` samples of `shape` of the training part of a data set, or images in a folder.

    They have labels where the data set has so many `classes`, or where so many folders hold the
    images: those, in the order of their names. Raises InputError for an unknown source, an empty
    folder, damaged images (left out with `skip_damaged`), and a data set of another size.
    """
    if source in names():
        found = load(source, data_dir, shape=shape, skip_damaged=skip_damaged)
        x = found.x_train
        if found.shape != shape:
            raise InputError(
                f"{source}: its {found.noun} are {size(found.shape)}, and the model takes"
                f" {size(shape)}.",
                ["Calibrate with what the model was trained on."],
            )
        at = chosen(len(x), count, seed)
        y = np.asarray(found.y_train[at]) if len(found.classes) == classes else None
        return Calibration(np.asarray(x[at]), y)
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(
            f"{source}: neither a data set, nor a folder of images, nor an .npy file.",
            did_you_mean(source, names()),
        )
    image = check_image(source, shape)
    files = readable(folder, folder.rglob("*"))
    if not files:
        raise InputError(
            f"{source}: no images ({', '.join(SUFFIXES)}) in this folder.",
            ["Give the folder that holds them; its folders are looked into."],
        )
    labels = {name: i for i, name in enumerate(sorted({p.parent.name for p in files}))}
    files.sort(key=scattered)
    some = [files[i] for i in chosen(len(files), count, seed)]
    x, kept = _decoded(some, image, skip_damaged=skip_damaged)
    if len(labels) != classes:
        return Calibration(x, None)
    return Calibration(x, np.array([labels[some[i].parent.name] for i in kept], np.int64))


def _decoded(
    files: Sequence[Path], image: Image3, *, skip_damaged: bool
) -> tuple[NDArray[np.uint8], list[int]]:
    """The pixels of those files that can be read, and which they are."""
    with warnings.catch_warnings(action="ignore"):  # of odd metadata
        found = [attempt(Photo(p, 0), image) for p in files]
    damaged = [f"{p}: {x}" for p, x in zip(files, found, strict=True) if isinstance(x, str)]
    pixels = [x for x in found if not isinstance(x, str)]
    if damaged and not (skip_damaged and pixels):
        raise Damaged("calibration", damaged)
    return np.stack(pixels), [i for i, x in enumerate(found) if not isinstance(x, str)]


def size(shape: Sequence[int]) -> str:
    """`32 x 32 x 3`."""
    return " x ".join(map(str, shape))


def check_image(source: str, shape: tuple[int, ...]) -> Image3:
    """The `shape` of a network's sample as an image's. Raises InputError where it is none."""
    if len(shape) != 3:
        raise InputError(
            f"{source}: the network takes {size(shape)} values, no image.",
            ["Give its samples in an .npy or .npz file, or a data set: `--data npz` or `csv`."],
        )
    h, w, c = shape
    return h, w, c
