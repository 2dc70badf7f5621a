"""CONV_2D: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua import boards, kernels
from ascua.boards import Board
from ascua.ir import Array, Graph, Quant
from ascua.ops import conv2d
from ascua.ops.conv2d import Conv2D
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.support import (
    FAST,
    INLINE,
    SHARED,
    activation,
    as_int4,
    check_everywhere,
    check_reference,
    collected,
    constant,
    featured,
    generated_c,
    network,
    reference,
    samples,
    untimed,
    untold,
)
from tests.support.tools import require_board
from tests.support.wide import widened


def conv(
    ih: int = 6, iw: int = 7, ic: int = 3, oc: int = 5, kh: int = 3, kw: int = 3,
    stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1), padding: str = "SAME",
    act: str = "NONE", per_channel: bool = True, bias: int | None = 3000, scale: float = 0.01,
    zero: int = -3, y_zero: int = 4, seed: int = 1, groups: int = 1,
) -> Graph:  # fmt: skip
    """A network of one convolution with random weights."""
    rng = np.random.default_rng(seed)
    w = rng.integers(-127, 128, (oc, kh, kw, ic // groups)).astype(np.int8)
    scales = list(rng.uniform(0.2, 2.0, oc) * scale) if per_channel else [scale]
    x = activation("x", (1, ih, iw, ic), 0.05, zero)
    inputs = [x, constant("w", w, scales)]
    if bias is not None:
        inputs.append(constant("b", rng.integers(-bias, bias, oc).astype(np.int32)))
    probe = Conv2D(
        tuple(inputs), (activation("y", (1, 1, 1, oc)),), stride, dilation, padding, act
    )  # fmt: skip
    y = activation("y", (1, probe.rows.out, probe.columns.out, oc), 0.4, y_zero)
    return network(Conv2D(tuple(inputs), (y,), stride, dilation, padding, act))


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "pointwise": {"kh": 1, "kw": 1, "ic": 8, "oc": 4},
    "one channel": {"ic": 1, "oc": 1},
    "three channels": {"ic": 3, "oc": 3},
    "seven channels": {"oc": 7},
    "eleven channels": {"oc": 11, "kh": 1, "kw": 2, "iw": 3},
    "one pixel": {"ih": 1, "iw": 1},
    "one pixel wide": {"iw": 1, "act": "RELU6"},
    "valid": {"padding": "VALID", "stride": (2, 3)},
    "stride beyond the filter": {"stride": (4, 5), "ih": 11, "iw": 13},
    "dilation": {"dilation": (2, 2), "ih": 9, "iw": 9},
    "dilation and stride": {"dilation": (1, 3), "stride": (2, 1), "ih": 9, "iw": 11},
    "dilation of 3 down": {"dilation": (3, 1), "ih": 9, "iw": 5},
    "dilation of 5 and 4, stride": {"dilation": (5, 4), "stride": (2, 3), "ih": 14, "iw": 12},
    "10x4": {"kh": 10, "kw": 4, "stride": (2, 2), "ih": 20, "iw": 10, "ic": 1},
    "filter above the image": {"kh": 5, "kw": 1, "ih": 2, "iw": 3},
    "per tensor, no bias": {"per_channel": False, "bias": None, "act": "RELU"},
    "zero points": {"zero": -128, "act": "RELU_N1_TO_1"},
    "shift to the left": {"scale": 30.0},
    "shift by 31": {"scale": 2e-9},
    "shift by 36": {"scale": 8e-11},
    "no bits left": {"scale": 1e-12},
    "sums beyond 2^30": {"bias": 2**31 - 1, "scale": 1e-6},
    "sums that wrap": {"bias": 2**31 - 1, "kh": 9, "kw": 9, "scale": 1e-6},
    "1x1, four pixels": {"kh": 1, "kw": 1, "ic": 16, "oc": 6, "ih": 2, "iw": 2},
    "1x1, five pixels, odd": {"kh": 1, "kw": 1, "ic": 7, "oc": 3, "ih": 1, "iw": 5},
    "1x1, stride": {"kh": 1, "kw": 1, "ic": 12, "oc": 4, "stride": (2, 2)},
    "six pixels wide": {"iw": 6, "ic": 4, "oc": 4},
    "no change of the output": {"bias": 2**29, "scale": 3e-7, "oc": 8},
    "some channels that do not change": {"bias": 2**29, "scale": 4e-5, "oc": 20, "act": "RELU"},
    "shift by 23 and more": {"bias": 2**29, "scale": 4e-7, "oc": 24, "y_zero": -128},
    "shift by 23 and more, up": {"bias": 2**29, "scale": 4e-7, "oc": 24, "y_zero": 127},
    "large sums that change": {
        "bias": 2**31 - 2**24, "scale": 4e-7, "kh": 5, "kw": 5, "ic": 40, "oc": 12, "y_zero": 0
    },
    "only above": {"act": "RELU6", "y_zero": -128},
    "two groups": {"ic": 6, "oc": 10, "groups": 2},
    "groups, one pixel": {"ic": 6, "oc": 10, "groups": 2, "ih": 1, "iw": 1},
    "groups, pointwise": {"ic": 12, "oc": 27, "groups": 3, "kh": 1, "kw": 1},
    "a group a channel": {"ic": 5, "oc": 5, "groups": 5, "stride": (2, 2)},
    "a group a channel, seven each": {"ic": 3, "oc": 21, "groups": 3, "iw": 1, "act": "RELU6"},
    "groups, dilation": {"ic": 8, "oc": 8, "groups": 2, "dilation": (2, 3), "ih": 9, "iw": 9},
    "groups, valid, no bias": {
        "ic": 4, "oc": 12, "groups": 4, "padding": "VALID", "bias": None, "per_channel": False
    },
    "groups, large sums": {
        "ic": 40, "oc": 12, "groups": 2, "bias": 2**31 - 1, "scale": 1e-6, "kh": 5, "kw": 5,
    },
    "groups, shift to the left": {"ic": 6, "oc": 9, "groups": 3, "scale": 30.0, "zero": -128},
    "groups, no bits left": {"ic": 6, "oc": 9, "groups": 3, "scale": 1e-12},
}  # fmt: skip

size = st.integers(1, 9)
few = st.integers(1, 3)
shapes = st.fixed_dictionaries(
    {
        "ih": size, "iw": size, "ic": size, "oc": size, "groups": few, "kh": st.integers(1, 5),
        "kw": st.integers(1, 5), "stride": st.tuples(few, few),
        "dilation": st.tuples(st.integers(1, 6), st.integers(1, 6)),
        "padding": st.sampled_from(["SAME", "VALID"]),
        "act": st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        "per_channel": st.booleans(), "bias": st.sampled_from([None, 3000, 2**31 - 1]),
        "scale": st.floats(-12, 2).map(lambda e: 10**e), "zero": st.integers(-128, 127),
        "y_zero": st.sampled_from([-128, 4, 127]), "seed": st.integers(0, 99),
    }
).map(lambda f: {**f, "ic": f["ic"] * f["groups"], "oc": f["oc"] * f["groups"]})  # fmt: skip
"""`ic` and `oc` are multiples of `groups`."""


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_reference(conv(**CASES[case]))


def test_sums_that_float32_would_round() -> None:
    w = np.full((1, 1, 1, 1024), 127, np.int8)
    w[..., 0] = 126
    total = 255 * int(w.astype(np.int64).sum())
    assert total > 2**24
    assert total % 2
    x, y = (activation(name, (1, 1, 1, c), 1.0, -128) for name, c in (("x", 1024), ("y", 1)))
    bias = constant("b", np.array([70 - total], np.int32))
    layer = Conv2D(
        (x, constant("w", w, [1.0]), bias), (y,), (1, 1), (1, 1), "VALID", "NONE"
    )  # fmt: skip
    _, _, expected = check_reference(network(layer), xs=[np.full((1, *x.shape), 127, np.int8)])
    assert expected[0].item() == 70 - 128


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_kernel(goal: Goal) -> None:
    check_everywhere(collected({case: conv(**fields) for case, fields in CASES.items()}), goal=goal)


CLIPPED = {
    "conv2d_pairs_clipped_s8": frozenset[str](),
    "conv2d_clipped_s8_dsp": frozenset({"dsp"}),
    "conv2d_clipped_twos_s8_dsp": frozenset({"dsp"}),
}
"""Kernels that take rows without padding, and what they need."""


def check_clipped(name: str, graphs: Mapping[str, Graph], inline: bool | None = None) -> int:
    """Those networks of one convolution that the kernel fits; answers how many."""
    kernel = next(k for k in kernels.of(Conv2D) if k.name == name)
    others = {k.name for k in kernels.of(Conv2D)} - {name}
    goal = Goal(kind="speed", inline=inline, avoid=frozenset(others))
    fitting = {i: g for i, g in graphs.items() if kernel.fits(g.ops[0])}
    if fitting:
        graph, host = collected(fitting), featured(boards.load("host"), CLIPPED[name])
        calls = plan(prepare(graph), host, goal).calls
        assert {(c.kernel.name, c.lines) for c in calls} == {(name, None)}
        xs = samples(graph, 3)
        for y, e in zip(generated_c(graph, xs, goal, host), reference(graph, xs), strict=True):
            np.testing.assert_array_equal(y, e)
    return len(fitting)


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("name", CLIPPED)
def test_rows_without_padding(name: str, inline: bool) -> None:
    cases = {case: conv(**fields) for case, fields in CASES.items()}
    for n in range(1, 34, 3):
        fields = {"ic": n, "oc": 1 + n % 5, "kh": 1 + n % 4, "kw": 1 + n % 5, "iw": 4 + n % 11}
        cases[f"{n} channels"] = conv(**fields, seed=n)
    assert check_clipped(name, cases, inline) > 9


@settings(deadline=None, derandomize=True, max_examples=6)
@given(st.lists(shapes, min_size=9, max_size=9))
def test_any_rows_without_padding(several: list[dict[str, Any]]) -> None:
    graphs = {str(i): conv(**fields) for i, fields in enumerate(several)}
    good = {i: g for i, g in graphs.items() if g.ops[0].y.size > 0 and g.ops[0].check() is None}
    for name in CLIPPED:
        check_clipped(name, good)


def on_board(graph: Graph, board: Board, build: Path, goal: Goal = FAST) -> set[str]:
    """The names of the kernels with which the board gives every byte of the reference."""
    require_board(board)
    ready, xs, board = prepare(graph), samples(graph, 3), untimed(board)
    made = plan(ready, board, goal)
    done = run(board, emit(made, "net"), pack(xs), 3, build_dir=build)
    answers = zip(unpack(done.outputs, ready, 3), reference(graph, xs), graph.outputs, strict=True)
    for y, e, t in answers:
        np.testing.assert_array_equal(y, e, t.name)
    return {c.kernel.name for c in made.calls}


@pytest.mark.emulator
@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_dsp(goal: Goal, tmp_path: Path) -> None:
    """Beside the cases: loops of eight words that are entered at each place, and every rest."""
    cases = {case: conv(**fields) for case, fields in CASES.items()}
    for n in range(1, 34, 3):
        fields = {"ic": n, "oc": 1 + n % 5, "kh": 1 + n % 2, "kw": 1 + n % 2, "iw": 1 + n % 11}
        cases[f"{n} channels"] = conv(**fields, seed=n)
    names = on_board(collected(cases), boards.load("mps2-an386"), tmp_path, goal)
    assert {"conv2d_s8_dsp", "conv2d_1x1_s8_dsp"} <= names


def narrow(w: Array, scale: float = 0.01) -> Graph:
    """A convolution with these weights."""
    oc, kh, kw, ic = w.shape
    op = conv(ic=ic, oc=oc, kh=kh, kw=kw, ih=kh + 1, iw=kw + 4, padding="VALID", scale=scale).ops[0]
    inputs = (op.inputs[0], constant("w", w.astype(np.int8), [scale] * oc), op.inputs[2])
    return network(replace(op, inputs=inputs))


def dsp_kernel(graph: Graph) -> str:
    board = untold(boards.load("mps2-an386"))
    return plan(prepare(graph), board, FAST).calls[0].kernel.name


def test_dsp_extremes() -> None:
    """The largest sums that fit beside another, and the least weights."""
    fitting = np.zeros((6, 3, 3, 64), np.int8)
    fitting.reshape(6, -1)[:, :510] = np.array([127, -127, -128, 127, -127, -127])[:, None]
    graph = narrow(fitting, 1e-4)
    assert dsp_kernel(graph) == "conv2d_s8_dsp"
    xs = np.full((4, *graph.inputs[0].shape), -128, np.int8)
    xs[1] = 127
    xs[2, ..., ::2] = 127
    check_everywhere(graph, xs=[xs])


@pytest.mark.parametrize("pair", [(-128, -128), (0, -128), (-1, -128), (5, 127)])
def test_dsp_least_weights(pair: tuple[int, int]) -> None:
    """Of a pair's second channel, -128 less 1 is no int8."""
    w = np.ones((4, 3, 3, 5), np.int8)
    w[0, 1, 1], w[1, 1, 1] = pair
    graph = narrow(w)
    fits = pair[1] > -128 or pair[0] >= 0
    assert (dsp_kernel(graph) == "conv2d_s8_dsp") == fits
    check_everywhere(graph)


