"""Which state of the source tree a measurement comes from."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
NOT_COMPILING = frozenset({
    "bench", "chance", "cli", "compare", "data", "errors", "figures", "files", "k210", "kmodel",
    "kpu", "labels", "ncc", "nearness", "pruning", "recipes", "report", "results", "study", "train",
    "validation", "zoo",
})  # fmt: skip
"""Parts of the package that decide nothing of what a network becomes on a board."""


@cache
def code() -> str:
    """The SHA-256 of all of this package that compiles and measures networks."""
    found = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        part = path.relative_to(PACKAGE)
        compiles = part.parts[0].removesuffix(".py") not in NOT_COMPILING
        if path.is_file() and compiles and path.suffix != ".pyc":
            found.update(f"{part.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def source_tree() -> tuple[str | None, bool | None]:
    """The commit of the tree that this package runs from, and whether the tree is unchanged.

    (None, None) for an installed package, or without git.
    """
    root = Path(__file__).parents[3]
    if shutil.which("git") is None or not (root / ".git").exists():
        return None, None
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", "src")
    return commit, None if changed is None else changed == ""


def _git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None
