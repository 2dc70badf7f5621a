"""The data sets of nncase's `ncc` 0.2: files below a folder, each a sample of a network's input.

What becomes of a file is what `ncc` makes of it, by OpenCV: an image is turned as its camera says,
loses transparency, and is stretched to the input's size by bilinear interpolation between the two
nearest rows and columns, however much smaller it becomes. Floats are pixels / 255, scaled then.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from ascua.data.photos import SUFFIXES, Image3, Photo, opened, tried, upright
from ascua.errors import InputError

AT_ONCE = 32
"""Files that are in memory."""
ONE = 2048
"""The sum of the two weights between bytes, which are integers."""
EXACT = 1e-4
"""How far 255 times a float32 is from the byte that it stands for; rounding takes a third."""


@dataclass(frozen=True)
class Wanted:
    """What the input of a network takes: the shape (h, w, c) of a sample, uint8 or float32."""

    shape: Image3
    dtype: np.dtype[Any]
    mean: float = 0.0
    std: float = 1.0

    @property
    def takes_bytes(self) -> bool:
        """Then mean and deviation have no effect."""
        return self.dtype == np.uint8

    def normalized(self, x: NDArray[Any]) -> NDArray[Any]:
        """Floats less the mean, over the deviation; bytes as they are."""
        if self.takes_bytes:
            return x
        return np.asarray((x - np.float32(self.mean)) / np.float32(self.std), np.float32)


class FileSample(NamedTuple):
    """A file as a sample (h, w, c), or what is wrong with it in words."""

    path: Path
    x: NDArray[Any] | str
    colored: bool = False
    """Whether it has colors where the input takes one channel: it got the blue one."""


@dataclass(frozen=True)
class Format:
    """A kind of data set: the files that belong to it, and how one is read."""

    what: str
    suffixes: tuple[str, ...]
    """In small letters; empty where every file belongs to it."""
    read: Callable[[Path, Wanted], FileSample]

    def files(self, dataset: Path) -> list[Path]:
        """Those in the folder `dataset` and in its folders, sorted; hidden ones are no part of it.

        A file is a data set of itself. Raises InputError where there is none.
        """
        if dataset.is_file():
            return [dataset]
        if not dataset.is_dir():
            raise InputError(
                f"{dataset}: neither a folder nor a file.",
                [f"Give the folder that holds the {self.what}."],
            )
        found = sorted(p for p in _below(dataset) if self._has(p))
        if not found:
            ends = f" ({', '.join(self.suffixes)})" if self.suffixes else ""
            raise InputError(
                f"{dataset}: no {self.what}{ends} in this folder.",
                ["Give the folder that holds them; its folders are looked into."],
            )
        return found

    def samples(self, paths: Sequence[Path], wanted: Wanted) -> Iterator[FileSample]:
        """Each of the files, in their order. Raises ToolMissing where images need Pillow."""
        with ThreadPoolExecutor() as pool:
            for i in range(0, len(paths), AT_ONCE):
                with warnings.catch_warnings(action="ignore"):  # of odd metadata
                    some = list(pool.map(self.read, paths[i : i + AT_ONCE], repeat(wanted)))
                yield from some

    def _has(self, path: Path) -> bool:
        return (not self.suffixes or path.suffix.lower() in self.suffixes) and path.is_file()


def _below(folder: Path) -> Iterator[Path]:
    """All files below it that are not hidden. Raises OSError for a folder that cannot be read."""

    def fail(error: OSError) -> NoReturn:
        raise error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in names if not name.startswith("."))


def _image(path: Path, wanted: Wanted) -> FileSample:
    found = tried(Photo(path, 0), partial(_decoded, path=path, wanted=wanted))
    if found is None:
        return FileSample(path, "it is no JPEG, PNG or BMP file, or its head is damaged")
    return FileSample(path, found) if isinstance(found, str) else found


def _decoded(data: bytes, path: Path, wanted: Wanted) -> FileSample:
    with opened(data, ("JPEG", "PNG", "BMP"), "RGB") as found:
        pixels = np.asarray(upright(found, "RGB"), np.uint8)
    h, w, c = wanted.shape
    x = resized(pixels, h, w, wanted.dtype)
    colored = c == 1 and bool((x != x[..., :1]).any())
    return FileSample(path, wanted.normalized(x[..., 2:] if c == 1 else x), colored=colored)


def _raw(path: Path, wanted: Wanted) -> FileSample:
    h, w, c = wanted.shape
    size = prod(wanted.shape) * wanted.dtype.itemsize
    try:
        if (found := path.stat().st_size) != size:
            what = "bytes" if wanted.takes_bytes else "float32 numbers"
            layout = f"{c} x {h} x {w} {what}: channels, rows, columns"
            return FileSample(path, f"it has {found:,} bytes instead of {size:,} ({layout})")
        values = np.frombuffer(path.read_bytes(), wanted.dtype).reshape(c, h, w)
    except (OSError, ValueError) as e:
        return FileSample(path, f"it cannot be read: {getattr(e, 'strerror', None) or e}")
    return FileSample(path, wanted.normalized(values.transpose(1, 2, 0)))


def _pixels(path: Path, wanted: Wanted) -> FileSample:
    """Bytes, or floats that stand for some exactly: pixels / 255."""
    floats = replace(wanted, dtype=np.dtype("<f4"))
    try:
        if path.stat().st_size != prod(wanted.shape) * floats.dtype.itemsize:
            return _raw(path, wanted)
    except OSError:
        return _raw(path, wanted)
    x = _raw(path, floats).x
    if isinstance(x, str):
        return FileSample(path, x)
    with np.errstate(all="ignore"):
        steps = x * np.float32(255)
        pixels = np.rint(steps)
        wrong = ~((abs(steps - pixels) < EXACT) & (pixels >= 0) & (pixels <= 255))
    if wrong.any():
        value = float(x.reshape(-1)[wrong.reshape(-1).argmax()])
        return FileSample(path, f"it has the float {value:g}, which is no byte / 255")
    return FileSample(path, pixels.astype(np.uint8))


FORMATS = {
    "image": Format("images", (*SUFFIXES, ".bmp"), _image),
    "raw": Format("files", (), _raw),
}
"""By what `--dataset-format` calls them."""
PIXELS = {**FORMATS, "raw": Format("files", (), _pixels)}
"""Likewise, of what is to be bytes: then raw files may have them as floats too."""


def resized(pixels: NDArray[np.uint8], h: int, w: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Pixels (rows, columns, channels) stretched to (h, w, channels), as OpenCV's INTER_LINEAR.

    Bytes are weighted in 1/2048; of the sums 4 bits go before the rows are weighted, 16 behind,
    and the last 2 are rounded. Floats are pixels / 255, in float32.
    """
    above, below, down = _between(pixels.shape[0], h)
    left, right, across = _between(pixels.shape[1], w)
    (x0, x1), (y0, y1) = _weights(across[None, :, None]), _weights(down[:, None, None])
    if dtype != np.uint8:
        unit = np.float32(1 / 255)
        upper, lower = (
            pixels[row[:, None], left] * unit * x0 + pixels[row[:, None], right] * unit * x1
            for row in (above, below)
        )
        return np.asarray(upper * y0 + lower * y1, np.float32)
    near, far, high, low = (np.rint(ONE * v).astype(np.int32) for v in (x0, x1, y0, y1))
    first, second = (
        pixels[row[:, None], left] * near + pixels[row[:, None], right] * far
        for row in (above, below)
    )
    total = ((first >> 4) * high >> 16) + ((second >> 4) * low >> 16)
    return np.asarray((total + 2) >> 2, np.uint8)


def _between(size: int, wanted: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]:
    """For each of so many pixels: the two of `size` that it lies between, and how far from the one.

    Centers of pixels are at halves; past the outermost centers both are the same.
    """
    center = (np.arange(wanted) + 0.5) * (1 / (wanted / size)) - 0.5
    center = center.astype(np.float32)
    one = np.floor(center).astype(np.int64)
    first, second = (np.clip(i, 0, size - 1) for i in (one, one + 1))
    return first, second, center - one.astype(np.float32)


def _weights(part: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of the nearer to the origin, and of the other."""
    return np.float32(1) - part, part
