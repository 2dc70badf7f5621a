"""What a fused activation leaves of an output's range, for all kernels that clamp."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ascua.ir import Tensor, limits

RANGES: Mapping[str, tuple[float, float]] = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}
"""The real values that each leaves."""

BEYOND = 2.0**24
"""Steps from zero that no quantised value has."""


def bounds(activation: str, y: Tensor) -> dict[str, int]:
    """The parameters `low` and `high`: what output `y` is clamped to under `activation`."""
    least, greatest = limits(y.dtype)
    low, high = (_quantized(real, y) for real in RANGES[activation])
    return {"low": max(least, low), "high": min(greatest, high)}


def bounded(activation: str, y: Tensor) -> bool:
    """Whether that leaves less than all values of its dtype."""
    return (*bounds(activation, y).values(),) != limits(y.dtype)


def _quantized(real: float, y: Tensor) -> int:
    # As TFLM has it: a division in single precision, and halves away from zero.
    with np.errstate(over="ignore"):
        steps = float(np.float32(real) / np.float32(y.q.scale))
    whole = math.floor(min(abs(steps), BEYOND) + 0.5)
    return y.q.zero_point + (-whole if steps < 0 else whole)
