"""Kernels that take their input a row at a time give what those of whole tensors do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import boards, kernels
from ascua.ir import Graph
from ascua.kernels import Sums
from ascua.kernels.fully_connected import FullyConnectedSumsS8
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mean import Mean
from ascua.ops.reduce_max import ReduceMax
from ascua.ops.reduce_min import ReduceMin
from ascua.ops.sum import Sum
from ascua.passes import prepare
from ascua.plan import Goal, plan
from ascua.targets.c import emit
from tests.ops.test_fully_connected import dense
from tests.ops.test_mean import mean
from tests.ops.test_reduce_max import extreme
from tests.support import check_everywhere, collected, hosts, network
from tests.support.pools import pool

KINDS = (AveragePool2D, FullyConnected, MaxPool2D, Mean, ReduceMax, ReduceMin, Sum)
SUMMING = {k.name for kind in KINDS for k in kernels.of(kind) if "sums" in k.name.split("_")}
OTHERS = {k.name for kind in KINDS for k in kernels.of(kind)} - SUMMING


def goal(inline: bool | None = None) -> Goal:
    """The goal of a plan with these kernels."""
    return Goal(kind="speed", inline=inline, avoid=frozenset(OTHERS))


def check(graphs: dict[str, Graph], inline: bool | None = None) -> set[str]:
    """Answers the kernels that ran."""
    graph, chosen = collected(graphs), goal(inline)
    check_everywhere(graph, n=4, goal=chosen)
    prepared = prepare(graph)
    calls = [c for board in hosts(graph, chosen) for c in plan(prepared, board, chosen).calls]
    assert all(isinstance(c.work, Sums) for c in calls)
    return {c.kernel.name for c in calls}


DENSE: dict[str, dict[str, Any]] = {
    "plain": {"k": 24},
    "one input": {"k": 1},
    "pieces of one": {"k": 3, "oc": 6},
    "pieces of five": {"k": 20, "oc": 14},
    "a prime": {"k": 11},
    "many": {"k": 640, "oc": 10},
    "pieces beyond 504": {"k": 4 * 1015, "oc": 5},
    "one output": {"k": 12, "oc": 1},
    "three outputs": {"k": 12, "oc": 3},
    "per channel": {"k": 24, "per_channel": True, "oc": 13},
    "no bias": {"k": 24, "bias": None},
    "relu6": {"k": 24, "act": "RELU6", "y_zero": -128, "y_scale": 0.02},
    "zero points -128": {"k": 24, "zero": -128, "y_zero": -128},
    "zero points 127": {"k": 24, "zero": 127, "y_zero": 127},
    "an image": {"k": 24, "shape": (1, 2, 3, 4)},
    "shift to the left": {"k": 24, "scale": 30.0, "bias": 2},
    "shift by 36": {"k": 24, "scale": 8e-11, "per_channel": True},
    "sums that wrap": {"bias": 2**31 - 1, "scale": 1e-6, "k": 9000, "oc": 5},
}
MEANS: dict[str, dict[str, Any]] = {
    "plain": {},
    "keep dims": {"keep": True},
    "one pixel": {"shape": (1, 1, 1, 6)},
    "one row": {"shape": (1, 1, 9, 6)},
    "one column": {"shape": (1, 9, 1, 3)},
    "one channel": {"shape": (1, 24, 24, 1)},
    "many": {"shape": (1, 33, 31, 3)},
    "shift to the left": {"y_scale": 0.0001},
    "no bits left": {"scale": 1e-12, "y_scale": 2.0},
    "zero points 127": {"zero": 127, "y_zero": 127},
    "sum": {"kind": Sum, "y_scale": 0.5},
    "sum, many": {"kind": Sum, "shape": (1, 33, 31, 3), "y_scale": 7.0},
}
POOLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "beyond the image": {"window": (9, 9), "stride": (9, 9), "padding": "SAME"},
    "one pixel": {"ih": 1, "iw": 1, "window": (1, 1)},
    "one channel": {"c": 1},
    "eight channels": {"c": 8},
    "relu6": {"act": "RELU6", "zero": -128},
    "relu -1 to 1": {"act": "RELU_N1_TO_1"},
}


def cases() -> dict[str, Graph]:
    """All of them."""
    return {
        **{f"dense {name}": dense(**f) for name, f in DENSE.items()},
        **{f"mean {name}": mean(**f) for name, f in MEANS.items()},
        **{
            f"{kind.__name__} {name}": pool(kind, **{"window": (6, 7), "padding": "VALID", **f})
            for kind in (AveragePool2D, MaxPool2D)
            for name, f in POOLS.items()
        },
        **{
            f"{kind.__name__} {shape}": network(extreme(kind, shape, keep=shape[1] > 1))
            for kind in (ReduceMax, ReduceMin)
            for shape in ((1, 5, 6, 7), (1, 1, 1, 6), (1, 9, 1, 1))
        },
    }


@pytest.mark.parametrize("inline", [False, True])
def test_every_case(inline: bool) -> None:
    assert check(cases(), inline) == SUMMING


size = st.integers(1, 9)
images = st.tuples(st.just(1), size, size, size)
zeros = st.integers(-128, 127)


@settings(deadline=None, derandomize=True, max_examples=6)
@given(
    st.lists(images, min_size=4, max_size=4), zeros, zeros, st.integers(0, 99), size,
    st.floats(-3, 0).map(lambda e: 10**e),
)  # fmt: skip
def test_any(
    shapes: list[tuple[int, ...]], zero: int, y_zero: int, seed: int, oc: int, scale: float
) -> None:
    graphs: dict[str, Graph] = {}
    for i, shape in enumerate(shapes):
        _, ih, iw, c = shape
        whole = {"ih": ih, "iw": iw, "c": c, "window": (ih, iw), "padding": "VALID", "zero": zero}
        graphs |= {
            f"mean {i}": mean(shape, zero=zero, y_zero=y_zero, y_scale=scale, keep=bool(i % 2)),
            f"average {i}": pool(AveragePool2D, **whole),
            f"most {i}": pool(MaxPool2D, **whole),
            f"least {i}": network(extreme(ReduceMin, shape)),
            f"dense {i}": dense(
                ih * iw * c, oc * (i + 1), shape, zero=zero, y_zero=y_zero, scale=scale, seed=seed
            ),
        }
    check(graphs)


@pytest.mark.parametrize("rows", [1, 2, 6, 24])
def test_the_rows_of_an_image_as_pieces_of_a_vector(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a plan asks for them: by `sliced`."""
    monkeypatch.setattr(FullyConnectedSumsS8, "slices", rows)
    check({str(oc): dense(k=24, oc=oc) for oc in (1, 2, 3, 4, 7, 8, 13)})


def test_sliced() -> None:
    op = prepare(dense(k=24, oc=5)).ops[0]
    for kernel in kernels.of(FullyConnected):
        assert kernel.sliced(6).name == kernel.name
        if isinstance(kernel, FullyConnectedSumsS8):
            six = kernel.sliced(6)
            assert six.work(op) == Sums(6)
            assert six.fits(op)
            assert not kernel.sliced(5).fits(op)
            assert kernel.work(op) == Sums(4)
            assert six.params(op)["k"] == 4
    two = prepare(dense(k=8, shape=(2, 3, 4), out=(3, 9))).ops[0]
    assert not FullyConnectedSumsS8().sliced(2).fits(two)


def test_it_is_one_call_for_each_row() -> None:
    graph = prepare(mean((1, 5, 6, 7)))
    library = emit(plan(graph, boards.load("host"), goal(inline=True)), "net")
    code = library.files["src/net.c"].decode()
    assert "for (int32_t turn = 0; turn < 5; turn++) {" in code
    assert "turn * 42" in code
