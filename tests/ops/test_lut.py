"""Tables of kernels against `eval`: the two are written apart, and each value must be the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import fixed, kernels
from ascua.ir import Array, Op
from ascua.kernels import _exponential, _rounding, _sigmoids
from ascua.kernels._lut import LutS8
from ascua.kernels.rsqrt import inverse_root
from ascua.ops import OPERATORS
from ascua.ops._elementwise import INT8
from ascua.ops.l2_normalization import inverse_square_root
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.relu6 import Relu6
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.softmax import exp_of_negative, reciprocal_of_one_plus
from ascua.ops.tanh import Tanh
from ascua.passes.unsigned import TAKEN
from tests.ops.test_relu import CASES, SIGMOID, unary
from tests.ops.test_tanh import CASES as MORE_CASES
from tests.ops.test_tanh import TANH

LUTS = [k for k in kernels.every() if isinstance(k, LutS8)]
FUNCTIONS = sorted(
    (op for k in LUTS for op in k.ops if op.tflite in OPERATORS), key=lambda op: op.tflite
)
"""Every operator of a file that is a function of one value."""


def table(op: Op) -> Array:
    """The kernel's, in the order of the bits."""
    (kernel,) = (k for k in LUTS if isinstance(op, k.ops))
    (const,) = kernel.consts(op)
    return const.data


def check(op: Op) -> None:
    np.testing.assert_array_equal(table(op), np.ravel(op.eval(INT8[None])), f"{op}")


@pytest.mark.parametrize("op", [*CASES, *MORE_CASES], ids=lambda op: op.name)
def test_edges(op: Op) -> None:
    check(op)


scale = st.floats(-9, 7).map(lambda e: float(np.float32(10.0**e)))
zero = st.integers(-128, 127)


@pytest.mark.parametrize("kind", FUNCTIONS, ids=lambda kind: kind.tflite)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.tuples(scale, zero), scale, zero, st.floats(-3, 3, width=32), st.booleans(), st.booleans()
)
def test_any_quantisation(
    kind: type[Op], x: tuple[float, int], ratio: float, y_zero: int, alpha: float, near: bool,
    uint8: bool,
) -> None:  # fmt: skip
    """Output scales are near the input's, as in networks, or anywhere."""
    if kind is Rsqrt:
        x = (x[0], -128)
    y_scale = float(np.float32(x[0] * (0.5 + ratio % 1))) if near else ratio
    fixed_outputs = {Tanh: TANH, Logistic: SIGMOID, Relu6: x}
    options = [alpha] if kind is LeakyRelu else []
    op = unary(kind, x, fixed_outputs.get(kind, (y_scale, y_zero)), *options)
    fields: dict[str, Any] = {"uint8": uint8 and kind.tflite in TAKEN}
    op = type(op)(op.inputs, op.outputs, *options, **fields)
    if op.check() is None:
        check(op)


def test_the_table_of_sigmoids_is_the_references() -> None:
    from ascua.ops._sigmoids import TABLE

    np.testing.assert_array_equal(_sigmoids.TABLE, TABLE)


int32 = st.integers(-(2**31), 2**31 - 1)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(int32, int32, st.integers(-31, 0), st.integers(-(2**20), 2**20), st.integers(0, 10))
def test_one_value_is_rounded_as_arrays_are(
    a: int, b: int, right: int, small: int, left: int
) -> None:
    a64 = np.int64(a)
    assert _rounding.high_mul(a, b) == fixed.rounding_doubling_high_mul(a64, b)
    assert _rounding.shift_right(a, -right) == fixed.rounding_divide_by_pot(a64, -right)
    for x, shift in ((a, right), (small, left)):
        expected = fixed.multiply_by_quantized_multiplier(np.int64(x), abs(b) % 2**31, shift)
        assert _rounding.rescale(x, abs(b) % 2**31, shift) == expected


@pytest.mark.parametrize("bits", [4, 5])
def test_exponentials_are_those_of_eval(bits: int) -> None:
    """Also in the bits that int8 outputs do not show."""
    rng = np.random.default_rng(bits)
    x = -np.concatenate([np.arange(9), rng.integers(0, 2**31, 3000), 2 ** np.arange(31)])
    exps = np.array([_exponential.exp(int(v), bits) for v in x])
    np.testing.assert_array_equal(exps, exp_of_negative(x, bits))
    shares = [_exponential.reciprocal(int(v)) for v in exps]
    np.testing.assert_array_equal(
        np.minimum(2 * np.array(shares), 2**31 - 1), reciprocal_of_one_plus(exps)
    )


def test_inverse_roots_are_those_of_eval() -> None:
    x = np.concatenate([np.arange(1, 300), 2 ** np.arange(27)])
    expected = np.stack(inverse_square_root(x), axis=1)
    np.testing.assert_array_equal([inverse_root(int(v)) for v in x], expected)
