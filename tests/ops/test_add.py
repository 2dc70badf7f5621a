"""ADD and MUL: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import boards, kernels, tflite
from ascua.ir import Array, Op, Quant, Tensor
from ascua.kernels._bounds import bounds
from ascua.kernels._linear import Linear
from ascua.kernels.add import fitted
from ascua.ops.add import Add
from ascua.ops.mul import Mul
from ascua.ops.sub import Sub
from ascua.plan import Goal, plan
from tests.support import activation, check_everywhere, network, oracle, reference, together
from tests.support.pairs import BROADCASTS, PAIRS, Shape, every_pair, pair, shapes
from tests.support.wide import widened

KIND = Add

OPS: tuple[type[Add] | type[Mul], ...] = (Add, Mul)


def binary(
    kind: type[Add] | type[Mul], a: Shape, b: Shape, y: Shape | None = None, act: str = "NONE",
    **how: Any,
) -> Op:  # fmt: skip
    """One operator on inputs a and b, as `pair` makes it."""
    return pair(kind, a, b, act, y=y, **how)


CASES: list[dict[str, object]] = [
    {},
    {"scales": (0.031, 0.05, 0.07)},
    {"scales": (0.05, 0.05, 0.01), "act": "RELU6"},
    {"zeros": (-128, 127, -128), "act": "RELU"},
    {"zeros": (127, -128, 127), "act": "RELU_N1_TO_1"},
    {"const": "b"},
    {"const": "a", "scales": (0.031, 0.05, 0.07)},
    {"a": (1, 1), "b": (1, 1)},
    {"a": (), "b": ()},
    {"a": (3, 2), "b": (3, 2)},
    {"a": (1, 2, 1, 2, 1, 3), "b": (1, 2, 1, 2, 1, 3)},
]


VECTORS = {"add_linear_s8_vectors", "add_s8_vectors", "mul_s8_vectors"}
LINEAR = {"add_linear_s8", "add_linear_s8_vectors"}
AVOIDED = [frozenset[str](), frozenset(LINEAR), frozenset(VECTORS), frozenset(VECTORS | LINEAR)]
"""Without some kernels, others run."""


@pytest.mark.parametrize("avoid", AVOIDED)
def test_equal_shapes(kind: type[Add] | type[Mul], avoid: frozenset[str]) -> None:
    shapes: dict[str, object] = {"a": (1, 2, 3, 5), "b": (1, 2, 3, 5)}
    ops = [binary(kind, **{**shapes, **c}, name=str(c)) for c in CASES]  # type: ignore[arg-type]
    goal = Goal(avoid=avoid)
    used = {c.kernel.name for c in plan(together(*ops), boards.load("host"), goal).calls}
    if avoid >= VECTORS:
        assert used == ({"mul_s8"} if kind is Mul else {"add_s8", "add_linear_s8"} - avoid)
    else:
        assert used & VECTORS
    check_everywhere(together(*ops), goal=goal)


def test_broadcasting(kind: type[Add] | type[Mul]) -> None:
    acts = itertools.cycle(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
    ops = [
        binary(kind, a, b, const=const, act=act, name=f"{a} {b}")
        for (a, b, const), act in zip(BROADCASTS, acts, strict=False)
    ]
    alike = next(k for k in kernels.of(kind) if not k.needs)
    assert not any(alike.fits(op) for op in ops)
    check_everywhere(together(*ops))
    check_everywhere(together(*ops), goal=Goal(avoid=frozenset(VECTORS)))


def test_both_inputs_the_same_tensor(kind: type[Add] | type[Mul]) -> None:
    x = activation("x", (1, 3, 3, 2), 0.05, -7)
    check_everywhere(network(kind((x, x), (activation("y", x.shape, 0.11, 3),), "NONE")))


EXTREMES: list[tuple[float, float, float]] = [
    (1.0, 1e-3, 1.0),
    (1e-9, 1.0, 1.0),
    (1e-12, 1.0, 1.0),
    (1.0, 1.0, 1e-4),
    (1.0, 1.0, 2**-12),
    (1.0, 0.3, 1e6),
    (1.0, 0.3, 1e12),
    (0.02, 0.0199999995, 0.02),
    (2.0**-20, 2.0**-20, 2.0**-20),
]


def test_extreme_scales(kind: type[Add] | type[Mul]) -> None:
    ops = [binary(kind, (1, 40), (1, 40), scales=s, name=str(s)) for s in EXTREMES]
    check_everywhere(together(*ops), n=20)


def test_add_with_an_output_too_fine_for_the_fast_kernel() -> None:
    op = binary(Add, (1, 40), (1, 40), scales=(1.0, 0.7, 2.5e-6))
    fast = {"add_linear_s8", "add_s8", *VECTORS}
    assert not any(k.fits(op) for k in kernels.of(Add) if k.name in fast)
    check_everywhere(network(op), n=20)


@pytest.mark.parametrize("avoid", AVOIDED)
def test_kernel_on_every_pair(kind: type[Add] | type[Mul], avoid: frozenset[str]) -> None:
    """With scales that make ties of every rounding."""
    ties = [(1.0, 0.5, 2.0), (2.0**-21, 1.0, 2.0**-18), (1.0, 1.0, 4.0)]
    ops = [binary(kind, PAIRS, PAIRS, scales=s, name=str(s)) for s in ties]
    goal = Goal(avoid=avoid)
    check_everywhere(together(*ops), xs=every_pair() * len(ops), goal=goal)


scale = st.floats(-4, 4).map(lambda e: 0.05 * 10**e / 10)
zero = st.integers(-128, 127)
acts = st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])


def on_every_pair(found: Linear, low: int, high: int) -> Array:
    """What the C of `add_linear_s8` computes, and that no sum leaves int32."""
    a, b = (x.astype(np.int64) for x in every_pair())
    sums = a * found.a_factor + b * found.b_factor + found.add
    assert sums.min() >= -(2**31)
    assert sums.max() < 2**31
    return np.clip(sums >> found.shift, low, high)


near = st.floats(-3, 3).map(lambda e: 0.05 * 2**e)


sums = st.tuples(
    st.sampled_from([Add, Sub]),
    st.tuples(near, near, near) | st.tuples(scale, scale, scale)
    | st.sampled_from([(0.05, 0.05, 0.1), (0.1, 0.05, 0.2), (0.05, 0.2, 0.4), (0.05, 0.075, 0.1)]),
    st.tuples(zero, zero, zero), acts, st.sampled_from(["", "a", "b"]),
)  # fmt: skip


@settings(max_examples=60)
@given(sums)
def test_two_products_and_a_shift_are_exact_on_every_pair(drawn: Any) -> None:
    check_every_pair(*drawn)


@pytest.mark.slow
@settings(max_examples=1000)
@given(sums)
def test_many_are_exact_on_every_pair(drawn: Any) -> None:
    check_every_pair(*drawn)


def check_every_pair(
    kind: type[Add] | type[Sub], scales: tuple[float, float, float],
    zeros: tuple[int, int, int], act: str, const: str,
) -> None:  # fmt: skip
    """Or there is no such function; against the reference, which TFLM equals."""
    op = pair(kind, PAIRS, PAIRS, act, scales=scales, zeros=zeros, const=const)
    found = fitted(op)
    if op.check() is not None or found is None:
        return
    xs = [x.astype(np.int8) for x in every_pair()]
    if const == "a":  # the constant comes second
        found = found._replace(a_factor=found.b_factor, b_factor=found.a_factor)
    op = pair(kind, PAIRS, PAIRS, act, scales=scales, zeros=zeros)
    limits = bounds(act, op.y)
    np.testing.assert_array_equal(on_every_pair(found, **limits), reference(network(op), xs)[0])


def test_most_scales_have_such_a_function() -> None:
    rng = np.random.default_rng(1)
    draws = [(0.05, 0.05 * 2**b, 0.05 * 2**y) for b, y in rng.uniform(-2, 2, (50, 2))]
    found = [fitted(pair(Add, (4,), (4,), "NONE", scales=s)) for s in draws]
    assert sum(f is not None for f in found) >= 45


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.sampled_from(OPS), st.tuples(scale, scale, scale), st.tuples(zero, zero, zero), acts)
def test_every_pair_of_values_equals_tflm(
    kind: type[Add] | type[Mul], scales: tuple[float, float, float],
    zeros: tuple[int, int, int], act: str,
) -> None:  # fmt: skip
    op = binary(kind, PAIRS, PAIRS, scales=scales, zeros=zeros, act=act)
    if op.check() is not None:
        return
    graph, xs = network(op), every_pair()
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.sampled_from(OPS), shapes(), st.tuples(scale, scale, scale), st.sampled_from(["", "b"]))
def test_kernels_equal_tflm(
    kind: type[Add] | type[Mul], both: tuple[Shape, Shape],
    scales: tuple[float, float, float], const: str,
) -> None:  # fmt: skip
    op = binary(kind, *both, scales=scales, const=const)
    if op.check() is None:
        check_everywhere(network(op), n=8)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"const": "ab"}, "'a' is a constant"),
        ({"b": (1, 2), "y": (1, 3)}, "do not go together"),
        ({"y": (1, 4)}, "instead of [1, 3]"),
        ({"a": (0,), "b": (0,)}, "is empty"),
        ({"a": (1,) * 7, "b": (1,) * 7}, "at most 6"),
        ({"act": "TANH"}, "TANH"),
        ({"scales": (100.0, 100.0, 1e-5)}, "is too fine"),
    ],
    ids=str,
)
def test_refuses(kind: type[Add] | type[Mul], case: dict[str, object], reason: str) -> None:
    shapes: dict[str, object] = {"a": (1, 3), "b": (1, 3)}
    op = binary(kind, **{**shapes, **case})  # type: ignore[arg-type]
    assert reason in (op.check() or "")


def test_refuses_other_types() -> None:
    x = activation("x", (1, 3))
    wide = Tensor("wide", (1, 3), "int16", Quant((1.0,), (0,)))
    real = Tensor("real", (1, 3), "float32")
    assert "'wide' is int16" in (Add((x, wide), (x,), "NONE").check() or "")
    assert "'real' is float32" in (Mul((real, real), (real,), "NONE").check() or "")
    assert "3 inputs instead of 2" in (Add((x, x, x), (x,), "NONE").check() or "")


def test_int16(kind: type[Add] | type[Mul]) -> None:
    shapes: dict[str, object] = {"a": (1, 2, 3, 5), "b": (1, 2, 3, 5)}
    cases = [{**shapes, **c} for c in CASES]
    cases += [{"a": a, "b": b, "const": const} for a, b, const in BROADCASTS]
    ops = [binary(kind, **c, name=str(c)) for c in cases]  # type: ignore[arg-type]
    check_everywhere(widened(together(*ops)))


def test_int16_refuses() -> None:
    (op,) = widened(network(binary(Mul, (1, 2), (1, 2), scales=(200, 200, 0.1)))).ops
    assert "too fine" in str(op.check())
