"""The package as a Python program uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import ascua
from tests.support import samples
from tests.support.command import model_file
from tests.support.examples import small
from tests.support.tools import require_board


def test_a_str_one_array_and_lines_that_can_be_read(tmp_path: Path) -> None:
    board = ascua.load_board("host")
    require_board(board)
    path = model_file(tmp_path, small())
    model = ascua.load_model(str(path))
    assert repr(model) == f"Model({str(path)!r}, {model.graph.summary})"
    plan = model.plan(board)
    assert "\n" not in repr(plan)
    assert repr(plan).startswith(f"Plan({model.graph.name!r} on host, ")
    (xs,) = samples(small(), 3)
    run = ascua.run_model(model, plan, xs, build=str(tmp_path / "build"))
    assert run.measurement.mismatched_bytes == 0
    assert repr(run).endswith(", 3 samples)")
    assert len(repr(run)) < 200
    np.testing.assert_array_equal(ascua.reference(model.graph, xs)[0], run.ys[0])


def test_version_and_module() -> None:
    done = subprocess.run([sys.executable, "-m", "ascua", "--version"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert ascua.__version__ in done.stdout
