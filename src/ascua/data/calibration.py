"""Images without labels, for calibration: of a data set, or all in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ascua.data.folder import scattered
from ascua.data.photos import NAMED, SUFFIXES, Image3, Photo, attempt
from ascua.data.registry import load, names
from ascua.errors import InputError, did_you_mean


def chosen(total: int, count: int, seed: int) -> NDArray[np.int64]:
    """The indices of `count` of `total` samples (or all), ascending; the same for a seed."""
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])


def images(
    source: str, image: Image3, count: int, seed: int, data_dir: Path | None, skip_damaged: bool
) -> NDArray[np.uint8]:
    """`count` images (n, h, w, c) of the training part of a data set, or in the folder `source`.

    Raises InputError for an unknown source, an empty folder, damaged images (left out with
    `skip_damaged`), and a data set of another size.
    """
    if source in names():
        x = load(source, data_dir, image=image, skip_damaged=skip_damaged).x_train
        if x.shape[1:] != image:
            raise InputError(
                f"{source}: its images are {size(x.shape[1:])}, and the model takes {size(image)}.",
                ["Calibrate with what the model was trained on."],
            )
        return np.asarray(x[chosen(len(x), count, seed)])
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(
            f"{source}: neither a data set, nor a folder of images, nor an .npy file.",
            did_you_mean(source, names()),
        )
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise InputError(
            f"{source}: no images ({', '.join(SUFFIXES)}) in this folder.",
            ["Give the folder that holds them; its folders are looked into."],
        )
    files.sort(key=scattered)
    return _decoded([files[i] for i in chosen(len(files), count, seed)], image, skip_damaged)


def _decoded(files: Sequence[Path], image: Image3, skip_damaged: bool) -> NDArray[np.uint8]:
    found = [attempt(Photo(p, 0), image) for p in files]
    damaged = [f"{p}: {x}" for p, x in zip(files, found, strict=True) if isinstance(x, str)]
    pixels = [x for x in found if not isinstance(x, str)]
    if damaged and not (skip_damaged and pixels):
        more = f"; and {len(damaged) - NAMED} more" if len(damaged) > NAMED else ""
        raise InputError(
            f"{len(damaged)} images cannot be read: {'; '.join(damaged[:NAMED])}{more}.",
            ["Replace or delete them.", "Leave them out with `--skip-damaged`."],
        )
    return np.stack(pixels)


def size(shape: Sequence[int]) -> str:
    """`32 x 32 x 3`."""
    return " x ".join(map(str, shape))
