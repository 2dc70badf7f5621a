"""AVERAGE_POOL_2D: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ops.average_pool2d import AveragePool2D
from ascua.plan import Goal
from tests.support import (
    INLINE,
    SHARED,
    activation,
    check_everywhere,
    check_reference,
    collected,
    oracle,
    reference,
)
from tests.support.pools import CASES, POOLS, pool
from tests.support.wide import widened


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_reference(pool(AveragePool2D, **CASES[case]))


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_kernel(goal: Goal) -> None:
    check_everywhere(collected({c: pool(AveragePool2D, **f) for c, f in CASES.items()}), goal=goal)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(POOLS)
def test_any_reference(fields: dict[str, Any]) -> None:
    graph = pool(AveragePool2D, **fields)
    assume(graph.ops[0].y.size > 0)
    check_reference(graph)


@settings(max_examples=3)
@given(st.lists(POOLS, min_size=8, max_size=8))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    check_pools(several)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(POOLS, min_size=8, max_size=8))
def test_many_kernels(several: list[dict[str, Any]]) -> None:
    check_pools(several)


def check_pools(several: list[dict[str, Any]]) -> None:
    """Together, everywhere; those without an output say nothing."""
    graphs = {str(i): pool(AveragePool2D, **fields) for i, fields in enumerate(several)}
    kept = {i: graph for i, graph in graphs.items() if graph.ops[0].y.size > 0}
    assume(kept)
    check_everywhere(collected(kept))


def test_refuses_what_tflm_refuses() -> None:
    op = pool(AveragePool2D).ops[0]
    other = replace(op, outputs=(activation("y", op.y.shape, 0.05, 7),))
    assert "quantised differently" in str(other.check())
    other = replace(op, outputs=(activation("y", (1, 2, 2, 5), 0.05, -3),))
    assert "shape" in str(other.check())


@pytest.mark.parametrize("window", [(1, 2), (2, 2), (1, 3), (2, 3)])
def test_rounds_every_sum_as_tflm(window: tuple[int, int]) -> None:
    graph = pool(AveragePool2D, *window, c=512, window=window, padding="VALID")
    # A channel a sum: its level, one value moved a little.
    level = np.repeat(np.linspace(-128, 127, 512).astype(int)[None], window[0] * window[1], axis=0)
    level[0] = np.clip(level[0] + np.arange(512) % 7 - 3, -128, 127)
    xs = [level.reshape(1, 1, *window, 512).astype(np.int8)]
    expected = oracle(tflite.write(graph), xs)
    np.testing.assert_array_equal(reference(graph, xs)[0], expected[0])


@pytest.mark.parametrize("size", [(40, 13), (2, 256), (256, 1), (2, 300)])
def test_windows_of_many_values_of_an_end(size: tuple[int, int]) -> None:
    """Their sums, or those of several rows, pass 16 bits."""
    graph = pool(AveragePool2D, *size, c=9, window=size, padding="VALID")
    xs = np.repeat(np.array([-128, 127], np.int8), 9 * size[0] * size[1])
    check_everywhere(graph, xs=[xs.reshape(2, 1, *size, 9)])


def test_int16() -> None:
    check_everywhere(
        collected({case: widened(pool(AveragePool2D, **f)) for case, f in CASES.items()})
    )


def test_int16_refuses_windows_whose_sum_overflows() -> None:
    graph = widened(pool(AveragePool2D, ih=200, iw=200, c=1, window=(200, 200), padding="VALID"))
    assert "32,768 values" in str(graph.ops[0].check())
