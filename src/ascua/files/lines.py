"""Files of results, a line of JSON each: read and appended by any number of processes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ascua.errors import InputError
from ascua.files import write_text
from ascua.files.scratch import locked

REMEDY = ("Each line is one JSON object: mend the file, or move it away.",)


def numbered(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The lines of a results file with their numbers, from 1; none where it does not exist.

    Raises InputError naming the line that is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, ValueError) as e:
        raise InputError(f"{path}: not a file of results: {e}.", REMEDY) from e
    return [(n, _object(path, n, s)) for n, s in enumerate(text.splitlines(), 1) if s]


def read(path: Path) -> list[dict[str, Any]]:
    """As `numbered`, without the numbers."""
    return [line for _, line in numbered(path)]


def _object(path: Path, number: int, text: str) -> dict[str, Any]:
    what = f"{path}: not a file of results: line {number}"
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise InputError(f"{what}: {e}.", REMEDY) from e
    if not isinstance(line, dict):
        raise InputError(f"{what} is no JSON object.", REMEDY)
    return line


def find(path: Path, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first line of `path` that has all values of `wanted`, if there is one."""
    lines = read(path)
    return next((r for r in lines if all(r.get(k) == v for k, v in wanted.items())), None)


def append(path: Path, line: Mapping[str, Any], key: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """The line of `path` with the values that `line` has at `key`, and whether it is new.

    Where there is none `line` is appended; of processes that do so at once the first one does.
    Raises InputError where it cannot be written.
    """
    folder = Path(os.path.realpath(path)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        known = find(path, {k: line.get(k) for k in key})
        if known is not None:
            return known, False
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        text += "" if not text or text.endswith("\n") else "\n"
        write_text(path, text + json.dumps(line) + "\n")
    return json.loads(json.dumps(line)), True
