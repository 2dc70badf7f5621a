"""CONV_2D: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Graph
from ascua.ops.conv2d import Conv2D
from tests.support import activation, check_everywhere, constant, network


def conv(
    ih: int = 6, iw: int = 7, ic: int = 3, oc: int = 5, kh: int = 3, kw: int = 3,
    stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1), padding: str = "SAME",
    act: str = "NONE", per_channel: bool = True, bias: bool = True, scale: float = 0.01,
    zero: int = -3, seed: int = 1,
) -> Graph:  # fmt: skip
    """A network of one convolution with random weights."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-127, 128, (oc, kh, kw, ic)).astype(np.int8)
    scales = list(rng.uniform(0.2, 2.0, oc) * scale) if per_channel else [scale]
    x = activation("x", (1, ih, iw, ic), 0.05, zero)
    inputs = [x, constant("w", w, scales)]
    if bias:
        inputs.append(constant("b", rng.integers(-3000, 3000, oc).astype(np.int32)))
    probe = Conv2D(
        tuple(inputs), (activation("y", (1, 1, 1, oc)),), stride, dilation, padding, act
    )  # fmt: skip
    y = activation("y", (1, probe.rows.out, probe.columns.out, oc), 0.4, 4)
    return network(Conv2D(tuple(inputs), (y,), stride, dilation, padding, act))


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"kh": 1, "kw": 1, "ic": 8, "oc": 4},
        {"padding": "VALID", "stride": (2, 3)},
        {"dilation": (2, 2), "ih": 9, "iw": 9},
        {"dilation": (1, 3), "stride": (2, 1), "ih": 9, "iw": 11},
        {"act": "RELU6", "iw": 1},
        {"per_channel": False, "bias": False, "act": "RELU"},
        {"scale": 30.0},
        {"scale": 1e-7},
        {"scale": 1e-12},
        {"kh": 10, "kw": 4, "stride": (2, 2), "ih": 20, "iw": 10, "ic": 1},
        {"kh": 5, "kw": 1, "ih": 2, "iw": 3},
        {"zero": -128, "act": "RELU_N1_TO_1"},
    ],
    ids=str,
)
def test_equals_tflm(case: dict[str, object]) -> None:
    check_everywhere(conv(**case))  # type: ignore[arg-type]
