"""GREATER: whether a value is above another one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._comparisons import Comparison


@dataclass(frozen=True, eq=False)
class Greater(Comparison):
    """y = a > b, one repeated along the other where the shapes differ."""

    tflite = "GREATER"
    options = "GreaterOptions"
    max_version = 2
    compares = np.greater
