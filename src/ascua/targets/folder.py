"""Writes an artifact as a folder, with what its target adds for people and their tools."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ascua import targets
from ascua.artifact import Artifact
from ascua.boards import Board
from ascua.files import folders
from ascua.files.folders import MANIFEST
from ascua.ir import Array
from ascua.plan import Plan, View

log = logging.getLogger(__name__)


def write_folder(
    folder: Path,
    plan: Plan,
    artifact: Artifact,
    xs: Sequence[Array],
    ys: Sequence[Array],
    *,
    model: str,
    sha256: str,
    labels: Sequence[str] = (),
    flat: bool = False,
    force: bool = False,
) -> tuple[str, ...]:
    """Write `artifact`, of `plan`, to `folder`, all or nothing.

    The samples `xs` and outputs `ys` (n, *shape) are vectors for a test of it; `labels` names the
    classes; `flat` puts all files side by side.

    The files of an earlier one are replaced, others stay. Answers the paths.
    Raises InputError, also where `check_folder` does.
    """
    target = targets.of(plan.board)
    files = {**artifact.files, **target.extras(artifact, xs, ys, labels)}
    if flat:
        files = dict(target.flat(artifact, files))
    told = manifest(plan, artifact, files, model, sha256)
    files[MANIFEST] = (json.dumps(told, indent=1) + "\n").encode()
    folders.exchange(folder, target.form, files, force=force)
    for path in sorted(files):
        log.debug("%s", folder / path)
    return tuple(sorted(files))


def check_folder(folder: Path, board: Board, *, force: bool) -> None:
    """Raise InputError unless `folder` is new, empty, or holds what Ascua wrote, unchanged.

    That is of the form that the target of `board` has."""
    folders.check(folder, targets.of(board).form, force=force)


def manifest(
    plan: Plan, artifact: Artifact, files: Mapping[str, bytes], model: str, sha256: str
) -> dict[str, Any]:
    """What the folder holds: the artifact, and the hash of every file."""
    return {
        **folders.header(targets.of(plan.board).form),
        **about(plan, artifact, model, sha256),
        "files": {p: hashlib.sha256(data).hexdigest() for p, data in sorted(files.items())},
    }


def about(plan: Plan, artifact: Artifact, model: str, sha256: str) -> dict[str, Any]:
    """What a manifest tells of an artifact: model, board, goal, memory, tensors, steps."""
    return {
        "name": artifact.name,
        "model": {"file": model, "sha256": sha256},
        "board": plan.board.name,
        **plan.goal.json(),
        "arena_bytes": plan.arena_bytes,
        **({"shared_arena": asdict(plan.shared)} if plan.shared else {}),
        **({"memories": _uses(plan)} if plan.spread else {}),
        **({"state_bytes": plan.state_bytes} if plan.states else {}),
        "constants_bytes": plan.const_bytes,
        "inputs": [_tensor(v) for v in plan.inputs],
        "outputs": [_tensor(v) for v in plan.outputs],
        "steps": [
            {"function": f, "op": s.op.kind, "kernel": s.kernels, "macs": s.macs}
            for f, s in zip(artifact.steps, plan.steps, strict=True)
        ],
    }


def _uses(plan: Plan) -> dict[str, dict[str, int]]:
    """What it takes of each memory; code and stack are no part of the folder's figures."""
    found = {u.memory.name: {k: n for k, n in u.parts.items() if k != "code"} for u in plan.uses(0)}
    return {name: parts for name, parts in found.items() if parts}


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
        **({"memory": v.buffer.memory} if v.buffer.other else {}),
    }
