"""What belongs to the repository stays in it, and what it does not have is not asked for."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_makefile_names_no_path_outside_the_repository() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"\S*\.\./\S*|(?<=[\s=])(?:/\w|~|\$[({]HOME)\S*", text) == []
