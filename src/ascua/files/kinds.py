"""What kind a file is, by what it holds: its name may say anything."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """A kind of file: `name` says it in words, `holds` whether a file with such a head is one."""

    name: str
    holds: Callable[[bytes, Path], bool]

    def is_one(self, path: Path) -> bool:
        """Whether the regular file at `path` is of this kind."""
        try:
            with path.open("rb") as file:
                return self.holds(file.read(16), path)
        except Exception:  # a damaged archive makes the reader raise almost anything
            return False


def _is_npz(head: bytes, path: Path) -> bool:
    if not head.startswith(b"PK"):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(name.endswith(".npy") for name in archive.namelist())


def _is_keras(head: bytes, path: Path) -> bool:
    if not head.startswith(b"PK"):
        return False
    with zipfile.ZipFile(path) as archive:
        return "model.weights.h5" in archive.namelist()


RESULT = "result.json"
"""What a training tells of its network, beside it."""

TFLITE = Kind(".tflite file", lambda head, _: head[4:8] == b"TFL3")
KMODEL = Kind("kmodel", lambda head, _: head[:4] in (b"\x03\0\0\0", b"LDMK"))
NPY = Kind(".npy file", lambda head, _: head.startswith(b"\x93NUMPY"))
NPZ = Kind(".npz file of arrays", _is_npz)
EPOCHS = Kind("CSV file of a training's epochs", lambda head, _: head.startswith(b"epoch,"))
KERAS = Kind("Keras file", _is_keras)
DOT = Kind("graph for Graphviz", lambda head, _: head.startswith(b"digraph"))
SVG = Kind("SVG picture", lambda head, _: head.startswith(b"<svg"))
