"""Kernels of little code, which the goal of least flash takes: what the fast ones give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua import boards, kernels
from ascua.ir import Graph
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.passes import prepare
from ascua.plan import Goal, plan
from tests.ops import test_conv2d, test_depthwise_conv2d, test_fully_connected
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.support import check_everywhere, collected

FAST = {
    k.name
    for kind in (Conv2D, DepthwiseConv2D, FullyConnected)
    for k in kernels.of(kind)
    if k.weights == ("int8",)
    and k.types == ("int8",)
    and not {"compact", "grouped"} & {*k.name.split("_")}
}
CASES = {
    **{f"conv {name}": conv(**fields) for name, fields in test_conv2d.CASES.items()},
    **{f"own {name}": depthwise(**f) for name, f in test_depthwise_conv2d.CASES.items()},
    **{f"dense {name}": dense(**f) for name, f in test_fully_connected.CASES.items()},
}


def compact(inline: bool, *more: str) -> Goal:
    return Goal(inline=inline, avoid=frozenset({*FAST, *more}))


@pytest.mark.parametrize("inline", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_every_case(inline: bool) -> None:
    graph = collected(CASES)
    calls = plan(prepare(graph), boards.load("host"), compact(inline)).calls
    assert {c.kernel.name for c in calls} >= {
        "conv2d_compact_s8", "depthwise_conv2d_compact_s8", "fully_connected_compact_s8",
    }  # fmt: skip
    check_everywhere(graph, goal=compact(inline))


def test_pointwise_convolutions_are_matrices() -> None:
    one = {"kh": 1, "kw": 1}
    cases = [{**one}, {**one, "oc": 1}, {**one, "ic": 1, "act": "RELU"}, {**one, "ih": 1, "iw": 1},
             {**one, "per_channel": False, "scale": 3.0}, {**one, "bias": None}]  # fmt: skip
    graph = collected({str(i): conv(**fields) for i, fields in enumerate(cases)})
    goal = compact(False, "conv2d_compact_s8")
    assert {c.kernel.name for c in plan(prepare(graph), boards.load("host"), goal).calls} == {
        "fully_connected_compact_s8"
    }
    check_everywhere(graph, goal=goal)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(
    st.lists(test_conv2d.shapes, min_size=3, max_size=3),
    st.lists(
        st.tuples(test_depthwise_conv2d.shapes, test_depthwise_conv2d.tails),
        min_size=3, max_size=3,
    ),
    st.booleans(),
)  # fmt: skip
def test_any(convs: list[dict[str, Any]], owns: list[Any], inline: bool) -> None:
    graphs: dict[str, Graph] = {f"c{i}": conv(**fields) for i, fields in enumerate(convs)}
    graphs |= {f"d{i}": depthwise(**a, **b) for i, (a, b) in enumerate(owns)}
    good = {name: g.ops[0] for name, g in graphs.items() if g.ops[0].y.size > 0}
    kept = {name: graphs[name] for name, op in good.items() if op.check() is None}
    assume(kept)
    check_everywhere(collected(kept), goal=compact(inline))
