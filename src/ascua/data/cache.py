"""The folder where downloaded and decoded data lie, shared by processes that run at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path


def cache_folder() -> Path:
    """Where downloaded data sets lie: `ascua` in $XDG_CACHE_HOME, or in ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if Path(root).is_absolute() else Path.home() / ".cache") / "ascua"


@contextlib.contextmanager
def alone(path: Path) -> Iterator[BufferedRandom | None]:
    """The file at `path`, open and locked; it waits while another process has it.

    None when that process has moved or removed the file meanwhile. An empty file does not stay.
    """
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            same = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            same = False
        if not same:
            yield None
            return
        try:
            yield file
        finally:
            if file.seek(0, os.SEEK_END) == 0:
                path.unlink(missing_ok=True)
