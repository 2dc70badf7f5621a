"""GREATER_EQUAL: whether a value is at least another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._comparisons import Comparison


@dataclass(frozen=True, eq=False)
class GreaterEqual(Comparison):
    """y = a >= b, one repeated along the other where the shapes differ."""

    tflite = "GREATER_EQUAL"
    options = "GreaterEqualOptions"
    max_version = 3
    compares = np.greater_equal
