"""Samples of your own in a NumPy file, ready to train on: images, or values of sensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ascua import arrays
from ascua.data.registry import Dataset, Request, dataset
from ascua.errors import InputError

KEYS = ("x_train", "y_train", "x_test", "y_test")
MOST_CLASSES = 4096
"""More than any network for a microcontroller tells apart."""
REMEDY = (
    "Write it with `np.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)`: images are "
    "uint8 (n, h, w, c) or (n, h, w), other samples numbers of one to three dimensions (n, ...), "
    "labels integers from 0.",
    "`classes`, an array of names, may be there too, and `recordings`, a number for each training "
    "sample: those of one recording overlap.",
)


@dataset("npz")
def npz(asked: Request) -> Dataset:
    """The arrays x_train, y_train, x_test and y_test, and `classes` if there, of an .npz file.

    `data_dir` is that file, or a folder that holds one. Images are uint8 (n, h, w, c), or
    (n, h, w) for gray ones; all else becomes float32 (n, ...); labels are integers (n,) from 0.
    """
    if asked.data_dir is None:
        raise InputError("The data set 'npz' is yours: where is it?", ["Give `--data-dir` a file."])
    path = find(asked.data_dir)
    try:
        table = arrays.read(path)
    except InputError as e:
        raise InputError(f"{path}: not a data set: {e.what}", REMEDY) from e
    if missing := [key for key in KEYS if key not in table]:
        raise InputError(f"{path}: not a data set: it has no {', '.join(missing)}.", REMEDY)
    x_train, y_train, x_test, y_test = (table[key] for key in KEYS)
    names = table.get("classes")
    try:
        y_train, y_test = labels(y_train, x_train), labels(y_test, x_test)
        count = int(max(y_train.max(), y_test.max())) + 1
        told = count if names is None else max(count, names.size)
        if told > MOST_CLASSES:
            raise ValueError(f"there are {told} classes; at most {MOST_CLASSES} are taken")
        if names is not None and (names.ndim != 1 or len(names) < count):
            raise ValueError(f"there are labels up to {count - 1}, but {len(names)} classes")
        x_train, x_test = samples(x_train), samples(x_test)
        if (x_train.shape[1:], x_train.dtype) != (x_test.shape[1:], x_test.dtype):
            raise ValueError(
                f"samples of {x_train.dtype} {x_train.shape[1:]} and of {x_test.dtype}"
                f" {x_test.shape[1:]}"
            )
        recordings = table.get("recordings")
        if recordings is not None:
            recordings = labels(recordings, x_train)
    except (ValueError, TypeError) as e:
        raise InputError(f"{path}: not a data set: {e}.", REMEDY) from e
    classes = map(str, range(count) if names is None else names)
    return Dataset(
        "npz", x_train, y_train, x_test, y_test, tuple(classes), recordings=recordings
    )  # fmt: skip


def find(data_dir: Path) -> Path:
    """The file `data_dir`, or the one .npz file in it. Raises InputError without one."""
    if not data_dir.is_dir():
        return data_dir
    found = sorted(data_dir.glob("*.npz"))
    if len(found) != 1:
        raise InputError(f"{data_dir}: {len(found)} .npz files.", ["Give `--data-dir` the file."])
    return found[0]


def samples(x: NDArray[np.generic]) -> NDArray[Any]:
    """Images uint8 (n, h, w, c), or values float32 (n, ...). Raises ValueError for all else."""
    if x.dtype == np.uint8 and x.ndim in (3, 4):
        x = x[..., None] if x.ndim == 3 else x
    elif x.dtype.kind in "iuf" and 2 <= x.ndim <= 4:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise ValueError("samples hold NaN, infinite or too large values")
    else:
        raise ValueError(f"samples are {x.dtype} {x.shape}")
    if 0 in x.shape:
        raise ValueError(f"samples are {x.dtype} {x.shape}: none")
    return x


def labels(y: NDArray[np.generic], x: NDArray[np.generic]) -> NDArray[np.int64]:
    """Labels (n,) of the samples `x`. Raises ValueError for what are none."""
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1] or not len(y):
        raise ValueError(f"labels are {y.dtype} {y.shape}, samples {x.shape}")
    whole = y.astype(np.int64)
    if whole.min() < 0:
        raise ValueError("there is a label below 0")
    return whole
