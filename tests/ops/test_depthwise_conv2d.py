"""DEPTHWISE_CONV_2D: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Graph
from ascua.ops.depthwise_conv2d import DepthwiseConv2D, DepthwiseConv2DS8
from tests.support import activation, check_everywhere, constant, network


def depthwise(
    ih: int = 6, iw: int = 7, ic: int = 5, kh: int = 3, kw: int = 3, multiplier: int = 1,
    stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1), padding: str = "SAME",
    act: str = "NONE", per_channel: bool = True, bias: int | None = 3000, scale: float = 0.02,
    zero: int = -3, y_zero: int = 4, seed: int = 1,
) -> Graph:  # fmt: skip
    """A network of one depthwise convolution with random weights; `bias` is their range."""
    rng = np.random.default_rng(seed)
    oc = ic * multiplier
    w = rng.integers(-127, 128, (1, kh, kw, oc)).astype(np.int8)
    scales = list(rng.uniform(0.2, 2.0, oc) * scale) if per_channel else [scale]
    x = activation("x", (1, ih, iw, ic), 0.05, zero)
    inputs = [x, constant("w", w, scales, axis=3)]
    if bias is not None:
        inputs.append(constant("b", rng.integers(-bias, bias, oc).astype(np.int32)))
    op = DepthwiseConv2D(
        tuple(inputs), (activation("y", (1, 1, 1, oc)),), stride, dilation, padding, multiplier, act
    )  # fmt: skip
    y = activation("y", (1, op.rows.out, op.columns.out, oc), 0.4, y_zero)
    return network(replace(op, outputs=(y,)))


CASES = {
    "plain": {},
    "one channel": {"ic": 1},
    "one pixel": {"ih": 1, "iw": 1},
    "one pixel wide": {"iw": 1},
    "two pixels wide": {"iw": 2},
    "valid": {"padding": "VALID"},
    "stride 2": {"stride": (2, 2), "iw": 8},
    "stride 2, valid, unread rest": {"stride": (2, 2), "iw": 8, "padding": "VALID"},
    "stride beyond the filter": {"stride": (4, 5), "ih": 11, "iw": 13},
    "unequal strides": {"stride": (2, 1)},
    "dilation": {"dilation": (2, 3), "ih": 9, "iw": 11},
    "dilation and stride": {"dilation": (3, 2), "stride": (2, 3), "ih": 9, "iw": 11},
    "multiplier 2": {"multiplier": 2},
    "multiplier 3 on one channel": {"multiplier": 3, "ic": 1},
    "multiplier 8 on one channel, 10x8": {
        "multiplier": 8, "ic": 1, "kh": 10, "kw": 8, "stride": (2, 2), "ih": 12, "iw": 10,
    },
    "1x1": {"kh": 1, "kw": 1},
    "5x5": {"kh": 5, "kw": 5},
    "7x1, one column": {"kh": 7, "kw": 1, "ih": 9, "iw": 1, "padding": "VALID"},
    "1x4": {"kh": 1, "kw": 4},
    "filter above the image": {"kh": 5, "kw": 5, "ih": 2, "iw": 3},
    "per tensor": {"per_channel": False},
    "no bias": {"bias": None},
    "relu": {"act": "RELU"},
    "relu6": {"act": "RELU6", "y_zero": -128},
    "relu -1 to 1": {"act": "RELU_N1_TO_1"},
    "zero points -128": {"zero": -128, "y_zero": -128},
    "zero points 127": {"zero": 127, "y_zero": 127},
    "shift to the left": {"scale": 30.0},
    "shift by 0": {"scale": 8.0, "per_channel": False},
    "shift by 31": {"scale": 2e-9},
    "shift by 36": {"scale": 8e-11},
    "no bits left": {"scale": 1e-12},
    "sums beyond 2^30": {"bias": 2**31 - 1, "scale": 1e-6},
    "sums that wrap": {"bias": 2**31 - 1, "kh": 9, "kw": 9, "scale": 1e-6},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_everywhere(depthwise(**CASES[case]))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", ["plain", "stride 2", "one pixel wide", "sums beyond 2^30"])
def test_general_kernel_on_3x3(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DepthwiseConv2D, "kernels", (DepthwiseConv2DS8(),))
    check_everywhere(depthwise(**CASES[case]))  # type: ignore[arg-type]
