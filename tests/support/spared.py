"""What a folder holds, to the last bit, link and mode: to see that nothing of it was lost."""

from __future__ import annotations

import stat
from pathlib import Path


def everything(folder: Path) -> dict[str, tuple[int, object]]:
    """Mode, and content or target, of all below `folder`, and the mode of itself."""
    found: dict[str, tuple[int, object]] = {".": (folder.lstat().st_mode, None)}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        held: object = None
        if stat.S_ISLNK(mode):
            held = str(path.readlink())
        elif stat.S_ISREG(mode):
            held = path.read_bytes()
        found[str(path.relative_to(folder))] = (mode, held)
    return found
