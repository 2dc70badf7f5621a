"""CUMSUM: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Tensor
from ascua.ops.cumsum import Cumsum
from tests.support import (
    activation,
    check_everywhere,
    check_reference,
    constant,
    int16,
    network,
    together,
)

Shape = tuple[int, ...]


def axis_of(*values: int, dtype: type = np.int32) -> Tensor:
    return constant("axis", np.array(values, dtype))


def cumsum(
    shape: Shape = (1, 4, 5, 6), axis: int = 2, exclusive: bool = False, reverse: bool = False,
    scales: tuple[float, float] = (0.05, 0.11), zeros: tuple[int, int] = (-3, 11), name: str = "y",
    x: str = "x",
) -> Cumsum:  # fmt: skip
    """One operator."""
    given = activation(x, shape, scales[0], zeros[0])
    y = activation(name, shape, scales[1], zeros[1])
    return Cumsum((given, axis_of(axis)), (y,), exclusive, reverse)


SHAPES = [(7,), (2, 5), (4, 1, 3), (1, 4, 5, 3), (2, 1, 3, 2, 2), (1, 2, 1, 2, 1, 2, 3, 2)]


def test_every_axis_from_either_end() -> None:
    ops = [
        cumsum(shape, axis, *how, name=f"{shape} {axis} {how}")
        for shape in SHAPES
        for axis in (*range(len(shape)), -1)
        for how in product((False, True), repeat=2)
    ]
    check_everywhere(together(*ops), n=3)


def test_zero_points_and_scales() -> None:
    """Sums begin at minus the input's zero point."""
    zeros = [(0, 0), (-128, -128), (127, -128), (-5, 127)]
    scales = [(1.0, 1.0), (0.05, 0.05), (1.0, 4.0), (2.0, 1.0), (1.0, 2.0**-19 * 1.01), (1e-9, 1.0)]
    ops = [
        cumsum((1, 9), 1, *how, scales=s, zeros=z, name=f"{s} {z} {how}")
        for s, z, how in product(scales, zeros, ((False, False), (True, True)))
    ]
    check_everywhere(together(*ops), n=4)


@pytest.mark.parametrize("zero", [-128, 0, 127])
def test_long_sums_wrap_as_tflms(zero: int) -> None:
    """From 16 values on a sum can pass int32."""
    ops = [
        cumsum((1, 200), 1, scales=(1.0, scale), zeros=(zero, 0), name=f"{scale}", x=f"x{scale}")
        for scale in (40.0, 33.0, 1000.0)
    ]
    every = np.arange(200)
    x = np.stack([np.full(200, 127), np.full(200, -128), np.where(every % 50 < 25, 127, -128)])
    check_everywhere(together(*ops), xs=[x.astype(np.int8).reshape(3, 1, 200)] * 3)


fields = st.fixed_dictionaries(
    {
        "shape": st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 3)),
        "axis": st.integers(-3, 2), "exclusive": st.booleans(), "reverse": st.booleans(),
        "scales": st.tuples(st.floats(-2, 1), st.floats(-2, 2)).map(
            lambda e: (10 ** e[0], 10 ** e[1])
        ),
        "zeros": st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    }
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=100)
@given(fields)
def test_any_reference(drawn: dict[str, Any]) -> None:
    check_reference(network(cumsum(**drawn)), n=4)


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(fields, min_size=10, max_size=10))
def test_any_kernel(several: list[dict[str, Any]]) -> None:
    check_everywhere(together(*(cumsum(**drawn, name=str(i)) for i, drawn in enumerate(several))))


def test_float() -> None:
    x = np.array([[1, 2, 4, 8]], np.float32)
    expected = {
        (False, False): [1, 3, 7, 15], (True, False): [0, 1, 3, 7],
        (False, True): [15, 14, 12, 8], (True, True): [14, 12, 8, 0],
    }  # fmt: skip
    for how, y in expected.items():
        np.testing.assert_array_equal(cumsum((4,), 0, *how).eval_float(x), [y])


def test_refuses() -> None:
    def reason(x: Tensor, axis: Tensor, y: Tensor) -> str:
        return Cumsum((x, axis), (y,)).check() or ""

    x, y = activation("x", (2, 3)), activation("y", (2, 3))
    assert reason(x, axis_of(1), y) == ""
    assert "axes [2] are not one axis" in reason(x, axis_of(2), y)
    assert "axes [0, 1] are not one axis" in reason(x, axis_of(0, 1), y)
    assert "not constants of int32" in reason(x, axis_of(1, dtype=np.int64), y)
    assert "not constants of int32" in reason(x, Tensor("axis", (1,), "int32"), y)
    assert "instead of [2, 3]" in reason(x, axis_of(1), activation("y", (3, 2)))
    assert "too fine" in reason(x, axis_of(1), activation("y", (2, 3), 0.05 * 2.0**-19))
    assert "no int16 kernel" in reason(int16("x", (2, 3)), axis_of(1), int16("y", (2, 3)))
