"""Writes a C library as a folder that CMake, a self-test and people can use."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
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

log = logging.getLogger(__name__)


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

    The files of an earlier library are replaced, others stay. Answers the paths.
    Raises InputError, also where `check_folder` does.
    """
    files = {**library.files, **extras(library, list(xs), list(ys))}
    files[MANIFEST] = json.dumps(manifest(plan, library, files, model, sha256), indent=1) + "\n"
    check_folder(folder, force)
    made = _missing(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _exchange(folder, files, [p for p in _written(folder) if (folder / p).is_file()])
    except OSError as e:
        _remove_empty(made)
        raise InputError(
            f"{folder}: cannot be written: {e.strerror}.",
            ["Name another folder with `-o`.", "Check that the disk is not full."],
        ) from e
    except BaseException:
        _remove_empty(made)
        raise
    for path in sorted(files):
        log.debug("%s", folder / path)
    return tuple(sorted(files))


def check_folder(folder: Path, force: bool) -> None:
    """Raise InputError unless `folder` is new, empty, or holds what Ascua wrote, unchanged."""
    parent = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    if not parent.is_dir():
        raise InputError(
            f"{folder}: {'it' if parent == folder else parent} is not a folder.",
            ["Name another folder with `-o`."],
        )
    if not os.access(parent, os.W_OK):
        raise InputError(
            f"{folder}: {parent} cannot be written to.", ["Name another folder with `-o`."]
        )
    if force or not folder.is_dir() or not any(folder.iterdir()):
        return
    before = _written(folder)
    if not before:
        raise InputError(
            f"{folder}: not empty, and Ascua did not write it.",
            ["Name another folder with `-o`.", "Write into it all the same with `--force`."],
        )
    changed = [p for p, h in before.items() if p != MANIFEST and _changed(folder / p, h)]
    if changed:
        raise InputError(
            f"{folder}: {', '.join(changed)} changed since Ascua wrote it.",
            ["Name another folder with `-o`.", "Replace the changes with `--force`."],
        )


def _written(folder: Path) -> dict[str, str]:
    """The files that Ascua wrote to `folder`, with their hashes; none where it wrote none."""
    try:
        table = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not table["generator"].startswith("ascua "):
            return {}
        files = {str(p): str(h) for p, h in table["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    inside = all(not Path(p).is_absolute() and ".." not in Path(p).parts for p in files)
    return {**files, MANIFEST: ""} if inside else {}


def _changed(path: Path, digest: str) -> bool:
    """Whether the file is there and is not the one with that hash."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest


def _missing(folder: Path) -> list[Path]:
    """The folders that have to be made for `folder`, the innermost first."""
    return [p for p in (folder, *folder.parents) if not p.exists()]


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of `folders` that are empty, the innermost first."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _exchange(folder: Path, files: Mapping[str, str], old: Sequence[str]) -> None:
    """Put `files` in place of those called `old`; after an error all is as it was.

    Everything is written before anything is moved, so that a full disk changes nothing.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".ascua-") as temporary:
        new, kept = Path(temporary) / "new", Path(temporary) / "old"
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_text(text, encoding="utf-8")
        subfolders = {(folder / p).parent for p in (*files, *old)} - {folder}
        made = sorted({m for s in subfolders for m in _missing(s)}, reverse=True)
        moved: list[tuple[Path, Path]] = []
        try:
            replaced = {*old, *(p for p in files if (folder / p).exists())}
            moves = [(folder / p, kept / p) for p in sorted(replaced)]
            for source, target in [*moves, *((new / p, folder / p) for p in files)]:
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
                moved.append((source, target))
        except BaseException:
            for source, target in reversed(moved):
                target.rename(source)
            _remove_empty(made)
            raise
        _remove_empty(sorted(subfolders, reverse=True))


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
