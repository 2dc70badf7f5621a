"""tflite-micro in a process of its own: it may crash, or keep what others left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ascua import tflite
from ascua.ir import Array

PROCESS = Path(__file__).parent / "tflm.py"

FRESH = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""Each arena is then of new pages, all 0: TFLM reads padding from what it never wrote."""

Answer = list[Array] | str
"""The outputs (n, *shape), or how the interpreter ended."""


def outputs(models: Sequence[bytes], samples: Sequence[Sequence[Array]]) -> list[Answer]:
    """The outputs of each model for its samples, one an input."""
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")
    answers: list[Answer] = []
    while len(answers) < len(models):
        start = len(answers)
        answers += _in_one_process(models[start:], samples[start:])
    return answers


def _in_one_process(models: Sequence[bytes], samples: Sequence[Sequence[Array]]) -> list[Answer]:
    """As far as one process comes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, (model, xs) in enumerate(zip(models, samples, strict=True)):
            (folder / f"{i}.tflite").write_bytes(model)
            np.savez(folder / f"{i}.npz", len(tflite.read(model).outputs), *xs)
        done = subprocess.run(
            [sys.executable, str(PROCESS), name],
            env={**os.environ, **FRESH},
            capture_output=True,
            text=True,
            timeout=600,
        )
        answers = [_answer(folder / f"{i}.out.npz") for i in range(len(models))]
        found = [a for a in answers if a is not None]
        if len(found) == len(models):
            return found
        if not (folder / f"{len(found)}.started").exists():
            raise RuntimeError(f"tflite-micro did not start: {done.stderr}")
        return [*found, f"tflite-micro ended with {done.returncode}: {done.stderr[-300:]}"]


def _answer(path: Path) -> Answer | None:
    if not path.exists():
        return None
    with np.load(path) as table:
        if "refused" in table.files:
            return str(table["refused"])
        return [table[f"arr_{i}"] for i in range(len(table.files))]
