"""EQUAL: whether two values are the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._comparisons import Comparison


@dataclass(frozen=True, eq=False)
class Equal(Comparison):
    """y = a == b, one repeated along the other where the shapes differ."""

    tflite = "EQUAL"
    options = "EqualOptions"
    max_version = 4
    compares = np.equal
