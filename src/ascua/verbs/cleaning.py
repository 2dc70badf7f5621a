"""What Ascua keeps to be faster next time, how large it is, and how it goes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ascua.data.cache import cache_folder
from ascua.errors import InputError, did_you_mean
from ascua.files.folders import MANIFEST
from ascua.train.folder import FORM

BUILT = re.compile(r".+-[0-9a-f]{16}")
"""How a build's folder is called: what it is, and the hash of all that it is made of."""


NAMES = ("firmware", "photos", "study", "plugin", "downloads", "trainings")


@dataclass(frozen=True)
class Place:
    """One kind of files that are kept."""

    name: str
    what: str
    again: str
    """How they come back."""
    folder: Path
    parts: tuple[Path, ...]
    """Files and folders that go."""

    @property
    def bytes(self) -> int:
        """That they take on the disk."""
        return sum(_bytes(part) for part in self.parts)


def places(build: Path, trained: Path) -> tuple[Place, ...]:
    """All of them: in the cache, in the folder `build` of firmware, and in `trained`."""
    cache = cache_folder()
    own = {"photos", "build", "study"}
    rows: tuple[tuple[str, str, Path, Callable[[Path], bool]], ...] = (
        ("compiled firmware", "compiled anew", build,
         lambda p: p.is_dir() and bool(BUILT.fullmatch(p.name))),
        ("decoded photographs", "read again from your files", cache / "photos", lambda _: True),
        ("stages of studies, their trainings too", "trained anew: hours", cache,
         lambda p: p.name == "study" or p.name.startswith("study-")),
        ("QEMU's counting plugin", "compiled anew", cache / "build", lambda _: True),
        ("data sets", "downloaded anew", cache,
         lambda p: p.name not in own and not p.name.startswith("study-")),
        ("trained recipes", "trained anew: hours", trained, is_training),
    )  # fmt: skip
    return tuple(
        Place(name, what, again, folder, tuple(sorted(filter(fits, _inside(folder)))))
        for name, (what, again, folder, fits) in zip(NAMES, rows, strict=True)
    )


def is_training(folder: Path) -> bool:
    """Whether it is a folder of `ascua train`, by its manifest."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return bool(told["holds"] == FORM.what)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def named(found: tuple[Place, ...], names: tuple[str, ...]) -> tuple[Place, ...]:
    """Those that are called so. Raises InputError."""
    known = {place.name: place for place in found}
    for name in names:
        if name not in known:
            raise InputError(f"Nothing that is kept is called {name!r}.", did_you_mean(name, known))
    return tuple(known[name] for name in dict.fromkeys(names))


def remove(place: Place) -> int:
    """Remove its parts; answers how many bytes that freed. Raises InputError."""
    freed = 0
    for part in place.parts:
        size = _bytes(part)
        try:
            if part.is_symlink() or not part.is_dir():
                part.unlink(missing_ok=True)
            else:
                shutil.rmtree(part)
        except OSError as e:
            raise InputError(
                f"{part}: cannot be removed: {e.strerror or e}.",
                ["Stop what works in it.", "Look who may write there."],
            ) from e
        freed += size
    return freed


def _inside(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _bytes(part: Path) -> int:
    """Of a file, or of all in a folder; links are not followed."""
    if part.is_symlink() or not part.is_dir():
        return _size(part)
    return sum(_size(Path(at) / name) for at, _, names in os.walk(part) for name in names)


def _size(file: Path) -> int:
    try:
        return file.lstat().st_blocks * 512
    except OSError:
        return 0
