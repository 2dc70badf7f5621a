"""The oracle: TensorFlow Lite Micro's reference kernels, as the `tflite-micro` package runs them.

It runs in a process of its own, because TFLM aborts the process on a model that it refuses.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ascua.errors import ToolFailed
from ascua.ir import Array
from ascua.run.child import python

ARENA_BYTES = 1 << 26
"""More than any network here needs."""

PROGRAM = """
import sys
import numpy as np
from tflite_micro import runtime
model, given, taken, outputs, arena = sys.argv[1:]
interpreter = runtime.Interpreter.from_file(model, arena_size=int(arena))
with np.load(given) as table:
    xs = [table[f"x{i}"] for i in range(len(table.files))]
rows = []
for sample in zip(*xs):
    for i, x in enumerate(sample):
        interpreter.set_input(x, i)
    interpreter.invoke()
    rows.append([interpreter.get_output(i).copy() for i in range(int(outputs))])
np.savez(taken, **{f"y{i}": np.stack(ys) for i, ys in enumerate(zip(*rows))})
"""


def version() -> str | None:
    """The version of the `tflite-micro` package; None where it is not installed."""
    if importlib.util.find_spec("tflite_micro") is None:
        return None
    return importlib.metadata.version("tflite-micro")


def run(model: bytes, xs: Sequence[Array], outputs: int) -> list[Array]:
    """The outputs (n, *shape) of the .tflite file `model` for samples `xs` (n, *shape).

    Raises ToolFailed with what TFLM said when it refuses the model.
    """
    with tempfile.TemporaryDirectory(prefix="ascua-") as folder:
        root = Path(folder)
        (root / "model.tflite").write_bytes(model)
        np.savez(root / "x.npz", allow_pickle=False, **{f"x{i}": x for i, x in enumerate(xs)})
        files = [str(root / name) for name in ("model.tflite", "x.npz", "y.npz")]
        words = [*files, str(outputs), str(ARENA_BYTES)]
        status, said = python(PROGRAM, words, ("numpy", "tflite_micro"))
        if status != 0:
            lines = [line for line in said.splitlines() if line.strip()]
            raise ToolFailed("\n".join(["tflite-micro refuses the model:", *lines[-3:]]))
        with np.load(root / "y.npz") as table:
            return [table[f"y{i}"] for i in range(outputs)]