@pytest.mark.parametrize(("taps", "fits"), [(516, True), (517, False)])
def test_dsp_largest_sums(taps: int, fits: bool) -> None:
    w = np.zeros((2, 1, 1, 600), np.int8)
    w[1, ..., :taps] = 127
    assert (dsp_kernel(narrow(w)) == "conv2d_1x1_s8_dsp") == fits
    xs = [np.full((1, *narrow(w).inputs[0].shape), v, np.int8) for v in (-128, 127)]
    check_everywhere(narrow(w, 1e-5), xs=[np.concatenate(xs)])


def weighted(w: Array, **fields: Any) -> Graph:
    """The network of a convolution by these filters."""
    oc, kh, kw, ic = w.shape
    graph = conv(ih=5, iw=8, ic=ic, oc=oc, kh=kh, kw=kw, **fields)
    op = graph.ops[0]
    scales = op.inputs[1].q.scales
    return network(replace(op, inputs=(op.inputs[0], constant("w", w, scales), *op.inputs[2:])))


@pytest.mark.parametrize("size", [1, 3])
def test_extremes(size: int) -> None:
    """Where two pixels lie in a word, the products of neither may reach the other."""
    signs = np.array([[1] * 8, [-1] * 8, [1, -1] * 4, [1, 1, -1, -1] * 2])[:, None, None]
    w = np.broadcast_to(signs, (4, size, size, 8)).astype(np.int8)
    least = w.copy()
    least[0], least[1, :, :, :2] = -128, -128
    ends = np.array([-128, 127, -128, -128, 127, 127, -128, 127])
    xs = np.stack([np.broadcast_to(v, (1, 5, 8, 8)) for v in (-128, 127, ends, ends[:, None])])
    graph = collected({str(i): weighted(v) for i, v in enumerate((127 * w, -127 * w, least))})
    check_everywhere(graph, xs=[xs.astype(np.int8)] * len(graph.inputs))


