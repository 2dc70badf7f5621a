"""The pages about all exports: their commands run, and they name every format."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ascua.exports import FORMATS
from tests.exports.test_cmake import toolchain
from tests.support.pages import DOCS, run_page
from tests.support.tools import require_programs

MODELS = DOCS.parent / "results/models"


def test_the_formats_have_pages() -> None:
    text = (DOCS / "exports/README.md").read_text(encoding="utf-8")
    for name in FORMATS:
        assert f"| [{name}]({name}.md) |" in text
        assert (DOCS / f"exports/{name}.md").exists()


@pytest.mark.slow
@pytest.mark.emulator
def test_how_much_ram(tmp_path: Path) -> None:
    """Figures are of one compiler and its libraries: Debian's."""
    toolchain(tmp_path)
    require_programs("cmake ninja-build", "cmake", "ninja")
    (found,) = MODELS.glob("275abfc3*/model.tflite")
    shutil.copy(found, tmp_path)
    run_page(DOCS / "how-much-ram.md", tmp_path)
