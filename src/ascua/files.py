"""Writes a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ascua.errors import InputError

ANOTHER = "Check that the disk is not full, or name another file."


def check(path: Path, example: str) -> None:
    """Raise InputError unless `path` can be written: before a long run.

    `example` is the option that names it, with a name that would do.
    """
    if obstacle := _obstacle(path):
        raise InputError(f"{path}: {obstacle}.", [f"Name a file: `{example}`."])
    if not path.parent.is_dir():
        raise InputError(
            f"{path}: the folder {path.parent} does not exist.",
            ["Make it first, or name another file."],
        )
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            f"{path}: the folder {path.parent} cannot be written to.", ["Name another file."]
        )


def write(path: Path, fill: Callable[[Path], object], remedy: str = ANOTHER) -> None:
    """Make the file `path`, and its folder, by `fill`, which writes to a path of the same name.

    What `path` held, through a link too, stays until all is there. Raises InputError with the
    `remedy` where it cannot be written; whatever `fill` raises else passes, and nothing is left.
    """
    target = Path(os.path.realpath(path))  # unlike resolve(), it takes a link to itself
    try:
        if obstacle := _obstacle(path):
            raise InputError(f"{path}: {obstacle}.", [remedy])
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".ascua-") as folder:
            temporary = Path(folder) / path.name
            fill(temporary)
            temporary.replace(target)
    except OSError as e:
        raise InputError(f"{path}: cannot be written: {e.strerror or e}.", [remedy]) from e


def write_text(path: Path, text: str, remedy: str = ANOTHER) -> None:
    """As `write`, of `text` in UTF-8."""
    write(path, lambda to: to.write_text(text, encoding="utf-8"), remedy)


def _obstacle(path: Path) -> str | None:
    """What is at `path` in place of a file, if anything is."""
    if path.is_dir():
        return "it is a folder"
    return "it is no regular file" if path.exists() and not path.is_file() else None
