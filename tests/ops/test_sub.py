"""SUB, SQUARED_DIFFERENCE and PRELU: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Op
from ascua.ops.prelu import Prelu
from ascua.ops.squared_difference import SquaredDifference
from ascua.ops.sub import Sub
from tests.support import activation, check_everywhere, network, oracle, reference, together
from tests.support.pairs import BROADCASTS, PAIRS, Shape, every_pair, pair, shapes
from tests.support.wide import widened

KIND = Sub

OPS: tuple[type[Op], ...] = (Sub, SquaredDifference, Prelu)
ACTS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def either(kind: type[Op], a: Shape, b: Shape, act: str = "NONE", **fields: object) -> Op:
    """`pair`, with a fused activation where the operator has one."""
    return pair(kind, a, b, *([act] if kind is Sub else []), **fields)  # type: ignore[arg-type]


def test_shapes(kind: type[Op]) -> None:
    cases = [
        *BROADCASTS,
        ((1, 2, 3, 5), (1, 2, 3, 5), ""),
        ((1, 2, 3, 5), (1, 2, 3, 5), "a"),
        ((1, 2, 3, 5), (5,), "b"),
        ((5,), (1, 2, 3, 5), "a"),
        ((1, 2, 3, 5), (1, 1, 5), ""),
        ((1, 1), (1, 1), ""),
        ((), (), ""),
    ]
    if kind is Prelu:
        cases = [c for c in cases if c[2] != "a"]
    ops = [either(kind, a, b, const=c, name=f"{a} {b} {c}") for a, b, c in cases]
    check_everywhere(together(*ops))


@pytest.mark.parametrize("act", ACTS)
def test_activations(act: str) -> None:
    ops = [
        either(Sub, (1, 50), (1, 50), act=act, zeros=zeros, name=str(zeros))
        for zeros in [(-3, 5, 11), (-128, 127, -128), (127, -128, 127)]
    ]
    check_everywhere(together(*ops), n=8)


def test_both_inputs_the_same_tensor(kind: type[Op]) -> None:
    x = activation("x", (1, 3, 3, 2), 0.05, -7)
    options = ("NONE",) if kind is Sub else ()
    check_everywhere(network(kind((x, x), (activation("y", x.shape, 0.11, 3),), *options)))


EXTREMES: dict[str, tuple[float, float, float]] = {
    "equal": (0.05, 0.05, 0.05),
    "ties": (1.0, 0.5, 2.0),
    "ties of squares": (2.0, 1.0, 8.0),
    "a fine b": (1.0, 1e-3, 1.0),
    "a fine a": (1e-9, 1.0, 1.0),
    "no bits of a": (1e-12, 1.0, 1.0),
    "a coarse output": (1.0, 0.3, 1e6),
    "no bits of the output": (1.0, 0.3, 1e12),
    "neighbors": (0.02, 0.0199999995, 0.02),
    "powers of two": (2.0**-20, 2.0**-20, 2.0**-20),
    "the finest square": (1.0, 0.7, 2.0**-12 * 1.01),
    "the finest difference": (1.0, 0.7, 2.0**-19 * 1.01),
    "the finest product": (1.0, 1.0, 2.0**-14 * 1.01),
}


def test_extreme_scales_of_every_pair(kind: type[Op]) -> None:
    ops = [either(kind, PAIRS, PAIRS, scales=s, name=name) for name, s in EXTREMES.items()]
    taken = [op for op in ops if op.check() is None]
    assert len(taken) >= 9
    check_everywhere(together(*taken), xs=every_pair() * len(taken))


scale = st.floats(-4, 4).map(lambda e: 0.05 * 10**e / 10)
zero = st.integers(-128, 127)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.sampled_from(OPS), st.tuples(scale, scale, scale), st.tuples(zero, zero, zero),
    st.sampled_from(ACTS),
)  # fmt: skip
def test_every_pair_of_values_equals_tflm(
    kind: type[Op], scales: tuple[float, float, float], zeros: tuple[int, int, int], act: str
) -> None:
    op = either(kind, PAIRS, PAIRS, scales=scales, zeros=zeros, act=act)
    if op.check() is not None:
        return
    graph, xs = network(op), every_pair()
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)


cases = st.tuples(
    st.sampled_from(OPS), shapes(), st.tuples(scale, scale, scale), st.tuples(zero, zero, zero),
    st.sampled_from(["", "a", "b"]),
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(cases, min_size=10, max_size=10))
def test_any_kernels_equal_tflm(
    several: list[
        tuple[type[Op], tuple[Shape, Shape], tuple[float, float, float], tuple[int, int, int], str]
    ],
) -> None:
    ops = [
        either(kind, *both, scales=scales, zeros=zeros, const=const, name=str(i))
        for i, (kind, both, scales, zeros, const) in enumerate(several)
    ]
    taken = [op for op in ops if op.check() is None]
    if taken:
        check_everywhere(together(*taken), n=8)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"const": "ab"}, "'a' is a constant"),
        ({"b": (1, 2), "y": (1, 3)}, "do not go together"),
        ({"y": (1, 4)}, "instead of [1, 3]"),
        ({"a": (0,), "b": (0,)}, "is empty"),
        ({"a": (1,) * 7, "b": (1,) * 7}, "at most 6"),
        ({"scales": (100.0, 100.0, 1e-5)}, "is too fine"),
    ],
    ids=str,
)
def test_refuses(kind: type[Op], case: dict[str, object], reason: str) -> None:
    op = either(kind, **{"a": (1, 3), "b": (1, 3), **case})  # type: ignore[arg-type]
    assert reason in (op.check() or "")


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (either(Sub, (1, 3), (1, 3), act="TANH"), "TANH"),
        (either(Prelu, (1, 3), (1, 3), const="a"), "'a' is a constant"),
        (either(Prelu, (1, 3), (1, 3), scales=(1.0, 1e-6, 1e-7)), "too far apart"),
    ],
    ids=["activation", "constant input", "identity"],
)
def test_refuses_also(op: Op, reason: str) -> None:
    assert reason in (op.check() or "")


def test_int16(kind: type[Op]) -> None:
    cases = [*BROADCASTS, ((1, 2, 3, 5), (1, 2, 3, 5), ""), ((1, 2, 3, 5), (5,), "b")]
    if kind is Prelu:
        cases = [c for c in cases if c[2] != "a"]
    ops = [either(kind, a, b, const=c, name=f"{a} {b} {c}") for a, b, c in cases]
    scales = [(0.05, 0.05, 0.09), (1.0, 1e-3, 1.0), (1e-3, 1.0, 2.0)]
    ops += [either(kind, (1, 99), (1, 99), scales=s, name=str(s)) for s in scales]
    graph = widened(together(*(op for op in ops if op.check() is None)))
    assert all(op.check() is None for op in graph.ops)
    check_everywhere(graph, n=5)


def test_int16_prelu_refuses_an_alpha_of_int16() -> None:
    op = widened(network(either(Prelu, (1, 9), (1, 9)))).ops[0]
    alpha = replace(op.x, name="alpha")
    assert "'alpha' is int16, not int8" in str(replace(op, inputs=(op.x, alpha)).check())