@pytest.mark.parametrize("size", [1, 3])
def test_filters_that_end_in_zeros(size: int) -> None:
    """Channels of nothing else have what biases and scales they please."""
    rng = np.random.default_rng(3)
    w = rng.integers(-127, 128, (8, size, size, 12)).astype(np.int8)
    for channel, kept in enumerate((0, 1, 3, 4, 5, 8, 0, 11)):
        w.reshape(8, -1)[channel, kept:] = 0
    graphs = {f"{n} channels": weighted(w[:n]) for n in (1, 2, 7, 8)}
    for fields in ({"bias": 2**31 - 1}, {"scale": 30.0}, {"bias": 2**28, "scale": 2e-9}):
        graphs |= {f"{n}, {fields}": weighted(w[:n], **fields) for n in (1, 8)}
    check_everywhere(collected(graphs))


@settings(max_examples=80)
@given(shapes)
def test_any_reference(shape: dict[str, Any]) -> None:
    graph = conv(**shape)
    assume(graph.ops[0].y.size > 0)
    check_reference(graph)


@settings(max_examples=3)
@given(st.lists(shapes, min_size=6, max_size=6))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    check_shapes(several)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(shapes, min_size=6, max_size=6))
def test_many_kernels(several: list[dict[str, Any]]) -> None:
    check_shapes(several)


