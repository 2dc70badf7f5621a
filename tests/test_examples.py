"""The scripts in examples/ run, and stay short."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

import ascua
from ascua import boards, tflite
from tests.support.examples import small
from tests.support.tools import require_board

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.emulator
def test_compare_boards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    some = ("arm-linux", "host", "lm3s6965evb", "riscv64-virt")
    for name in some:
        require_board(boards.load(name))
    monkeypatch.setattr(boards, "names", lambda: some)
    (tmp_path / "small.tflite").write_bytes(tflite.write(small()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["compare_boards.py", "small.tflite"])
    script = next(p for p in EXAMPLES if p.name == "compare_boards.py")
    runpy.run_path(str(script), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(some) - 1
    assert all("instructions" in line for line in lines)


def test_public_names() -> None:
    assert ascua.__all__ == sorted(ascua.__all__)
    assert all(hasattr(ascua, name) for name in ascua.__all__)
