"""Which state of the source tree a measurement comes from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


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
