"""FULLY_CONNECTED: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest

from ascua.ir import Graph
from ascua.ops.fully_connected import FullyConnected
from tests.support import activation, check_everywhere, constant, network


def dense(
    k: int = 17, oc: int = 9, shape: tuple[int, ...] = (), out: tuple[int, ...] = (),
    keep: bool = False, act: str = "NONE", per_channel: bool = False, bias: int | None = 3000,
    scale: float = 0.01, zero: int = -3, y_zero: int = 4, y_scale: float = 0.4, seed: int = 1,
) -> Graph:  # fmt: skip
    """A network of one fully connected layer with random weights; `bias` is their range."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-127, 128, (oc, k)).astype(np.int8)
    scales = list(rng.uniform(0.2, 2.0, oc) * scale) if per_channel else [scale]
    x = activation("x", shape or (1, k), 0.05, zero)
    inputs = [x, constant("w", w, scales)]
    if bias is not None:
        values = rng.integers(-bias, bias, oc).astype(np.int32)
        units = [float(np.float32(0.05)) * s for s in scales]
        inputs.append(constant("b", values, units))
    y = activation("y", out or (1, oc), y_scale, y_zero)
    return network(FullyConnected(tuple(inputs), (y,), keep, act))


CASES = {
    "plain": {},
    "one input": {"k": 1},
    "one output": {"oc": 1},
    "one output of one scale a channel": {"oc": 1, "per_channel": True},
    "two outputs": {"oc": 2},
    "three outputs, three inputs": {"oc": 3, "k": 3},
    "four by four": {"oc": 4, "k": 4},
    "many": {"oc": 10, "k": 640},
    "no bias": {"bias": None},
    "per channel": {"per_channel": True},
    "per channel, no bias": {"per_channel": True, "bias": None},
    "relu": {"act": "RELU"},
    "relu6": {"act": "RELU6", "y_zero": -128, "y_scale": 0.02},
    "relu -1 to 1": {"act": "RELU_N1_TO_1"},
    "zero points -128": {"zero": -128, "y_zero": -128},
    "zero points 127": {"zero": 127, "y_zero": 127},
    "an image, flattened": {"shape": (1, 2, 3, 4), "k": 24},
    "rows": {"shape": (3, 17), "out": (3, 9)},
    "rows of an image": {"shape": (1, 2, 3, 17), "out": (1, 2, 3, 9), "keep": True},
    "rows, flattened": {"shape": (2, 3, 4), "k": 8, "out": (3, 9)},
    "a vector": {"shape": (17,), "out": (9,)},
    "shift to the left": {"scale": 30.0, "bias": 2},
    "shift by 0": {"scale": 8.0, "bias": 10},
    "shift by 31": {"scale": 4e-9},
    "shift by 36": {"scale": 8e-11, "per_channel": True},
    "no bits left": {"scale": 1e-12},
    "sums beyond 2^30": {"bias": 2**31 - 1, "scale": 1e-6},
    "sums that wrap": {"bias": 2**31 - 1, "scale": 1e-6, "k": 9000, "oc": 5},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_everywhere(dense(**CASES[case]))  # type: ignore[arg-type]
