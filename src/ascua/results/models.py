"""Trained networks kept beside their results, by their hash: measuring needs no training."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ascua import files
from ascua.errors import InputError

FILE = "model.tflite"
"""As a training calls it: C is named after its file, so that both give the same firmware."""


def keep(folder: Path, model: Path) -> None:
    """Keep the .tflite file `model` in the folder of results. Raises InputError."""
    data = model.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if kept(folder, digest) is None:
        files.write(_path(folder, digest), lambda to: to.write_bytes(data))


def kept(folder: Path, sha256: str) -> Path | None:
    """The .tflite file of that hash, if it is kept there. Raises InputError for a damaged one."""
    path = _path(folder, sha256)
    if not path.is_file():
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise InputError(
            f"{path}: it is not the file that its folder is called after.",
            ["Restore it, or move it away: then the recipe is trained."],
        )
    return path


def _path(folder: Path, sha256: str) -> Path:
    return folder / "models" / sha256 / FILE
