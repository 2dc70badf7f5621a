"""LOGICAL_OR: whether one of two is true, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._logical import Logical


@dataclass(frozen=True, eq=False)
class LogicalOr(Logical):
    """y = a or b, one repeated along the other where the shapes differ."""

    tflite = "LOGICAL_OR"
    options = "LogicalOrOptions"
    connects = np.logical_or
