"""Runs many kmodel files by the runtime in C at once, under sanitizers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from ascua.run.build import SANITIZE
from ascua.targets.k210.library import RUNTIME, SOFT, SOURCES
from tests.support.compilers import WARNINGS
from tests.support.tools import require_tool

OK, NOT_ONE, VERSION, DAMAGED, UNSUPPORTED, ALIGNMENT, WORKSPACE = range(7)
"""Of kmodel_status."""


class Ran(NamedTuple):
    """What became of a file: its status, the layer of an error, and the bytes of its outputs."""

    status: int
    layer: int
    outputs: bytes


@cache
def program() -> Path:
    """The driver, compiled."""
    require_tool("cc")
    to = Path(mkdtemp(prefix="ascua-kmodels-")) / "kmodels"
    sources = [RUNTIME / name for name in (*SOURCES, SOFT)]
    driver = Path(__file__).with_suffix(".c")
    command = ["cc", "-std=c11", *WARNINGS, *SANITIZE, f"-I{RUNTIME}", *sources, driver, "-lm"]
    subprocess.run([*command, "-o", to], check=True)
    return to


def run(folder: Path, files: Sequence[tuple[bytes, bytes | None]]) -> list[Ran]:
    """What becomes of each file, with the bytes of its inputs, channel by channel, if it is run."""
    paths = []
    for i, (content, samples) in enumerate(files):
        paths.append(folder / f"{i}.kmodel")
        paths[-1].write_bytes(content)
        if samples is not None:
            Path(f"{paths[-1]}.in").write_bytes(samples)
    done = subprocess.run(
        [program()], input="".join(f"{p}\n" for p in paths), capture_output=True, text=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = []
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        status, layer = map(int, line.split())
        made = Path(f"{path}.out")
        found.append(Ran(status, layer, made.read_bytes() if made.exists() else b""))
    return found
