"""LESS: whether a value is below another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._comparisons import Comparison


@dataclass(frozen=True, eq=False)
class Less(Comparison):
    """y = a < b, one repeated along the other where the shapes differ."""

    tflite = "LESS"
    options = "LessOptions"
    max_version = 3
    compares = np.less
