"""Labelled images to judge a network by: a data set's test part, or a folder's classes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ascua.data.calibration import size
from ascua.data.folder import by_class, photos, split
from ascua.data.photos import Image3, pixels
from ascua.data.registry import Request, load, names
from ascua.errors import InputError, did_you_mean


class Labelled(NamedTuple):
    """Images and the index of each one's class."""

    x: NDArray[np.uint8]
    """(n, h, w, c)."""
    y: NDArray[np.int64]
    classes: tuple[str, ...]


def labelled(source: str, image: Image3, data_dir: Path | None, *, skip_damaged: bool) -> Labelled:
    """The test part of a data set, or all images of the folder `source`, `<class>/*.jpg` or .png.

    Of a folder with train/ and test/ (or val/), the latter's. Raises InputError for an unknown
    source, a wrong folder, damaged images, and a data set of another size.
    """
    if source in names():
        found = load(source, data_dir, shape=image, skip_damaged=skip_damaged)
        if found.x_test.shape[1:] != image:
            raise InputError(
                f"{source}: its images are {size(found.x_test.shape[1:])}, and the networks take"
                f" {size(image)}.",
                ["Give the data set that the networks were trained on."],
            )
        return Labelled(found.x_test, found.y_test, found.classes)
    root = Path(source)
    if not root.is_dir():
        raise InputError(
            f"{source}: neither a data set, nor a folder of images, nor an .npy or .npz file.",
            did_you_mean(source, names()),
        )
    if (root / "train").is_dir():
        train, files = split(root)
        classes = sorted(train)
    else:
        files = by_class(root)
        classes = sorted(files)
    asked = Request(root, image, skip_damaged=skip_damaged)
    x, y = pixels("labelled", photos(files, classes), asked)
    return Labelled(x, y, tuple(classes))
