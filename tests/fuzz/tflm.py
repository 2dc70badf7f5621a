"""What a process of `tests.fuzz.oracle` does: it imports little, for there are many of them.

`python tflm.py FOLDER` takes `<i>.tflite` and `<i>.npz` for i from 0, whose arrays are the number
of outputs and the samples (n, *shape) of each input. It writes `<i>.started`, then the outputs
(n, *shape) or `refused` to `<i>.out.npz`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from tflite_micro import runtime

ARENA = 1 << 22


def run(model: bytes, outputs: int, xs: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs (n, *shape) of the samples `xs`."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA)
    rows = []
    for sample in zip(*xs, strict=True):
        for i, x in enumerate(sample):
            interpreter.set_input(x, i)
        interpreter.invoke()
        rows.append([interpreter.get_output(i) for i in range(outputs)])
    return [np.stack(ys) for ys in zip(*rows, strict=True)]


def main(folder: Path) -> None:
    """All models of the folder, in order."""
    for i in range(len(list(folder.glob("*.tflite")))):
        (folder / f"{i}.started").touch()
        with np.load(folder / f"{i}.npz") as table:
            outputs, *xs = (table[f"arr_{k}"] for k in range(len(table.files)))
        partial = folder / "partial.npz"
        try:
            np.savez(partial, *run((folder / f"{i}.tflite").read_bytes(), int(outputs), xs))
        except Exception as e:  # whatever the wheel raises is its answer
            np.savez(partial, refused=f"tflite-micro refuses it: {e}")
        partial.rename(folder / f"{i}.out.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
