"""Writes a C library as a folder that CMake, a self-test and people can use."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ascua.files import folders
from ascua.files.folders import MANIFEST
from ascua.ir import Array
from ascua.library import Library
from ascua.plan import Plan, View
from ascua.targets.c import extras


def _names(path: str, table: Mapping[str, Any]) -> bool:
    """Whether a library that is called as the manifest `table` says has a file at `path`."""
    name = re.escape(str(table.get("name")))
    own = rf"include/{name}\.h|src/{name}(_weights)?\.[ch]|test/{name}_(selftest\.c|vectors\.h)"
    return bool(re.fullmatch(rf"{own}|src/ascua/\w+\.h|CMakeLists\.txt", path))


FORM = folders.Form("C library", _names, "-o")

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
    folders.exchange(folder, FORM, files, force=force)
    for path in sorted(files):
        log.debug("%s", folder / path)
    return tuple(sorted(files))


def check_folder(folder: Path, *, force: bool) -> None:
    """Raise InputError unless `folder` is new, empty, or holds what Ascua wrote, unchanged."""
    folders.check(folder, FORM, force=force)


def manifest(
    plan: Plan, library: Library, files: Mapping[str, str], model: str, sha256: str
) -> dict[str, Any]:
    """What the folder holds: model, board, memory, tensors, and the hash of every file."""
    return {
        **folders.header(FORM),
        "name": library.name,
        "model": {"file": model, "sha256": sha256},
        "board": plan.board.name,
        "arena_bytes": plan.arena.bytes,
        **({"state_bytes": plan.state_bytes} if plan.states else {}),
        "constants_bytes": plan.const_bytes,
        "inputs": [_tensor(v) for v in plan.inputs],
        "outputs": [_tensor(v) for v in plan.outputs],
        "steps": [
            {"function": f, "op": s.op.kind, "kernel": s.kernels, "macs": s.macs}
            for f, s in zip(library.steps, plan.steps, strict=True)
        ],
        "files": {p: hashlib.sha256(t.encode()).hexdigest() for p, t in sorted(files.items())},
    }


def _tensor(v: View) -> dict[str, Any]:
    t = v.tensor
    quant = t.quant if t.dtype != "float32" else None
    return {
        "name": t.name,
        "shape": list(t.shape),
        "dtype": t.dtype,
        "scale": quant.scale if quant else None,
        "zero_point": quant.zero_point if quant else None,
        "arena_offset": v.offset,
    }
