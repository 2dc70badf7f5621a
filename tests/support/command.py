"""Runs `ascua` as a user does: in this process, or as a process of its own."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from ascua import cli, tflite
from ascua.ir import Graph

MODELS = Path(__file__).parents[3] / "shared/models"
"""Real networks; they are no part of the repository, and tests of them are skipped without."""

PROGRAM = (sys.executable, "-P", "-c", "from ascua.cli import main; main()")


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def ascua(*arguments: object) -> Result:
    """The command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.invoke([str(a) for a in arguments])
    return Result(code, out.getvalue(), err.getvalue())


def process(*arguments: object, cwd: Path | None = None) -> Result:
    """The command as a process."""
    command = [*PROGRAM, *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    return Result(done.returncode, done.stdout, done.stderr)


def model_file(folder: Path, graph: Graph, name: str = "small") -> Path:
    """`graph` as a file in `folder`."""
    path = folder / f"{name}.tflite"
    path.write_bytes(tflite.write(graph))
    return path


def refused(result: Result, code: int, *words: str) -> None:
    """The command failed with `code` and one message that has all `words`."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert result.err.count("error:") == 1
    for word in words:
        assert word in result.err, result.err
