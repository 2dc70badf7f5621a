"""TRANSPOSE_CONV: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua.ir import Graph, Tensor
from ascua.ops.transpose_conv import TransposeConv
from ascua.plan import BALANCED, Goal
from tests.support import (
    SHARED,
    activation,
    check_everywhere,
    check_reference,
    collected,
    constant,
    network,
)
from tests.support.wide import check_misread, widened


def transpose_conv(
    ih: int = 4, iw: int = 5, ic: int = 3, oc: int = 5, kh: int = 3, kw: int = 3,
    stride: tuple[int, int] = (2, 2), padding: str = "SAME", act: str = "NONE",
    per_channel: bool = True, bias: int | None = 3000, scale: float = 0.01, zero: int = -3,
    more: tuple[int, int] = (0, 0), seed: int = 1,
) -> Graph:  # fmt: skip
    """One transposed convolution; the output is `more` pixels larger than the usual."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-127, 128, (oc, kh, kw, ic)).astype(np.int8)
    scales = list(rng.uniform(0.2, 2.0, oc) * scale) if per_channel else [scale]
    sizes = [
        max(1, n * s + m if padding == "SAME" else (n - 1) * s + k + m)
        for n, s, k, m in zip((ih, iw), stride, (kh, kw), more, strict=True)
    ]
    x, y = activation("x", (1, ih, iw, ic), 0.05, zero), activation("y", (1, *sizes, oc), 0.4, 4)
    shape = constant("shape", np.array(y.shape, np.int32))
    inputs: list[Tensor] = [shape, constant("w", w, scales), x]
    if bias is not None:
        inputs.append(constant("b", rng.integers(-bias, bias, oc).astype(np.int32)))
    return network(TransposeConv(tuple(inputs), (y,), stride, padding, act))  # type: ignore[arg-type]


CASES: dict[str, dict[str, Any]] = {
    "twice": {},
    "twice, 2x2": {"kh": 2, "kw": 2, "oc": 4, "ic": 8},
    "twice, 4x4": {"kh": 4, "kw": 4, "ic": 1},
    "valid": {"padding": "VALID"},
    "valid, three times": {"padding": "VALID", "stride": (3, 3), "kh": 5, "kw": 4},
    "stride 1": {"stride": (1, 1), "oc": 8},
    "stride 1, valid": {"stride": (1, 1), "padding": "VALID", "kw": 5},
    "strides differ": {"stride": (1, 3), "kh": 2, "kw": 5},
    "stride beyond the filter": {"stride": (4, 5)},
    "pointwise": {"kh": 1, "kw": 1},
    "one channel": {"ic": 1, "oc": 1},
    "seven channels": {"oc": 7},
    "one pixel": {"ih": 1, "iw": 1},
    "one pixel, valid": {"ih": 1, "iw": 1, "padding": "VALID"},
    "one column": {"iw": 1, "act": "RELU6"},
    "filter beyond the image": {"ih": 2, "iw": 2, "kh": 7, "kw": 8, "stride": (1, 2)},
    "an odd output": {"more": (-1, -1)},
    "a smaller output": {"padding": "VALID", "more": (-3, -4)},
    "a larger output": {"padding": "VALID", "more": (3, 5)},
    "per tensor, no bias": {"per_channel": False, "bias": None, "act": "RELU"},
    "zero points": {"zero": -128, "act": "RELU_N1_TO_1"},
    "zero point 127": {"zero": 127},
    "shift to the left": {"scale": 30.0},
    "shift by 31": {"scale": 2e-9},
    "no bits left": {"scale": 1e-12},
    "sums beyond 2^30": {"bias": 2**31 - 1, "scale": 1e-6},
    "sums that wrap": {"bias": 2**31 - 1, "kh": 9, "kw": 9, "scale": 1e-6},
}  # fmt: skip

size = st.integers(1, 7)
shapes = st.fixed_dictionaries(
    {
        "ih": size, "iw": size, "ic": size, "oc": size, "kh": st.integers(1, 6),
        "kw": st.integers(1, 6), "stride": st.tuples(*[st.integers(1, 4)] * 2),
        "padding": st.sampled_from(["SAME", "VALID"]), "more": st.tuples(*[st.integers(-4, 4)] * 2),
        "act": st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        "per_channel": st.booleans(), "bias": st.sampled_from([None, 3000, 2**31 - 1]),
        "scale": st.floats(-12, 2).map(lambda e: 10**e), "zero": st.integers(-128, 127),
        "seed": st.integers(0, 99),
    }
)  # fmt: skip


@pytest.mark.parametrize("goal", [SHARED, BALANCED])
def test_equals_tflm(goal: Goal) -> None:
    check_everywhere(
        collected({case: transpose_conv(**fields) for case, fields in CASES.items()}), goal=goal
    )


@settings(max_examples=40)
@given(shapes)
def test_any_reference(shape: dict[str, Any]) -> None:
    check_reference(transpose_conv(**shape))


@settings(max_examples=2)
@given(st.lists(shapes, min_size=20, max_size=20))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    graphs = {str(i): transpose_conv(**shape) for i, shape in enumerate(several)}
    taken = {i: graph for i, graph in graphs.items() if graph.ops[0].check() is None}
    assume(taken)
    check_everywhere(collected(taken), n=2, goal=Goal(kind="size"))


def test_macs() -> None:
    assert transpose_conv().macs() == 4 * 5 * 3 * 5 * 3 * 3


def test_refuses() -> None:
    op = transpose_conv().ops[0]
    shape, w, x, bias = op.inputs
    assert w is not None
    assert x is not None

    def reason(*inputs: Tensor | None, y: Tensor = op.y, act: str = "NONE") -> str:
        changed = TransposeConv(inputs, (y,), (2, 2), "SAME", act)  # type: ignore[arg-type]
        return changed.check() or ""

    assert reason(*op.inputs) == ""
    assert reason(shape, w, x) == ""
    assert reason(shape, w, x, None) == ""
    computed = Tensor("shape", (4,), "int32")
    assert "computed from data" in reason(computed, w, x, bias)
    assert "filters have 3 channels" in reason(shape, w, activation("x", (1, 4, 5, 2)), bias)
    assert "instead of" in reason(shape, w, x, y=activation("y", (1, 8, 10, 6)))
    assert "TANH" in reason(shape, w, x, bias, act="TANH")
    assert "batch of 2" in reason(shape, w, activation("x", (2, 4, 5, 3)), bias)
    assert "computed, not constant" in reason(shape, replace(w, data=None), x, bias)
    assert "missing" in reason(shape, w, None)


@pytest.mark.parametrize("bias", ["int64", "int16"])
def test_int16(bias: str) -> None:
    graphs = {case: widened(transpose_conv(**f), bias) for case, f in CASES.items()}
    check_everywhere(collected(graphs))


def test_int16_refuses_a_bias_of_int32() -> None:
    check_misread(transpose_conv(oc=4))
