"""Reads .npy and .npz files of others, in a memory that the file accounts for."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ascua import files
from ascua.errors import InputError, brief

MOST_BYTES = 1 << 32
"""A larger file has more samples than are looked at."""
NPY, ZIP = b"\x93NUMPY", b"PK"
"""How .npy and .npz files begin."""
FREELY = 1 << 28
"""Bytes that the arrays of an .npz may take however small it is."""
MOST_EXPANSION = 100
"""Beyond that, how many times its own size: photographs do not shrink by ten."""


def read(path: Path) -> Mapping[str, NDArray[np.generic]]:
    """The arrays of numbers in the file, by name, in this computer's byte order; "" of an .npy.

    Raises InputError, naming it, for what cannot be opened, is damaged, encrypted or no array, and
    for what would take a memory out of proportion.
    """
    try:
        files.check_regular(path, MOST_BYTES)
        with path.open("rb") as f, warnings.catch_warnings(action="ignore"):
            if not f.read(len(NPY)).startswith((NPY, ZIP)):
                raise _no_array(path)
            f.seek(0)
            loaded = np.load(f, allow_pickle=False)  # it warns of headers that Python 2 wrote
            if isinstance(loaded, np.ndarray):
                return {"": _native(loaded)}
            with loaded:
                _check_expansion(path, loaded.zip)
                return {name: _native(np.asarray(loaded[name])) for name in loaded.files}
    except InputError:
        raise
    except OSError as e:
        if e.strerror:
            raise InputError(
                f"{path}: cannot be read: {e.strerror}.", ["Check the path of the file."]
            ) from e
        raise _damaged(path, e) from e
    except Exception as e:  # zipfile, zlib, struct, tokenize: each has errors of its own
        raise _damaged(path, e) from e


def _native(a: NDArray[np.generic]) -> NDArray[np.generic]:
    """`a` in this computer's byte order."""
    return a.astype(a.dtype.newbyteorder("="), copy=False)


def _check_expansion(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise InputError where the arrays are far larger than the file: zip files can claim that."""
    expanded, packed = sum(m.file_size for m in archive.infolist()), path.stat().st_size
    if expanded > max(FREELY, MOST_EXPANSION * packed):
        raise InputError(
            f"{path}: its {packed:,} bytes expand to {expanded:,}, which no real data do.",
            ["Save it without compression: numpy.savez."],
        )


def _no_array(path: Path) -> InputError:
    pictures = path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
    return InputError(
        f"{path}: neither an .npy nor an .npz file.",
        [
            *(["Pictures go in folders, one for each class: `--data FOLDER`."] if pictures else ()),
            "Write arrays with numpy.save(path, array).",
        ],
    )


def _damaged(path: Path, e: Exception) -> InputError:
    detail = brief((str(e).splitlines() or [type(e).__name__])[0], 100)
    if "pickle" in detail:  # whose remedy is a program of the file's
        detail = "it holds objects"
    return InputError(
        f"{path}: not a complete .npy or .npz file of numbers ({detail}).",
        ["Write it with numpy.save(path, array); arrays of objects are not taken."],
    )
