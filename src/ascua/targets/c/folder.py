"""Writes a C library as a folder that CMake, a self-test and people can use."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ascua.errors import InputError
from ascua.ir import Array
from ascua.library import Library
from ascua.plan import Buffer, Plan
from ascua.targets.c import extras

MANIFEST = "manifest.json"


def write_folder(
    folder: Path,
    plan: Plan,
    library: Library,
    xs: Sequence[Array],
    ys: Sequence[Array],
    *,
    model: str,
    sha256: str,
    force: bool = False,
) -> tuple[str, ...]:
    """Write `library` to `folder`, all or nothing, with vectors (n, *shape) for the self-test.

    A folder that Ascua wrote is replaced; another one only with `force`. Answers the paths.
    Raises InputError.
    """
    files = {**library.files, **extras(library, list(xs), list(ys))}
    files[MANIFEST] = json.dumps(manifest(plan, library, files, model, sha256), indent=1) + "\n"
    check_folder(folder, force)
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".ascua-") as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_text(text, encoding="utf-8")
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                shutil.move(old, target)
            raise
    return tuple(sorted(files))


def check_folder(folder: Path, force: bool) -> None:
    """Raise InputError unless `folder` is new, empty, or one that may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder.", ["Name another folder with `-o`."])
    if force or not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MANIFEST).exists():
        raise InputError(
            f"{folder}: not empty, and Ascua did not write it.",
            ["Name another folder with `-o`.", "Replace what is there with `--force`."],
        )


def manifest(
    plan: Plan, library: Library, files: Mapping[str, str], model: str, sha256: str
) -> dict[str, Any]:
    """What the folder holds: model, board, memory, tensors, and the hash of every file."""
    return {
        "schema": 1,
        "generator": f"ascua {version('ascua')}",
        "name": library.name,
        "model": {"file": model, "sha256": sha256},
        "board": plan.board.name,
        "arena_bytes": plan.arena,
        "constants_bytes": plan.const_bytes,
        "inputs": [_tensor(b) for b in plan.inputs],
        "outputs": [_tensor(b) for b in plan.outputs],
        "steps": [
            {"function": f, "op": s.op.kind, "kernel": s.kernel.name, "macs": s.macs}
            for f, s in zip(library.steps, plan.steps, strict=True)
        ],
        "files": {p: hashlib.sha256(t.encode()).hexdigest() for p, t in sorted(files.items())},
    }


def _tensor(b: Buffer) -> dict[str, Any]:
    t = b.tensor
    assert t is not None
    quant = t.quant if t.dtype != "float32" else None
    return {
        "name": t.name,
        "shape": list(t.shape),
        "dtype": t.dtype,
        "scale": quant.scale if quant else None,
        "zero_point": quant.zero_point if quant else None,
        "arena_offset": b.offset,
    }
