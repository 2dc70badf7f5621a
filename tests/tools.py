"""Skips a test whose tools are missing; with REQUIRE_TOOLS=1 in the environment it fails."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from ascua.boards import Board
from ascua.run import board_ready
from ascua.run.tools import ToolStatus, doctor


def require_tool(name: str) -> None:
    """Ends the test here unless the tool that `ascua doctor` calls `name` is there."""
    _require([s for s in doctor() if s.name == name and not s.found])


def require_board(board: Board) -> None:
    """Ends the test here unless `board` can run."""
    _require(board_ready(board))


def _require(missing: Sequence[ToolStatus]) -> None:
    for status in missing:
        message = f"{status.name} is missing: {status.install}"
        if os.environ.get("REQUIRE_TOOLS") == "1":
            pytest.fail(message)
        pytest.skip(message)
