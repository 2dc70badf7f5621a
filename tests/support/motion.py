"""Accelerometer-like recordings, made: a class a movement, each of its own rhythm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERTZ = 50
MOVEMENTS = {
    "idle": (0.0, 0.0),
    "shaking": (6.0, 4.0),
    "turning": (1.0, 2.0),
    "walking": (2.0, 3.0),
}
"""Of each: how many times a second, and how far in m/s²."""


def recording(name: str, rows: int, seed: int) -> NDArray[np.float64]:
    """(rows, 3) in m/s², gravity in it, of a device that lies about flat."""
    rng = np.random.default_rng(seed)
    rhythm, far = MOVEMENTS[name]
    t = np.arange(rows) / HERTZ
    rhythm *= rng.uniform(0.9, 1.1)
    phase, down = rng.uniform(0, 2 * np.pi, 3), rng.normal([0, 0, 1], 0.1)
    swing = far * np.stack([np.sin(2 * np.pi * rhythm * t + p) for p in phase], 1)
    if name == "walking":
        swing *= np.array([0.3, 0.3, 1.0])
    return 9.81 * down / np.linalg.norm(down) + swing + rng.normal(0, 0.4, (rows, 3))


def write(path: Path, values: NDArray[np.float64], label: str | None = None) -> Path:
    """A CSV file with a moment a row: time, axes, and the label where it is given."""
    names = ["timestamp", "x", "y", "z", *([] if label is None else ["label"])]
    rows = [",".join(names)]
    for i, row in enumerate(values):
        cells = [f"{1000 * i / HERTZ:g}", *(f"{v:.4f}" for v in row), *([label] if label else [])]
        rows.append(",".join(cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


def folder(root: Path, recordings: int = 6, rows: int = 1500) -> Path:
    """A folder a class, a recording a file."""
    for i, name in enumerate(MOVEMENTS):
        for j in range(recordings):
            write(root / name / f"{j:02}.csv", recording(name, rows, 100 * i + j))
    return root
