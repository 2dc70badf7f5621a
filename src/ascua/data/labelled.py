"""Labelled samples to judge a network by: a data set's test part, or a folder's classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua.data.calibration import check_image, size
from ascua.data.folder import by_class, photos, split
from ascua.data.photos import pixels
from ascua.data.registry import Request, load, names
from ascua.errors import InputError, did_you_mean


class Labelled(NamedTuple):
    """Samples and the index of each one's class."""

    x: NDArray[Any]
    """(n, ...): uint8 images, or float32 values."""
    y: NDArray[np.int64]
    classes: tuple[str, ...]


def labelled(
    source: str, shape: tuple[int, ...], data_dir: Path | None, *, skip_damaged: bool
) -> Labelled:  # fmt: skip
    """The test part of a data set, or all images of the folder `source`, `<class>/*.jpg` or .png.

    `shape` is that of a sample. Of a folder with train/ and test/ (or val/), the latter's. Raises
    InputError for an unknown source, a wrong folder, damaged images, and a data set of another
    size.
    """
    if source in names():
        found = load(
            source, data_dir, shape=shape, skip_damaged=skip_damaged, test_alone=True
        )  # fmt: skip
        if found.shape != shape:
            raise InputError(
                f"{source}: its {found.noun} are {size(found.shape)}, and the networks take"
                f" {size(shape)}.",
                ["Give the data set that the networks were trained on."],
            )
        return Labelled(found.x_test, found.y_test, found.classes)
    root = Path(source)
    if not root.is_dir():
        raise InputError(
            f"{source}: neither a data set, nor a folder of images, nor an .npy or .npz file.",
            did_you_mean(source, names()),
        )
    check_image(source, shape)
    if (root / "train").is_dir():
        train, files = split(root)
        classes = sorted(train)
    else:
        files = by_class(root)
        classes = sorted(files)
    asked = Request(root, shape, skip_damaged=skip_damaged)
    x, y = pixels("labelled", photos(files, classes), asked)
    return Labelled(x, y, tuple(classes))
