"""Reads photographs: decodes, crops and scales each once, and keeps the pixels in the cache."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ascua.data.cache import alone, cache_folder
from ascua.data.registry import Dataset, Request
from ascua.errors import PIP_TRAIN, InputError, ToolMissing
from ascua.files import scratch

log = logging.getLogger(__name__)

SUFFIXES = (".jpg", ".jpeg", ".png")
OTHERS = (".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".tif", ".tiff", ".webp")
"""Of pictures that are left out."""
AT_ONCE = 512
"""Photographs between two looks at what could not be read."""
VERSION = 1
"""Of what becomes of a photograph: another version reads all of them anew."""
NAMED = 200
"""Damaged photographs that a message names."""

MOST_PIXELS = 1 << 26
"""Of a photograph: cameras of phones have 50 million. A few bytes can claim any number."""
LARGE = 1 << 23
"""Photographs of more pixels are decoded one at a time: each takes up to 8 bytes a pixel."""
MOST_BYTES = 1 << 27
"""Of an encoded photograph."""

_one_at_a_time = Lock()

Image3 = tuple[int, int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Photo:
    """An encoded image, a file or a piece of one, and its class."""

    path: Path
    label: int
    offset: int = 0
    bytes: int = -1
    """-1: up to the end of the file."""
    member: str = ""
    """Its name in the archive `path`."""

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)


def dataset_of(
    name: str, train: Sequence[Photo], test: Sequence[Photo], classes: Sequence[str], asked: Request
) -> Dataset:
    """The data set of these photographs, in their order, at the size that was asked for.

    Each is cropped around its center to that shape, then scaled. The pixels are mapped from files
    in the cache, so that a set may be larger than the memory. Raises InputError for damaged
    photographs unless they are to be skipped: then they are named as warnings.
    """
    read, damaged = [], list[str]()
    for part, some in (("train", train), ("test", test)):
        if part == "train" and asked.test_alone:
            read.append((np.empty((0, *_size(name, asked)), np.uint8), np.empty(0, np.int64)))
            continue
        try:
            read.append(pixels(f"{name}-{part}", some, asked))
        except Damaged as e:
            damaged += e.photos
    if damaged:
        raise Damaged(name, damaged)
    (x_train, y_train), (x_test, y_test) = read
    return Dataset(name, x_train, y_train, x_test, y_test, tuple(classes))


class Damaged(InputError):
    """Photographs that cannot be read: all of them are named."""

    def __init__(self, title: str, photos: Sequence[str]) -> None:
        """`photos`: each one's path, and what is wrong with it."""
        super().__init__(
            f"{title}: {listed(photos)}",
            ["Replace or delete them.", "Leave them out with `--skip-damaged`."],
        )
        self.photos = photos


def readable(root: Path, files: Iterable[Path]) -> list[Path]:
    """Those of the files in `root` that are photographs, sorted; of other pictures it warns."""
    found = sorted(p for p in files if p.suffix.lower() in SUFFIXES + OTHERS and p.is_file())
    if others := [p for p in found if p.suffix.lower() in OTHERS]:
        log.warning(
            "warning: %s: left out %d of %d pictures, such as %s: JPEG and PNG files are read.",
            root, len(others), len(found), others[0].name,
        )  # fmt: skip
    return [p for p in found if p.suffix.lower() in SUFFIXES]


def _size(name: str, asked: Request) -> Image3:
    """The size that was asked for. Raises InputError where there is none."""
    if asked.shape is None:
        raise InputError(f"{name}: its photographs have no common size, and none was asked for.")
    if len(asked.shape) != 3:
        raise InputError(
            f"{name}: images have three sizes, not {list(asked.shape)}.",
            ["Write height, width and channels: `input = [96, 96, 3]`."],
        )
    h, w, channels = asked.shape
    if channels not in (1, 3):
        raise InputError(
            f"{name}: an image has 1 channel (gray) or 3 (red, green, blue), not {channels}."
        )
    return h, w, channels


