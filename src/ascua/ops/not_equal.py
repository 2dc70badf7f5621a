"""NOT_EQUAL: whether two values differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._comparisons import Comparison


@dataclass(frozen=True, eq=False)
class NotEqual(Comparison):
    """y = a != b, one repeated along the other where the shapes differ."""

    tflite = "NOT_EQUAL"
    options = "NotEqualOptions"
    max_version = 3
    compares = np.not_equal
