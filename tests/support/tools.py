"""Skips a test whose tools are missing; with REQUIRE_TOOLS=1 in the environment it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence

import pytest

from ascua import boards
from ascua.boards import Board
from ascua.run import board_ready
from ascua.run.tools import ToolStatus, doctor

RUNNABLE = [n for n in boards.names("c") if boards.load(n).runner]
"""The boards that run C here; others are counted on one of them."""


def require_tool(name: str) -> None:
    """Ends the test here unless the tool that `ascua doctor` calls `name` is there."""
    _require([s for s in doctor() if s.name == name and not s.found])


def require_board(board: Board) -> None:
    """Ends the test here unless `board` can run."""
    _require(board_ready(board))


def require_package(name: str) -> None:
    """Ends the test here unless the Python package of that name is there."""
    if importlib.util.find_spec(name) is None:
        _end(f"the package {name} is missing: `make setup`")


def require_programs(packages: str, *programs: str) -> None:
    """Ends the test here unless these programs, of Debian's `packages`, are there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        _end(f"{' and '.join(missing)} is missing: apt install {packages}")


def _require(missing: Sequence[ToolStatus]) -> None:
    for status in missing:
        _end(f"{status.name} is missing: {status.install}")


def _end(message: str) -> None:
    if os.environ.get("REQUIRE_TOOLS") == "1":
        pytest.fail(message)
    pytest.skip(message)
