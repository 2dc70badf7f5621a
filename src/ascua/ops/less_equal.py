"""LESS_EQUAL: whether a value is at most another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._comparisons import Comparison


@dataclass(frozen=True, eq=False)
class LessEqual(Comparison):
    """y = a <= b, one repeated along the other where the shapes differ."""

    tflite = "LESS_EQUAL"
    options = "LessEqualOptions"
    max_version = 2
    compares = np.less_equal
