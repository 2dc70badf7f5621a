"""docs/python.md and docs/sensors.md say what happens, and the notebook runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ascua import boards
from ascua.validation import python_extras
from tests.support import motion
from tests.support import pages as runner
from tests.support.tools import require_board

EXAMPLES = Path(__file__).parents[1] / "examples"
pytestmark = [pytest.mark.train, pytest.mark.emulator, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def tools() -> None:
    if missing := [extra.name for extra in python_extras() if not extra.found]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    for name in ("lm3s6965evb", "mps2-an386"):
        require_board(boards.load(name))


def test_python(tmp_path: Path) -> None:
    runner.run_page(runner.DOCS / "python.md", tmp_path)


def test_sensors(tmp_path: Path) -> None:
    motion.folder(tmp_path / "recordings", recordings=8)
    runner.run_page(runner.DOCS / "sensors.md", tmp_path)


def test_the_notebook_runs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    shutil.copy(EXAMPLES / "digits.ipynb", tmp_path)
    book = nbformat.read(tmp_path / "digits.ipynb", as_version=4)
    nbclient.NotebookClient(
        book, timeout=600, resources={"metadata": {"path": str(tmp_path)}},
        kernel_name="python3",
    ).execute()  # fmt: skip
    told = json.dumps([cell.get("outputs", []) for cell in book.cells])
    assert "0 bytes differ" in told
    assert told.count("image/svg+xml") >= 2, "plots"


def test_the_notebook_is_kept_with_its_answers() -> None:
    book = json.loads((EXAMPLES / "digits.ipynb").read_text())
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    text = json.dumps(book)
    assert "0 bytes differ" in text
    for path in (Path.home(), EXAMPLES.parent, "/tmp/"):
        assert str(path) not in text, "a path of the machine that ran it"
