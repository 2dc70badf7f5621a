"""Networks that every format exports, and projects of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ascua.ir import Graph
from ascua.ops.add import Add
from tests.support import activation, network
from tests.support.command import MODELS, ascua, model_file
from tests.support.examples import small

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
"""What no file of an exported project gives."""
REAL = ("ic", "kws", "seed")


def two_inputs() -> Graph:
    """A network with two inputs and one output."""
    a, b, y = (activation(name, (1, 4, 4, 3)) for name in ("a", "b", "y"))
    return network(Add((a, b), (y,), "NONE"))


def model(folder: Path, name: str) -> Path:
    """The file of a network: `small`, `two`, or one of the real ones, which may be absent."""
    if name in REAL:
        path = MODELS / f"{name}.tflite"
        if not path.exists():
            pytest.skip(f"{name}.tflite is no part of the repository")
        return path
    return model_file(folder, {"small": small, "two": two_inputs}[name](), name)


def exported(form: str, path: Path, to: Path, *more: object) -> Path:
    """The folder `to`, with the network at `path` exported in a format."""
    done = ascua("export", form, path, "-o", to, *more)
    assert done.code == 0, done.err
    return to


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in `folder`."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*")) if p.is_file()
    }  # fmt: skip