def pixels(
    title: str, photos: Sequence[Photo], asked: Request
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels (n, h, w, c) and labels (n,), out of the cache, which is filled first.

    Raises InputError as `dataset_of` does.
    """
    image = _size(title, asked)
    h, w, c = image
    folder = cache_folder() / "photos" / f"{title}-{h}x{w}x{c}-{_key(photos, image, asked)}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while not folder.is_dir():
            with alone(folder.with_suffix(".lock")) as lock:
                if lock is None or folder.is_dir():
                    continue  # another process has done it
                with scratch.temporary(folder.parent, scratch.READING) as temporary:
                    work = temporary / "new"
                    work.mkdir()
                    _fill(work, title, photos, image, asked)
                    work.rename(folder)
        x, y, damaged = _kept(folder, image)
    except OSError as e:
        raise InputError(
            f"{folder}: cannot be used: {e.strerror or e}.",
            ["Make room, or set XDG_CACHE_HOME to a folder with more of it."],
        ) from e
    except (ValueError, EOFError) as e:
        raise InputError(
            f"{folder}: is damaged: {e}.", ["Delete it: it is made anew where it is absent."]
        ) from e
    if damaged:
        log.warning("%s: left out: %s", title, listed(damaged))
    return x, y


def _kept(
    folder: Path, image: Image3
) -> tuple[NDArray[np.uint8], NDArray[np.int64], Sequence[str]]:
    """Pixels, labels and what was left out, as `_fill` wrote them. Raises ValueError."""
    x, y = np.load(folder / "x.npy", mmap_mode="r"), np.load(folder / "y.npy")
    damaged = json.loads((folder / "damaged.json").read_text(encoding="utf-8"))
    if y.dtype != np.int64 or y.ndim != 1 or not len(y) or y.min() < 0:
        raise ValueError("its labels are no numbers of classes")
    if x.dtype != np.uint8 or x.shape[1:] != image or len(x) < len(y):
        raise ValueError("its pixels are not those of the photographs")
    if not isinstance(damaged, list) or not all(isinstance(d, str) for d in damaged):
        raise ValueError("it does not tell what was left out")
    return x[: len(y)], y, damaged


def _key(photos: Sequence[Photo], image: Image3, asked: Request) -> str:
    """A hash of all that the pixels depend on; of files, the names, sizes and times of change."""
    digest = hashlib.sha256(repr((VERSION, image, asked.skip_damaged)).encode())
    stats = {path: path.stat() for path in {p.path for p in photos}}
    for p in photos:
        s = stats[p.path]
        text = (str(p.path.resolve()), s.st_size, s.st_mtime_ns, p.offset, p.bytes, p.label)
        digest.update(repr(text).encode())
    return digest.hexdigest()[:16]


def _fill(folder: Path, title: str, photos: Sequence[Photo], image: Image3, asked: Request) -> None:
    """Write x.npy, y.npy and damaged.json for `photos`."""
    _import_pillow()
    need, free = len(photos) * prod(image), shutil.disk_usage(folder).free
    if need > free:
        raise InputError(
            f"{title}: its pixels take {need:,} bytes in {folder.parent}, where {free:,} are free.",
            ["Set XDG_CACHE_HOME to a folder with more room.", "Choose smaller images."],
        )
    x = np.lib.format.open_memmap(
        folder / "x.npy", mode="w+", dtype=np.uint8, shape=(len(photos), *image)
    )
    with (folder / "x.npy").open("r+b") as file:  # or a disk that fills ends Python by a signal
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    labels: list[int] = []
    damaged: list[str] = []
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as bar,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of odd metadata, which nothing here depends on
        task = bar.add_task(f"Reading {title}", total=len(photos))
        for start in range(0, len(photos), AT_ONCE):
            some = photos[start : start + AT_ONCE]
            for photo, pixels in zip(
                some, pool.map(partial(attempt, image=image), some), strict=True
            ):
                if isinstance(pixels, str):
                    damaged.append(f"{photo}: {pixels}")
                else:
                    x[len(labels)] = pixels
                    labels.append(photo.label)
            bar.advance(task, len(some))
    if damaged and not asked.skip_damaged:
        raise Damaged(title, damaged)
    if not labels:
        raise InputError(f"{title}: there is no photograph that can be read.")
    x.flush()
    np.save(folder / "y.npy", np.array(labels, np.int64))
    (folder / "damaged.json").write_text(json.dumps(damaged), encoding="utf-8")


def listed(damaged: Sequence[str]) -> str:
    """How many photographs cannot be read, and which; of thousands the first ones."""
    noun = "photograph" if len(damaged) == 1 else "photographs"
    more = [f"and {len(damaged) - NAMED:,} more"] if len(damaged) > NAMED else []
    rows = [*damaged[:NAMED], *more]
    return f"{len(damaged):,} damaged {noun}: " + (
        f"{rows[0]}." if len(rows) == 1 else "".join(f"\n  {row}" for row in rows)
    )


def attempt(photo: Photo, image: Image3) -> NDArray[np.uint8] | str:
    """The pixels, or what is wrong in words."""
    found = tried(photo, partial(decode, image=image))
    return "it is neither a JPEG nor a PNG file, or its head is damaged" if found is None else found


def tried(photo: Photo, read: Callable[[bytes], T]) -> T | str | None:
    """What `read` makes of the encoded image, or what is wrong in words; None of no image.

    Raises ToolMissing without Pillow.
    """
    try:
        with photo.path.open("rb") as file:
            size = photo.bytes if photo.bytes >= 0 else file.seek(0, os.SEEK_END) - photo.offset
            if size > MOST_BYTES:
                return f"its {size:,} bytes are more than {MOST_BYTES:,}"
            file.seek(photo.offset)
            return read(file.read(size))
    except ToolMissing:
        raise
    except Exception as e:  # a damaged file makes the decoders raise almost anything
        if type(e).__name__ == "UnidentifiedImageError":  # Pillow names an address in memory
            return None
        return str(e) or type(e).__name__


def decode(data: bytes, image: Image3) -> NDArray[np.uint8]:
    """The pixels (h, w, c) of an encoded image: upright, cropped around its center, scaled.

    Raises OSError or ValueError in words for what cannot be read.
    """
    h, w, c = image
    mode = "L" if c == 1 else "RGB"
    # A JPEG of a multiple of the size is read faster.
    with opened(data, ("JPEG", "PNG"), mode, enough=2 * max(h, w)) as found:
        return _fitted(found, mode, (w, h)).reshape(image)


@contextmanager
def opened(
    data: bytes, formats: Sequence[str], mode: str, *, enough: int | None = None
) -> Iterator[Any]:
    """The image in `data`, of one of the `formats`, ready to be decoded in `mode` by `upright`.

    Where `enough` pixels a side are, a JPEG may be decoded at a part of its size. Large ones are
    open one at a time. Raises OSError or ValueError in words for what cannot be read.
    """
    pillow, _ = _import_pillow()
    with pillow.open(io.BytesIO(data), formats=formats) as found:
        whole = prod(found.size)
        if whole > MOST_PIXELS:
            across, down = found.size
            raise ValueError(f"it has {across:,} x {down:,} pixels; at most {MOST_PIXELS:,} in all")
        if enough is not None:
            found.draft(mode, (enough, enough))
        if found.mode.startswith(("I", "F")):
            raise ValueError(f"it has more than 8 bits a channel ({found.mode})")
        large = max(prod(found.size), whole // 2) > LARGE
        with _one_at_a_time if large else nullcontext():
            yield found


def upright(found: Any, mode: str) -> Any:
    """An opened image in that mode, which is decoded here and turned in place as cameras say."""
    _, ops = _import_pillow()
    ops.exif_transpose(found, in_place=True)
    return found if found.mode == mode else found.convert(mode)


def _fitted(found: Any, mode: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of an opened image."""
    pillow, ops = _import_pillow()
    fitted = ops.fit(upright(found, mode), size, pillow.Resampling.BILINEAR)
    return np.asarray(fitted, np.uint8)


def _import_pillow() -> tuple[Any, Any]:
    """The modules PIL.Image and PIL.ImageOps. Raises ToolMissing without them."""
    try:
        from PIL import Image, ImageOps
    except ImportError as e:
        raise ToolMissing(
            "Photographs are read by Pillow, which is not installed.",
            [f"In Ascua's folder: `{PIP_TRAIN}`."],
        ) from e
    return Image, ImageOps
