"""Kmodel files: what is read is written back byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from ascua import kmodel
from tests.support.command import MODELS

REAL = sorted((MODELS / "k210").rglob("*.kmodel"))


@pytest.mark.skipif(not REAL, reason="../shared/models/k210 is absent")
@pytest.mark.parametrize("path", REAL, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_real_files_come_back_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    assert kmodel.write(kmodel.read(data, str(path))) == data
