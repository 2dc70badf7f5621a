"""The harness: small, and of one mind with the Python side about status codes and report."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from ascua import boards, run
from ascua.run import report
from ascua.run.build import FIRMWARE
from tests.support import stub
from tests.support.tools import require_board

EMULATED = [name for name in boards.names() if boards.load(name).runner == "qemu"]
HEADER = (FIRMWARE / "harness.h").read_text()


@pytest.mark.emulator
@pytest.mark.parametrize("name", EMULATED)
def test_harness_is_small(name: str, tmp_path: Path) -> None:
    """At most 2 KB of flash and 256 bytes of variables, the stack not counted."""
    board = boards.load(name)
    require_board(board)
    sizes = run.sizes(board, stub.library(), tmp_path)
    assert sizes is not None
    assert 0 < sizes.harness_flash_bytes <= 2100
    assert 0 <= sizes.harness_static_bytes <= 256
    code, data = board.memory("x"), board.memory("w")
    assert code is not None
    assert data is not None
    used = {r.name: r.used for r in sizes.regions}
    flash = sizes.flash_bytes + sizes.harness_flash_bytes
    ram = sizes.static_bytes + sizes.harness_static_bytes + 64
    if code == data:
        # Variables with initial values (the stub's one) are loaded where they stay.
        assert used[code.name] == flash + ram - 4
    else:
        assert used[code.name] == flash
        assert used[data.name] == ram


def test_status_codes_are_those_of_the_header() -> None:
    codes = {int(n) for n in re.findall(r"STATUS_\w+ = (\d+)", HEADER)}
    assert codes == set(report.STATUS)


def test_report_fields_are_those_of_the_header() -> None:
    body = re.search(r"struct report \{(.*?)\n\};", HEADER, re.DOTALL)
    assert body is not None
    names = re.findall(r"uint\d+_t (\w+);", body[1])
    assert names == [f.name for f in fields(report.Report)]


def test_no_standard_io() -> None:
    for path in FIRMWARE.rglob("*.[ch]"):
        assert "stdio.h" not in path.read_text(), path
