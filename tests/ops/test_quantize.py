"""QUANTIZE and DEQUANTIZE: the float32 edges of a network against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Array, Graph, Quant, Tensor
from ascua.ops.dequantize import Dequantize
from ascua.ops.elementwise import INT8
from ascua.ops.quantize import Quantize
from tests.support import (
    activation,
    check_everywhere,
    constant,
    generated_c,
    network,
    oracle,
    reference,
    together,
)

Shape = tuple[int, ...]


def quantize(shape: Shape, scale: float, zero: int) -> Quantize:
    name = f"{shape} {scale} {zero}"
    return Quantize((Tensor("x", shape, "float32"),), (activation(name, shape, scale, zero),))


def dequantize(shape: Shape, scale: float, zero: int) -> Dequantize:
    name = f"{shape} {scale} {zero}"
    return Dequantize((activation("x", shape, scale, zero),), (Tensor(name, shape, "float32"),))


def around_ties(scale: float) -> Array:
    """Float32 values at, just below and just above all ties between int8 steps."""
    ties = (np.arange(-300, 300) + 0.5).astype(np.float32) * np.float32(scale)
    odd = np.array([0.0, -0.0, 0.49999997, -0.49999997, 1e-30, -1e9, 1e9], np.float32)
    low, high = (np.nextafter(ties, np.float32(v)) for v in (-np.inf, np.inf))
    return np.concatenate([ties, low, high, odd * np.float32(scale)])


@pytest.mark.parametrize(("scale", "zero"), [(1.0, 0), (0.1, -128), (0.0039, 127), (1e-6, 5)])
def test_quantize_around_ties(scale: float, zero: int) -> None:
    x = around_ties(scale)
    check_everywhere(network(quantize(x.shape, scale, zero)), xs=[x[None]])


def test_quantize_what_tflm_leaves_undefined() -> None:
    values = [np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 1e12, -1e12]
    graph = network(quantize((8,), 0.01, 7))
    xs = [np.array([values], np.float32)]
    expected = [[7, 7, 127, -128, 127, -128, 127, -128]]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)
    np.testing.assert_array_equal(generated_c(graph, xs)[0], expected)


def test_dequantize() -> None:
    cases = [(0.05, -3), (1e-40, 127), (1e-45, 1), (3e38, -128), (1e30, 0), (0.1, -128)]
    ops = [dequantize((1, 256), scale, zero) for scale, zero in cases]
    check_everywhere(together(*ops), xs=[INT8.reshape(1, 1, 256).copy() for _ in ops])


def test_other_shapes() -> None:
    shapes: list[Shape] = [(), (1,), (1, 2, 3, 4), (3, 1, 2, 1, 2)]
    ops = [f(s, 0.02, 3) for s in shapes for f in (quantize, dequantize)]
    check_everywhere(together(*ops))


def edges() -> Graph:
    """From float32 to float32, as Keras exports by default."""
    x, a = Tensor("x", (1, 9), "float32"), activation("a", (1, 9), 0.02, 3)
    b, y = activation("b", (1, 9), 0.031, -9), Tensor("y", (1, 9), "float32")
    return network(Quantize((x,), (a,)), Quantize((a,), (b,)), Dequantize((b,), (y,)))


def test_both_edges_of_a_network() -> None:
    check_everywhere(edges(), n=20)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50),
    st.floats(-5, 2).map(lambda e: 10.0**e),
    st.integers(-128, 127),
)
def test_any_float_equals_tflm(values: list[float], scale: float, zero: int) -> None:
    graph = network(quantize((len(values),), scale, zero))
    xs = [np.array([values], np.float32)]
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)


def test_refuses() -> None:
    x, y = Tensor("x", (1, 4), "float32"), activation("y", (1, 4))

    def reason(x: Tensor, y: Tensor) -> str:
        return Quantize((x,), (y,)).check() or ""

    assert reason(x, y) == ""
    quant = Quant((0.1,), (0,))
    assert "'u' is uint8" in reason(Tensor("u", (1, 4), "uint8", quant), y)
    assert "'w' is int16" in reason(Tensor("w", (1, 4), "int16", quant), y)
    assert "'u' is uint8" in reason(x, Tensor("u", (1, 4), "uint8", quant))
    assert "'w' is int16" in reason(y, Tensor("w", (1, 4), "int16", quant))
    assert "instead of [1, 4]" in reason(x, activation("y", (4,)))
    assert "no quantisation" in reason(x, Tensor("y", (1, 4), "int8"))
    fixed = constant("c", np.zeros((1, 4), np.float32))
    assert "'c' is a constant" in reason(fixed, y)
    half = Dequantize((constant("h", np.zeros(4, np.float16)),), (Tensor("y", (4,), "float32"),))
    assert half.check() is not None
    assert "'u' is uint8" in (
        Dequantize((Tensor("u", (1, 4), "uint8", quant),), (x,)).check() or ""
    )
