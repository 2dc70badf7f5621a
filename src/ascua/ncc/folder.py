"""The folder that `ncc infer` writes: a .bin file an input file, under the same name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ascua.errors import InputError
from ascua.files import folders

FORM = folders.Form(
    "folder of outputs", lambda path, _: "/" not in path and path.endswith(".bin"), "OUTDIR"
)


def names(paths: Sequence[Path]) -> list[str]:
    """What becomes of each input file: `cat.bin` of `cats/cat.jpg`.

    Raises InputError where two would become the same: `ncc` keeps the last of them.
    """
    found: dict[str, Path] = {}
    for path in paths:
        name = f"{path.stem}.bin"
        if name in found:
            raise InputError(
                f"{found[name]} and {path} would both become {name}.",
                ["Rename one of them.", "Give their folders one at a time."],
            )
        found[name] = path
    return list(found)


def check(folder: Path, dataset: Path, *, force: bool) -> None:
    """Raise InputError unless outputs can and may be written there: before a long run."""
    inner, outer = (Path(os.path.realpath(p)) for p in (folder, dataset))
    if dataset.is_dir() and outer in (inner, *inner.parents):
        where = "the data set itself" if inner == outer else f"in the data set {dataset}"
        raise InputError(
            f"{folder}: it is {where}: outputs would become inputs.",
            ["Name a folder beside it."],
        )
    folders.check(folder, FORM, force=force)


def write(
    folder: Path, files: Mapping[str, bytes], model: Mapping[str, str], *, force: bool
) -> None:
    """Make the folder hold `files`, in place of those of an earlier run; all of them or nothing.

    `model` is the file's name and SHA-256, for the manifest. Raises InputError as `check` does.
    """
    folders.fill(folder, FORM, files, about={"model": dict(model)}, force=force)
