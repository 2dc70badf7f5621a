"""SOFTMAX: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Graph
from ascua.kernels import softmax as kernel
from ascua.ops import softmax as specification
from ascua.ops.softmax import Softmax
from ascua.plan import Goal
from tests.support import (
    INLINE,
    SHARED,
    activation,
    check_everywhere,
    check_reference,
    collected,
    generated_c,
    int16,
    network,
    oracle,
    reference,
)
from tests.support.wide import widened


def softmax(
    shape: tuple[int, ...] = (1, 10), scale: float = 0.1, beta: float = 1.0, zero: int = 5,
    y_scale: float = 1 / 256, y_zero: int = -128,
) -> Graph:  # fmt: skip
    """A network of one softmax."""
    x = activation("x", shape, scale, zero)
    return network(Softmax((x,), (activation("y", shape, y_scale, y_zero),), beta))


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "one class": {"shape": (1, 1)},
    "two classes": {"shape": (1, 2)},
    "a vector": {"shape": (12,)},
    "rows": {"shape": (3, 5)},
    "an image": {"shape": (1, 2, 3, 4)},
    "many classes": {"shape": (1, 801), "scale": 0.06},
    "beta 0.5": {"beta": 0.5},
    "beta 3.7": {"beta": 3.7},
    "small scale": {"scale": 1e-4},
    "least scale": {"scale": 3e-8},
    "large scale": {"scale": 3.0},
    "one step is 16": {"scale": 16.0},
    "capped scale": {"scale": 40.0},
    "zero point -128": {"zero": -128},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_equals_tflm(case: str) -> None:
    check_reference(softmax(**CASES[case]), n=8)


@pytest.mark.parametrize("goal", [SHARED, INLINE])
def test_kernel(goal: Goal) -> None:
    check_everywhere(
        collected({case: softmax(**fields) for case, fields in CASES.items()}), n=8, goal=goal
    )


classifiers = st.fixed_dictionaries(
    {
        "shape": st.tuples(st.integers(1, 3), st.integers(1, 20)),
        "scale": st.floats(-6, 1).map(lambda e: 10**e), "beta": st.floats(0.1, 4),
        "zero": st.integers(-128, 127),
    }
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=100)
@given(classifiers)
def test_any_reference(fields: dict[str, Any]) -> None:
    check_reference(softmax(**fields), n=20)


@settings(deadline=None, derandomize=True, max_examples=6)
@given(st.lists(classifiers, min_size=8, max_size=8))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    check_everywhere(collected({str(i): softmax(**fields) for i, fields in enumerate(several)}))


@pytest.mark.parametrize("scale", [0.003, 0.05, 0.125, 0.33, 1.0])
def test_every_difference(scale: float) -> None:
    graph = softmax((1, 2), scale)
    xs = [np.stack([np.arange(-128, 128), np.full(256, 127)], axis=1)[:, None].astype(np.int8)]
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)
    np.testing.assert_array_equal(generated_c(graph, xs)[0], expected)


@pytest.mark.parametrize("classes", [2, 3, 255, 511])
def test_equal_classes(classes: int) -> None:
    graph = softmax((1, classes))
    xs = [np.full((1, 1, classes), 3, np.int8)]
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)
    np.testing.assert_array_equal(generated_c(graph, xs)[0], expected)


def test_where_tflm_aborts_all_classes_are_zero() -> None:
    graph = softmax((1, 4095))
    xs = [np.full((1, 1, 4095), 3, np.int8)]
    assert (reference(graph, xs)[0] == -128).all()
    assert (generated_c(graph, xs)[0] == -128).all()


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"y_scale": 1 / 255}, "1/256"),
        ({"y_zero": 0}, "-128"),
        ({"beta": 0.0}, "too small"),
        ({"beta": -1.0}, "too small"),
        ({"shape": (1, 5000)}, "classes"),
    ],
)
def test_refuses(case: dict[str, object], reason: str) -> None:
    assert reason in str(softmax(**case).ops[0].check())  # type: ignore[arg-type]


def test_the_kernels_tables_are_the_references() -> None:
    np.testing.assert_array_equal(kernel.EXPONENTIALS, specification.EXPONENTIALS)
    np.testing.assert_array_equal(kernel.RECIPROCALS, specification.RECIPROCALS)


def test_int16() -> None:
    cases = {case: widened(softmax(**fields)) for case, fields in CASES.items()}
    kept = {case: graph for case, graph in cases.items() if graph.ops[0].check() is None}
    assert len(cases) - len(kept) <= 1
    check_everywhere(collected(kept), n=8)


@pytest.mark.parametrize("scale", [1e-5, 10 / 65535, 0.0007, 0.01])
def test_int16_every_difference(scale: float) -> None:
    """Every exponential and, as the first of two classes falls, many reciprocals."""
    x = int16("x", (32768, 2), scale)
    graph = network(Softmax((x,), (int16("y", x.shape, 2**-15),), 1.0))
    every = np.arange(-(2**15), 2**15).reshape(2, -1)
    xs = [np.stack([every, np.full_like(every, 2**15 - 1)], axis=-1).astype(np.int16)]
    check_everywhere(graph, xs=xs)


@pytest.mark.parametrize("classes", [2, 3, 255, 1000, 4095])
def test_int16_equal_classes(classes: int) -> None:
    graph = widened(softmax((1, classes)))
    check_everywhere(graph, xs=[np.full((1, 1, classes), v, np.int16) for v in (3,)])


@pytest.mark.parametrize(
    ("scale", "out", "reason"), [(3.0, 2**-15, "beyond"), (0.1, 0.1, "1/32768")]
)
def test_int16_refuses(scale: float, out: float, reason: str) -> None:
    op = Softmax((int16("x", (1, 9), scale),), (int16("y", (1, 9), out),), 1.0)
    assert reason in str(op.check())