def check_shapes(several: list[dict[str, Any]]) -> None:
    """Together, everywhere; those without an output, and those that are refused, say nothing."""
    graphs = {str(i): conv(**shape) for i, shape in enumerate(several)}
    kept = {i: g for i, g in graphs.items() if g.ops[0].y.size > 0 and g.ops[0].check() is None}
    assume(kept)
    check_everywhere(collected(kept))


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"stride": (2, 2)}, "shape"), ({"activation": "TANH"}, "TANH")],
)
def test_refuses(change: dict[str, Any], reason: str) -> None:
    assert reason in str(replace(conv().ops[0], **change).check())


@pytest.mark.parametrize(("ic", "oc"), [(5, 4), (6, 5), (2, 4)])
def test_refuses_groups_that_are_none(ic: int, oc: int) -> None:
    op = conv(ic=3, oc=oc).ops[0]
    x = replace(op.x, shape=(*op.x.shape[:3], ic))
    reason = replace(op, inputs=(x, *op.inputs[1:])).check()
    assert reason == f"its filters, {oc}, have 3 channels and its input {ic}: no whole groups"


def test_int4_in_groups() -> None:
    graphs = {case: as_int4(conv(**f)) for case, f in CASES.items() if "groups" in f}
    check_everywhere(collected(graphs))


