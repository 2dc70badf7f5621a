"""Activations that TFLite fuses into an operator, as ranges of the quantised output."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from ascua.errors import Unsupported
from ascua.ir import Array, Tensor, limits

Activation = Literal["NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"]
ACTIVATIONS: tuple[Activation, ...] = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
"""By their number in .tflite files."""

FARTHEST = 2**24
"""Steps from zero that count as many; float32 has no halves beyond, and int16 ends long before."""

_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}


def read_activation(number: int) -> Activation:
    """The activation with this number in a .tflite file. Raises ValueError."""
    if not 0 <= number < len(ACTIVATIONS):
        raise ValueError(f"fused activation {number} does not exist")
    return ACTIVATIONS[number]


def scales(activation: Activation) -> bool:
    """Whether a positive factor before it is one behind it."""
    return activation in ("NONE", "RELU")


def unsupported(activation: Activation) -> str | None:
    """None, or why this fused activation cannot be taken."""
    if activation not in _BOUNDS:
        return f"the fused activation {activation} has no quantised form"
    return None


def quantized(real: float, tensor: Tensor) -> int:
    """The quantised value of `real`, half away from zero, computed in float32 as TFLM does."""
    with np.errstate(over="ignore"):
        steps = np.float32(real) / np.float32(tensor.q.scale)
    if abs(steps) > FARTHEST:
        return FARTHEST if real > 0 else -FARTHEST
    # The half is added in double precision: in single, 0.49999997 would come to 1.
    return math.trunc(float(steps) + math.copysign(0.5, steps)) + tensor.q.zero_point


def bounds(activation: Activation, y: Tensor) -> tuple[int, int]:
    """The least and the greatest quantised value of output `y` under `activation`."""
    low, high = _BOUNDS[activation]
    least, greatest = limits(y.dtype)
    return (
        least if low is None else max(least, quantized(low, y)),
        greatest if high is None else min(greatest, quantized(high, y)),
    )


def clamped(y: Array, activation: Activation) -> Array:
    """Floats `y` under `activation`. Raises Unsupported for one that `unsupported` names."""
    if reason := unsupported(activation):
        raise Unsupported(f"{reason}.", ["Use RELU, RELU6 or none there, or a layer of its own."])
    low, high = _BOUNDS[activation]
    return y if low is None and high is None else np.clip(y, low, high)
