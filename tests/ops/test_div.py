"""DIV: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Op
from ascua.ops.div import OF_ZERO, Div, headroom
from tests.support import (
    activation,
    check_everywhere,
    constant,
    network,
    oracle,
    reference,
    together,
)
from tests.support.pairs import BROADCASTS, PAIRS, Shape, every_pair, pair, shapes

ACTS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def quotient(a: Shape, b: Shape, act: str = "NONE", steps: float = 100.0, **fields: Any) -> Op:
    """One operator; a step of a over one of b is so many `steps` of the output."""
    over, under = fields.pop("scales", (0.05, 0.031))
    return pair(Div, a, b, act, scales=(over, under, over / under / steps), **fields)


def by_constants() -> Op:
    """A division by constants of one size, which the quantiser has a form for."""
    op = quotient((1, 4, 5, 6), (1, 1, 1, 6), const="b", zeros=(-3, -128, 11))
    a, b = op.inputs
    assert b is not None
    return replace(op, inputs=(a, replace(b, data=np.arange(0, 126, 21, np.int8).reshape(b.shape))))


def test_shapes() -> None:
    equal = [((1, 2, 3, 5), (1, 2, 3, 5)), ((5,), (5,)), ((), ()), ((2, 1, 2, 1, 2, 3),) * 2]
    cases = [c for c in BROADCASTS if max(len(c[0]), len(c[1])) < 6]
    cases += [(a, b, const) for a, b in equal for const in ("", "a", "b")]
    cases += [((1, 2, 3, 5), (5,), "a"), ((5,), (1, 2, 3, 5), "b")]
    ops = [
        quotient(a, b, ACTS[i % 4], const=c, name=f"{a} {b} {c}")
        for i, (a, b, c) in enumerate(cases)
    ]
    check_everywhere(together(*ops))


def test_headroom_is_the_farthest_shift_in_32_bits() -> None:
    for x in range(-300, 300):
        farthest = max(n for n in range(32) if -(2**31) <= x << n < 2**31)
        assert headroom(np.array([x])) == [farthest], x


def test_both_inputs_the_same_tensor() -> None:
    x = activation("x", (1, 3, 3, 9), 0.05, -7)
    check_everywhere(network(Div((x, x), (activation("y", x.shape, 0.01, 3),), "NONE")))


SCALES: dict[str, tuple[float, float, float]] = {
    "the coarsest output": (0.05, 0.031, 64.0),
    "powers of two": (1.0, 2.0**-6, 2.0**9),
    "ties": (1.0, 0.5, 96.0),
    "far from a power of two": (0.0429, 0.0131, 83.7),
    "the finest output": (1.0, 0.01, 2.0**21 * 0.999),
    "far apart": (1e-6, 1e3, 777.0),
}


def test_every_pair_of_values() -> None:
    """Zero is among the divisors."""
    zeros = [(-3, 5, 11), (0, 0, 0), (127, -128, 0), (-128, 127, -128)]
    ops = [
        quotient(PAIRS, PAIRS, steps=steps, scales=scales, zeros=z, name=f"{name} {z}")
        for name, (*scales, steps) in SCALES.items()
        for z in zeros
    ]
    check_everywhere(together(*ops), xs=every_pair() * len(ops))


def test_divisors_of_zero() -> None:
    """Every dividend by nothing, with scales by which results near ties tell the reciprocal."""
    rng = np.random.default_rng(1)
    scales = rng.uniform(0.01, 1, (20, 2)).astype(np.float32).astype(np.float64)
    ops = []
    for n, (over, under) in enumerate(scales):
        for turn, ratio in enumerate((97.5 / (61 + n), 43.5 / (61 + n))):
            by = constant("b", np.zeros((1, 1), np.int8), [under])
            y = activation(f"{n} {turn}", (1, 256), over / under / ratio * -OF_ZERO / 2**30)
            ops.append(Div((activation("a", (1, 256), over), by), (y,), "NONE"))
    every = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 256)
    check_everywhere(together(*ops), xs=[every] * len(ops))


def test_constants_let_coarser_outputs_be() -> None:
    """Where a divisor is never great, or a dividend never 0, no shift passes 31 bits."""
    a, b = activation("a", (1, 256)), activation("b", (1, 256))
    four = constant("four", np.full((1, 1), 4, np.int8), [0.05])
    ops = []
    for over, under, steps in ((a, four, 4.0), (four, b, 20.0)):
        y = activation(f"y{steps}", (1, 256), 1 / steps)
        ops.append(Div((over, under), (y,), "NONE"))
        assert "which C does not define" in str(Div((a, b), (y,), "NONE").check())
    every = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 256)
    check_everywhere(together(*ops), xs=[every, every])


scale = st.floats(-2, 2).map(lambda e: 0.05 * 10**e)
zero = st.integers(-128, 127)
fields = st.fixed_dictionaries(
    {
        "scales": st.tuples(scale, scale), "zeros": st.tuples(zero, zero, zero),
        "steps": st.floats(6.01, 13).map(lambda e: 2.0**e), "act": st.sampled_from(ACTS),
    }
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=40)
@given(fields)
def test_any_pair_of_values_equals_tflm(drawn: dict[str, Any]) -> None:
    graph, xs = network(quotient(PAIRS, PAIRS, **drawn)), every_pair()
    assert graph.ops[0].check() is None
    np.testing.assert_array_equal(reference(graph, xs)[0], oracle(tflite.write(graph), xs)[0])


@settings(deadline=None, derandomize=True, max_examples=4)
@given(
    st.lists(st.tuples(shapes(), fields, st.sampled_from(["", "a", "b"])), min_size=10, max_size=10)
)
def test_any_kernel_equals_tflm(
    several: list[tuple[tuple[Shape, Shape], dict[str, Any], str]],
) -> None:
    ops = [
        quotient(*both, const=const, name=str(i), **drawn)
        for i, (both, drawn, const) in enumerate(several)
    ]
    check_everywhere(together(*(op for op in ops if op.check() is None)), n=8)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (quotient((1, 3), (1, 3), const="ab"), "'a' is a constant"),
        (quotient((1, 3), (1, 2), y=(1, 3)), "do not go together"),
        (quotient((1, 3), (1, 3), y=(1, 4)), "instead of [1, 3]"),
        (quotient((1, 3), (1, 3), "TANH"), "TANH"),
        (quotient((2, 1, 2, 1, 2, 3), (2, 1, 2, 2, 1, 3)), "broadcasts 6 dimensions"),
        (quotient((1, 3), (1, 3), steps=63.9), "by 32, which C does not define"),
        (quotient((1, 3), (1, 3), steps=1.0), "by 37, which C does not define"),
        (quotient((1, 3), (1, 3), steps=2.0**21), "too fine"),
        (quotient((1, 3), (1, 3), scales=(1e-30, 1e-30), steps=1e20), "too fine"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_refuses(op: Op, reason: str) -> None:
    assert reason in (op.check() or "")