@pytest.mark.parametrize("bias", ["int64", "int32"])
def test_int16(bias: str) -> None:
    graphs = {case: widened(conv(**fields), bias) for case, fields in CASES.items()}
    check_everywhere(collected(graphs))


def test_int16_long_sums_need_64_bits() -> None:
    graph = widened(conv(kh=1, kw=1, ic=1200, ih=2, iw=2, scale=1e-6))
    ones = np.full((1, *graph.inputs[0].shape), -(2**15), np.int16)
    check_everywhere(graph, xs=[np.concatenate([ones, ~ones, *samples(graph, 2)])])


@pytest.mark.parametrize("bias_dtype", [0, 2, 4])
def test_int16_without_bias(bias_dtype: int) -> None:
    graphs = (widened(conv(bias=None, kh=5, kw=5, ic=9, scale=1e-6, seed=s)) for s in range(3))
    ops = (replace(g.ops[0], bias_dtype=bias_dtype) for g in graphs)
    check_everywhere(collected({str(i): network(op) for i, op in enumerate(ops)}))


def int16_layer(**change: Any) -> Conv2D:
    """One convolution of int16, some of its inputs replaced by name."""
    op = widened(conv(**change.pop("fields", {}))).ops[0]
    assert isinstance(op, Conv2D)
    inputs = (change.get("x", op.x), change.get("w", op.w), change.get("bias", op.bias))
    return replace(op, inputs=inputs, outputs=(change.get("y", op.y),))


def test_int16_refuses() -> None:
    op = int16_layer()
    assert op.check() is None
    shifted = replace(op.x, quant=Quant((0.001,), (3,)))
    assert "zero point 3, which int16 has not" in str(int16_layer(x=shifted).check())
    assert "'y' is int8, not int16" in str(int16_layer(y=replace(op.y, dtype="int8")).check())
    assert "'w' is int16, not int8" in str(int16_layer(w=replace(op.w, dtype="int16")).check())
    huge = constant("b", np.full(5, 2**47))
    assert "48 bits" in str(int16_layer(bias=huge).check())
    assert "too fine" in str(int16_layer(fields={"scale": 3000.0}).check())


@pytest.mark.parametrize("graph", [conv(), conv(kh=1, kw=1, ic=8, oc=8), widened(conv())])
def test_large_windows_are_summed_tap_by_tap(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    xs = samples(graph, 3)
    expected = reference(graph, xs)
    monkeypatch.setattr(conv2d, "MOST_TAPS", 1)
    for y, e in zip(reference(graph, xs), expected, strict=True):
        np.testing.assert_array_equal(y, e)
