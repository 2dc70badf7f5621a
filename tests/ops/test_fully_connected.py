"""FULLY_CONNECTED: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Graph, Quant
from ascua.ops.fully_connected import FullyConnected
from ascua.plan import Goal
from tests.support import (
    INLINE,
    SHARED,
    activation,
    check_everywhere,
    check_reference,
    collected,
    constant,
    network,
    oracle,
    samples,
)
from tests.support.wide import widened


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


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "one input": {"k": 1},
    "one output": {"oc": 1},
    "one output of one scale a channel": {"oc": 1, "per_channel": True},
    "two outputs": {"oc": 2},
    "three outputs, three inputs": {"oc": 3, "k": 3},
    "four by four": {"oc": 4, "k": 4},
    "many": {"oc": 10, "k": 640},
    "many, a rest of seven": {"oc": 14, "k": 1015},
    "six outputs, twelve inputs": {"oc": 6, "k": 12},
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
    check_reference(dense(**CASES[case]))


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_kernel(goal: Goal) -> None:
    check_everywhere(
        collected({case: dense(**fields) for case, fields in CASES.items()}), goal=goal
    )


layers = st.fixed_dictionaries(
    {
        "k": st.integers(1, 40), "oc": st.integers(1, 20),
        "act": st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        "per_channel": st.booleans(), "bias": st.sampled_from([None, 3000]),
        "scale": st.floats(-12, 2).map(lambda e: 10**e),
        "zero": st.integers(-128, 127), "y_zero": st.integers(-128, 127),
        "seed": st.integers(0, 99),
    }
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=100)
@given(layers)
def test_any_reference(layer: dict[str, Any]) -> None:
    graph = dense(**layer)
    assume(graph.ops[0].check() is None)
    check_reference(graph, n=20)


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(layers, min_size=8, max_size=8))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    check_layers(several)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(layers, min_size=8, max_size=8))
def test_many_kernels(several: list[dict[str, Any]]) -> None:
    check_layers(several)


def check_layers(several: list[dict[str, Any]]) -> None:
    """Together, everywhere; those that are refused say nothing."""
    graphs = {str(i): dense(**layer) for i, layer in enumerate(several)}
    kept = {i: graph for i, graph in graphs.items() if graph.ops[0].check() is None}
    assume(kept)
    check_everywhere(collected(kept))


@pytest.mark.parametrize("least", [-128, -127])
@pytest.mark.parametrize("x", [-128, 127])
def test_the_greatest_sums(least: int, x: int) -> None:
    """All weights at an end of their range, and their neighbour's at the same or the other."""
    rng = np.random.default_rng(3)
    op = dense(k=1400, oc=12, scale=1e-5, zero=3).ops[0]
    _, w, b = op.inputs
    assert w is not None
    ends = np.repeat(rng.choice(np.array([least, 127], np.int8), (12, 1)), 1400, axis=1)
    ends[:4] = [[least], [least], [127], [least]]
    graph = network(replace(op, inputs=(op.x, replace(w, data=ends), b)))
    check_everywhere(graph, xs=[np.full((1, 1, 1400), x, np.int8)])


def test_scales_are_multiplied_in_double_precision() -> None:
    """Sums just below a tie tell the product of scales in float64 from that in float32.

    TFLM had float32 here until the autumn of 2026.
    """
    op = dense(k=1, oc=12, scale=3.3e-6).ops[0]
    x, w, b = op.inputs
    assert w is not None
    assert b is not None
    factor = x.q.scale * w.q.scale / op.y.q.scale
    ties = np.round((np.arange(12) * 10 + 5.5) / factor).astype(np.int32)
    zeros, sums = replace(w, data=w.values * 0), replace(b, data=ties - 2)
    check_reference(network(replace(op, inputs=(x, zeros, sums))), n=1)


@pytest.mark.parametrize(
    ("case", "change", "reason"),
    [
        ({}, {"weights_format": 1}, "shuffled"),
        ({"out": (1, 8)}, {}, "channels"),
        ({"shape": (1, 18)}, {}, "elements"),
        ({"scale": 10.0}, {}, None),
    ],
)
def test_refuses(case: dict[str, Any], change: dict[str, Any], reason: str | None) -> None:
    found = replace(dense(**case).ops[0], **change).check()
    assert found is None if reason is None else reason in str(found)


@pytest.mark.parametrize("quant", [None, Quant((1.0,), (0,))])
def test_refuses_a_bias_of_another_unit_as_tflm_does(quant: Quant | None) -> None:
    op = dense(y_scale=0.01).ops[0]
    x, w, b = op.inputs
    assert b is not None
    graph = network(replace(op, inputs=(x, w, replace(b, quant=quant))))
    assert "bias" in str(graph.ops[0].check())
    with pytest.raises(RuntimeError):
        oracle(tflite.write(graph), samples(graph, 1))


@pytest.mark.parametrize("bias", ["int64", "int32"])
def test_int16(bias: str) -> None:
    check_everywhere(collected({case: widened(dense(**f), bias) for case, f in CASES.items()}))


def test_int16_long_sums_need_64_bits() -> None:
    graph = widened(dense(k=1200, per_channel=True, scale=1e-6))
    ones = np.full((1, *graph.inputs[0].shape), -(2**15), np.int16)
    check_everywhere(graph, xs=[np.concatenate([ones, ~ones, *samples(graph, 2)])])


@pytest.mark.parametrize("bias_dtype", [0, 2, 4])
def test_int16_without_bias(bias_dtype: int) -> None:
    op = widened(dense(k=300, bias=None, scale=1e-6)).ops[0]
    assert isinstance(op, FullyConnected)
    check_everywhere(network(replace(op, bias_dtype=bias_dtype)), n=9)
