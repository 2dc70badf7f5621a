"""LOGICAL_AND: whether both of two are true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ascua.ops._logical import Logical


@dataclass(frozen=True, eq=False)
class LogicalAnd(Logical):
    """y = a and b, one repeated along the other where the shapes differ."""

    tflite = "LOGICAL_AND"
    options = "LogicalAndOptions"
    connects = np.logical_and
