"""Folders for what is not finished yet; those of killed processes are swept."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class Scratch:
    """How such folders are called, and what they hold: nobody else's is swept."""

    prefix: str
    suffix: str = ""
    holds: str = "new"
    """A regular expression of the names in them."""

    def is_one(self, path: Path) -> bool:
        """Whether `path` looks like one, and is no link to one."""
        name = re.escape(self.prefix) + r"\w+" + re.escape(self.suffix)
        return (
            re.fullmatch(name, path.name) is not None
            and path.is_dir()
            and not path.is_symlink()
            and all(re.fullmatch(self.holds, p.name) for p in path.iterdir())
        )


OUTPUT = Scratch(".ascua-", ".part", "new|gone")
"""Beside an output, for what comes and what goes. One with what is not Ascua's in `old` stays."""
BUILDING = Scratch(".building-")
RUNNING = Scratch(".running-", holds=r"\d+")
READING = Scratch("reading-")
UNPACKING = Scratch("unpacking-")
PACKING = Scratch("packing-")


@contextlib.contextmanager
def temporary(folder: Path, scratch: Scratch) -> Iterator[Path]:
    """A folder in `folder` for a while; those that killed processes left there go first.

    It is locked for as long as this process lives, so that others know it is in use.
    """
    sweep(folder, scratch)
    path, lock = _make(folder, scratch)
    try:
        yield path
    finally:
        if scratch.is_one(path):
            shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep(folder: Path, *scratches: Scratch) -> None:
    """Remove those in `folder` whose process is dead: which nobody has locked."""
    found: list[Path] = []
    with contextlib.suppress(OSError):  # it may be writable and not readable
        found = list(folder.iterdir())
    for path in found:
        with contextlib.suppress(OSError):  # another process may sweep it too
            if any(s.is_one(path) for s in scratches) and (lock := _lock(path)) is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in `folder`, among those that ask for it; it waits while another process is."""
    lock = None
    with contextlib.suppress(OSError):  # a file system without locks
        lock = _lock(folder, wait=True)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def is_locked(folder: Path) -> bool:
    """Whether another process is alone in `folder`, as far as the file system can tell."""
    try:
        lock = _lock(folder)
    except BlockingIOError:
        return True
    except OSError:
        return False
    if lock is not None:
        os.close(lock)
    return False


def is_scratch(path: Path) -> bool:
    """Whether `path` is a folder for a while, of any kind."""
    return any(s.is_one(path) for s in (OUTPUT, BUILDING, RUNNING, READING, UNPACKING, PACKING))


def _make(folder: Path, scratch: Scratch) -> tuple[Path, int | None]:
    """A new folder with its lock; None where the file system has none."""
    while True:
        path = Path(tempfile.mkdtemp(scratch.suffix, scratch.prefix, folder))
        try:
            lock = _lock(path)
        except (BlockingIOError, FileNotFoundError):
            continue  # another process took it for a dead one's
        except OSError:
            return path, None
        if lock is None or path.exists():
            return path, lock
        os.close(lock)


def _lock(folder: Path, *, wait: bool = False) -> int | None:
    """A descriptor that keeps `folder` locked while it is open; None where there are no locks.

    Raises BlockingIOError when another process has it, unless it is to `wait`.
    """
    if sys.platform == "win32":
        return None
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock
