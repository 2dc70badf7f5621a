"""MAX_POOL_2D: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua.ops.max_pool2d import MaxPool2D
from ascua.plan import Goal
from tests.support import INLINE, SHARED, activation, check_everywhere, check_reference, collected
from tests.support.pools import CASES, POOLS, pool
from tests.support.wide import widened


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_reference(pool(MaxPool2D, **CASES[case]))


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_kernel(goal: Goal) -> None:
    check_everywhere(collected({c: pool(MaxPool2D, **f) for c, f in CASES.items()}), goal=goal)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(POOLS)
def test_any_reference(fields: dict[str, Any]) -> None:
    graph = pool(MaxPool2D, **fields)
    assume(graph.ops[0].y.size > 0)
    check_reference(graph)


@settings(deadline=None, derandomize=True, max_examples=6)
@given(st.lists(POOLS, min_size=8, max_size=8))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    graphs = {str(i): pool(MaxPool2D, **fields) for i, fields in enumerate(several)}
    kept = {i: graph for i, graph in graphs.items() if graph.ops[0].y.size > 0}
    assume(kept)
    check_everywhere(collected(kept))


def test_refuses_what_tflm_refuses() -> None:
    op = pool(MaxPool2D).ops[0]
    other = replace(op, outputs=(activation("y", op.y.shape, 0.05, 7),))
    assert "quantised differently" in str(other.check())
    other = replace(op, outputs=(activation("y", (1, 2, 2, 5), 0.05, -3),))
    assert "shape" in str(other.check())


def test_int16() -> None:
    check_everywhere(collected({case: widened(pool(MaxPool2D, **f)) for case, f in CASES.items()}))
