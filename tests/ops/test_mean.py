"""MEAN and SUM: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Graph
from ascua.kernels._reductions import factor
from ascua.ops.mean import Mean
from ascua.ops.sum import Sum
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
)
from tests.support.wide import widened

KIND = Mean


def mean(
    shape: tuple[int, ...] = (1, 5, 6, 7), axes: tuple[int, ...] = (1, 2), keep: bool = False,
    scale: float = 0.05, y_scale: float = 0.03, zero: int = -3, y_zero: int = 4,
    out: tuple[int, ...] | None = None, kind: type[Mean] | type[Sum] = Mean,
) -> Graph:  # fmt: skip
    """A network of one mean, or sum."""
    x = activation("x", shape, scale, zero)
    reduced = {a % len(shape) for a in axes}
    kept = [1 if i in reduced else d for i, d in enumerate(shape) if keep or i not in reduced]
    y = activation("y", tuple(kept) if out is None else out, y_scale, y_zero)
    return network(kind((x, constant("axes", np.array(axes, np.int32))), (y,), keep))


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "eleven channels": {"shape": (1, 5, 6, 11)},
    "forty channels, 256 values": {"shape": (1, 16, 16, 40), "zero": 127},
    "two images": {"shape": (2, 3, 4, 8), "axes": (1,)},
    "keep dims": {"keep": True},
    "negative axes": {"axes": (-3, -2)},
    "swapped axes": {"axes": (2, 1)},
    "repeated axes": {"axes": (1, 2, 1, -2)},
    "one axis": {"axes": (1,)},
    "the other axis": {"axes": (2,), "keep": True},
    "channels": {"axes": (3,)},
    "the last two": {"axes": (2, 3)},
    "everything": {"axes": (0, 1, 2, 3), "keep": True},
    "rows and channels of one column": {"shape": (1, 5, 1, 7), "axes": (1, 3)},
    "rows and channels": {"axes": (1, 3)},
    "channels and batch": {"shape": (2, 3, 4, 5), "axes": (-1, 0), "keep": True},
    "every other axis": {"shape": (2, 3, 4, 2, 3, 2), "axes": (0, 2, 4)},
    "the other three": {"shape": (2, 3, 4, 2, 3, 2), "axes": (1, 3, 5), "keep": True},
    "two and two": {"shape": (1, 2, 3, 4, 3, 2), "axes": (1, 2, 5)},
    "far apart and to the left": {"axes": (1, 3), "y_scale": 0.0001},
    "far apart, zero points 127": {"axes": (1, 3), "zero": 127, "y_zero": 127},
    "three dimensions": {"shape": (1, 9, 4), "axes": (1,)},
    "one pixel": {"shape": (1, 1, 1, 6)},
    "one channel": {"shape": (1, 24, 24, 1)},
    "a power of two": {"shape": (1, 4, 4, 8)},
    "many": {"shape": (1, 33, 31, 3)},
    "equal scales": {"y_scale": 0.05, "y_zero": -3},
    "shift to the left": {"y_scale": 0.0001},
    "far to the left": {"y_scale": 1.2e-8, "shape": (1, 2, 2, 5)},
    "shift of 31": {"scale": 1e-9, "y_scale": 2.0},
    "no bits left": {"scale": 1e-12, "y_scale": 2.0},
    "zero points -128": {"zero": -128, "y_zero": -128},
    "zero points 127": {"zero": 127, "y_zero": 127},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_reference(mean(**CASES[case]))


exponent = st.floats(-12, 2).map(lambda e: 10.0**e)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(exponent, exponent, st.integers(1, 2000), st.sampled_from([Mean, Sum]))
def test_any_factor(scale: float, y_scale: float, count: int, kind: type[Mean] | type[Sum]) -> None:
    op = mean((1, count, 1, 1), scale=scale, y_scale=y_scale, kind=kind).ops[0]
    assert isinstance(op, (Mean, Sum))
    assert tuple(factor(op).values()) == op.factor()


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_kernel(goal: Goal) -> None:
    check_everywhere(collected({case: mean(**fields) for case, fields in CASES.items()}), goal=goal)


size = st.integers(1, 9)
means = st.fixed_dictionaries(
    {
        "shape": st.tuples(st.just(1), size, size, size), "keep": st.booleans(),
        "axes": st.lists(st.integers(-4, 3), min_size=1, max_size=5).map(tuple),
        "kind": st.sampled_from([Mean, Sum]),
        "scale": st.floats(-9, 1).map(lambda e: 10**e),
        # A factor of 2^31 and more is undefined in TFLM.
        "y_scale": st.floats(-6, 1).map(lambda e: 10**e),
        "zero": st.integers(-128, 127), "y_zero": st.integers(-128, 127),
    }
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=100)
@given(means)
def test_any_reference(fields: dict[str, Any]) -> None:
    graph = mean(**fields)
    if graph.ops[0].check() is None:
        check_reference(graph)


@settings(deadline=None, derandomize=True, max_examples=6)
@given(st.lists(means, min_size=8, max_size=8))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    graphs = {str(i): mean(**fields) for i, fields in enumerate(several)}
    taken = {key: graph for key, graph in graphs.items() if graph.ops[0].check() is None}
    if taken:
        check_everywhere(collected(taken))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"shape": (1,) * 7}, "at most 6"),
        ({"kind": Sum, "y_scale": 1e-9}, "is too fine"),
        ({"y_scale": 1e-9, "shape": (1, 2, 2, 5)}, "is too fine"),
        ({"axes": (4,)}, "do not exist"),
        ({"out": (1, 5)}, "shape"),
        ({"shape": (1, 3000, 3000, 1)}, "more than"),
    ],
)
def test_refuses(case: dict[str, object], reason: str) -> None:
    assert reason in str(mean(**case).ops[0].check())  # type: ignore[arg-type]


def test_int16(kind: type[Mean] | type[Sum]) -> None:
    cases = {case: widened(mean(**fields, kind=kind)) for case, fields in CASES.items()}
    check_everywhere(collected({k: g for k, g in cases.items() if g.ops[0].check() is None}))


def test_int16_refuses_sums_that_overflow() -> None:
    assert "more than 32768 values" in str(widened(mean((1, 40_000), (1,))).ops[0].check())
