"""DEPTHWISE_CONV_2D: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua import boards, kernels
from ascua.ir import Graph
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import (
    activation,
    check_everywhere,
    check_reference,
    collected,
    constant,
    featured,
    network,
    reference,
    samples,
)
from tests.support.wide import check_misread, widened


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
        tuple(inputs), (activation("y", (1, 1, 1, oc)),), stride, dilation, padding, act, multiplier
    )  # fmt: skip
    y = activation("y", (1, op.rows.out, op.columns.out, oc), 0.4, y_zero)
    return network(replace(op, outputs=(y,)))


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "one channel": {"ic": 1},
    "one pixel": {"ih": 1, "iw": 1},
    "one pixel wide": {"iw": 1},
    "two pixels wide": {"iw": 2},
    "valid": {"padding": "VALID"},
    "stride 2": {"stride": (2, 2), "iw": 8},
    "stride 2, valid, unread rest": {"stride": (2, 2), "iw": 8, "padding": "VALID"},
    "stride beyond the filter": {"stride": (4, 5), "ih": 11, "iw": 13},
    "stride 2, odd sizes": {"stride": (2, 2), "ih": 9, "iw": 11},
    "unequal strides": {"stride": (2, 1)},
    "strides 3 and 1": {"stride": (3, 1), "ih": 13, "iw": 6, "padding": "VALID"},
    "dilation down": {"dilation": (3, 1), "ih": 9, "iw": 6},
    "sums near 2^29": {"bias": 2**29, "scale": 2e-6},
    "dilation": {"dilation": (2, 3), "ih": 9, "iw": 11},
    "dilation and stride": {"dilation": (3, 2), "stride": (2, 3), "ih": 9, "iw": 11},
    "dilation of 5 and 4": {"dilation": (5, 4), "ih": 13, "iw": 11},
    "three channels": {"ic": 3},
    "eleven channels": {"ic": 11, "iw": 3},
    "eight channels": {"ic": 8},
    "sixteen channels": {"ic": 16},
    "seventeen channels": {"ic": 17},
    "seventeen channels, stride 2": {"ic": 17, "stride": (2, 2), "ih": 9, "iw": 8},
    "24 channels, dilation": {"ic": 24, "dilation": (2, 2), "kh": 2},
    "forty channels, 5x5": {"ic": 40, "kh": 5, "kw": 5, "zero": -128},
    "three rows and one column, 33 channels": {"ic": 33, "kh": 3, "kw": 1, "stride": (1, 2)},
    "multiplier 7": {"multiplier": 7, "ic": 2, "iw": 3},
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
    "shift by 30 of all": {"scale": 6e-9, "per_channel": False},
    "shift by 22 of all": {"scale": 1.7e-6, "per_channel": False, "y_zero": 127},
    "shift by 36": {"scale": 8e-11},
    "no bits left": {"scale": 1e-12},
    "sums beyond 2^30": {"bias": 2**31 - 1, "scale": 1e-6},
    "sums that wrap": {"bias": 2**31 - 1, "kh": 9, "kw": 9, "scale": 1e-6},
}  # fmt: skip


CLIPPED = {"depthwise_conv2d_3x3_clipped_s8", "depthwise_conv2d_clipped_s8"}
"""Kernels that take rows without padding."""
CLIPPED_DSP = {"depthwise_conv2d_3x3_rows_s8_dsp", "depthwise_conv2d_3x3_rows_fours_s8_dsp"}
ROWS_VECTORS = "depthwise_conv2d_rows_s8_vectors"


def without_padding(*avoid: str, inline: bool | None = None) -> Goal:
    """The goal of a plan with these kernels, less some of them."""
    others = {k.name for k in kernels.of(DepthwiseConv2D) if k.weights == ("int8",)}
    others -= {*CLIPPED, *CLIPPED_DSP, ROWS_VECTORS}
    return Goal(kind="speed", inline=inline, avoid=frozenset({*others, *avoid}))


size = st.integers(1, 9)
small = st.integers(1, 3)
shapes = st.fixed_dictionaries(
    {
        "ih": size, "iw": size, "ic": size | st.sampled_from([15, 16, 17, 24, 33]),
        "kh": st.integers(1, 5), "kw": st.integers(1, 5),
        "multiplier": small, "stride": st.tuples(small, small),
        "dilation": st.tuples(st.integers(1, 6), st.integers(1, 6)),
        "padding": st.sampled_from(["SAME", "VALID"]),
    }
)  # fmt: skip
tails = st.fixed_dictionaries(
    {
        "act": st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        "per_channel": st.booleans(), "bias": st.sampled_from([None, 3000, 2**31 - 1]),
        "scale": st.floats(-12, 2).map(lambda e: 10**e),
        "zero": st.integers(-128, 127), "y_zero": st.integers(-128, 127),
        "seed": st.integers(0, 99),
    }
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_reference(depthwise(**CASES[case]))


@pytest.mark.parametrize(
    ("avoid", "inline"),
    [
        ("", False),
        ("", True),
        ("depthwise_conv2d_3x3_s8", False),
        pytest.param("depthwise_conv2d_3x3_s8", True, marks=pytest.mark.slow),
    ],
)
def test_kernels(avoid: str, inline: bool) -> None:
    goal = Goal(inline=inline, avoid=frozenset([avoid]))
    graph = collected({case: depthwise(**fields) for case, fields in CASES.items()})
    check_everywhere(graph, goal=goal)


@pytest.mark.parametrize(
    ("avoid", "inline"),
    [
        (set(), False),
        (set(), True),
        ({ROWS_VECTORS}, False),
        pytest.param({ROWS_VECTORS}, True, marks=pytest.mark.slow),
        ({ROWS_VECTORS, "depthwise_conv2d_3x3_clipped_s8"}, False),
        pytest.param(
            {ROWS_VECTORS, "depthwise_conv2d_3x3_clipped_s8"}, True, marks=pytest.mark.slow
        ),
    ],
)
def test_rows_without_padding(avoid: set[str], inline: bool) -> None:
    goal = without_padding(*avoid, inline=inline)
    graph = collected({case: depthwise(**fields) for case, fields in CASES.items()})
    planned = plan(prepare(graph), boards.load("host"), goal)
    assert {c.kernel.name for c in planned.calls} == {*CLIPPED, ROWS_VECTORS} - avoid
    assert not any(c.lines for c in planned.calls)
    check_everywhere(graph, goal=goal)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(shapes, tails)
def test_any_reference(shape: dict[str, Any], tail: dict[str, Any]) -> None:
    graph = depthwise(**shape, **tail)
    assume(graph.ops[0].y.size > 0)
    check_reference(graph)


@settings(deadline=None, derandomize=True, max_examples=5)
@given(st.lists(st.tuples(shapes, tails), min_size=6, max_size=6))
def test_any_kernel(several: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    graphs = {str(i): depthwise(**shape, **tail) for i, (shape, tail) in enumerate(several)}
    good = {i: graph.ops[0] for i, graph in graphs.items() if graph.ops[0].y.size > 0}
    kept = {i: graphs[i] for i, op in good.items() if op.check() is None}
    assume(kept)
    check_everywhere(collected(kept))
    check_everywhere(collected(kept), goal=without_padding())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"multiplier": 3}, "depth multiplier"),
        ({"stride": (2, 2)}, "shape"),
        ({"activation": "TANH"}, "TANH"),
    ],
)
def test_refuses(change: dict[str, Any], reason: str) -> None:
    assert reason in str(replace(depthwise().ops[0], **change).check())


@pytest.mark.parametrize("name", sorted(CLIPPED_DSP))
def test_an_output_that_lies_over_its_input(name: str, tmp_path: Path) -> None:
    """Each row over one that it is made of, byte over byte of a channel."""
    host = featured(boards.load("host"), frozenset({"dsp"}))
    for stride in ((1, 1), (2, 2)):
        graph = prepare(depthwise(padding="VALID", stride=stride, ih=9, iw=9, ic=6))
        planned = plan(graph, host, without_padding(*CLIPPED_DSP - {name}))
        (step,) = planned.steps
        (call,) = step.calls
        assert call.kernel.name == name
        buffer = replace(call.writes[0].buffer, offset=call.reads[0].offset)
        over = replace(call.writes[0], buffer=buffer)
        calls = (replace(call, writes=(over,)),)
        moved = replace(planned, steps=(replace(step, calls=calls),), outputs=(over,))
        xs = samples(graph, 3)
        done = run(host, emit(moved, "net"), pack(xs), 3, build_dir=tmp_path, sanitize=True)
        np.testing.assert_array_equal(unpack(done.outputs, graph, 3), reference(graph, xs))


def test_int16() -> None:
    check_everywhere(collected({case: widened(depthwise(**f)) for case, f in CASES.items()}))


def test_int16_refuses_a_bias_of_int32() -> None:
    check_misread(depthwise(ic=4))
