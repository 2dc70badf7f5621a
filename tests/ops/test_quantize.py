"""QUANTIZE and DEQUANTIZE: the float32 edges of a network against TensorFlow Lite Micro."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.boards import load as load_board
from ascua.ir import Array, Graph, Quant, Tensor
from ascua.ops.dequantize import Dequantize
from ascua.ops.quantize import Quantize
from ascua.plan import plan
from ascua.run import run
from ascua.samples import pack, unpack
from ascua.targets.c import emit
from tests.ops.test_relu import (  # noqa: F401
    test_every_int16_value_equals_tflm,
    test_every_value_equals_tflm,
)
from tests.support import (
    SHARED,
    activation,
    check_everywhere,
    constant,
    generated_c,
    int16,
    network,
    oracle,
    reference,
    samples,
    together,
)

KIND = Quantize

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
    assert "rescales between uint8" in reason(Tensor("u", (1, 4), "uint8", quant), y)
    assert "'u' is uint8" in reason(x, Tensor("u", (1, 4), "uint8", quant))
    assert "int16 has not" in reason(y, activation("w", (1, 4), 0.1, 3, "int16"))
    assert "int16 has not" in reason(activation("w", (1, 4), 0.1, 3, "int16"), y)
    assert "instead of [1, 4]" in reason(x, activation("y", (4,)))
    assert "no quantisation" in reason(x, Tensor("y", (1, 4), "int8"))
    fixed = constant("c", np.zeros((1, 4), np.float32))
    assert "'c' is a constant" in reason(fixed, y)
    half = Dequantize((constant("h", np.zeros(4, np.float16)),), (Tensor("y", (4,), "float32"),))
    assert half.check() is not None
    assert "'u' is uint8" in (
        Dequantize((Tensor("u", (1, 4), "uint8", quant),), (x,)).check() or ""
    )


def between(x: str, y: str, x_scale: float, y_scale: float, zero: int = 0, n: int = 9) -> Quantize:
    """From one dtype to another; the zero point is that of int8."""
    shape = (1, n)
    zeros = {"int8": zero, "int16": 0}
    a = activation("x", shape, x_scale, zeros[x], x)
    name = f"{x} {y} {x_scale} {y_scale} {zero}"
    return Quantize((a,), (activation(name, shape, y_scale, zeros[y], y),))


def test_every_value_between_int8_and_int16() -> None:
    ops = [
        between("int8", "int16", 0.05, 0.0003, -7, n=1 << 16),
        between("int8", "int16", 0.05, 0.00001, 127, n=1 << 16),
        between("int8", "int16", 0.05, 0.9, n=1 << 16),
        between("int16", "int8", 0.0003, 0.05, -7, n=1 << 16),
        between("int16", "int8", 0.0003, 0.0003, 127, n=1 << 16),
        between("int16", "int8", 0.001, 0.002, -128, n=1 << 16),
    ]
    every = np.arange(1 << 16).astype(np.uint16).view(np.int16).reshape(1, 1, -1)
    xs = [every.astype(op.x.dtype) for op in ops]
    check_everywhere(together(*ops), xs=xs)


@pytest.mark.parametrize("scale", [1.0, 0.0003, 1e-6])
def test_float_to_int16(scale: float) -> None:
    steps = np.concatenate([around_ties(1.0) * 50, np.arange(-40000, 40000, 7)])
    steps = np.clip(steps, -1e6, 1e6)
    x = (steps.astype(np.float32) + np.float32(0.5)) * np.float32(scale)
    op = Quantize((Tensor("x", x.shape, "float32"),), (int16("y", x.shape, scale),))
    check_everywhere(network(op), xs=[x[None]])


def test_float_to_int16_where_tflm_leaves_it_undefined() -> None:
    values = [np.nan, np.inf, -np.inf, 3e38, -3e38]
    op = Quantize((Tensor("x", (5,), "float32"),), (int16("y", (5,), 0.01),))
    xs = [np.array([values], np.float32)]
    expected = [[0, 32767, -32768, 32767, -32768]]
    np.testing.assert_array_equal(reference(network(op), xs)[0], expected)
    np.testing.assert_array_equal(generated_c(network(op), xs)[0], expected)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_floats_between_steps_that_share_code(dtype: str, tmp_path: Path) -> None:
    """GCC 12 dropped the call of the first step, optimising as for users: no sanitizers."""
    zero = -12 if dtype == "int8" else 0
    x, y = (activation(name, (1, 1001), 0.0857, zero, dtype) for name in "xy")
    real = Tensor("real", (1, 1001), "float32")
    graph = network(Dequantize((x,), (real,)), Quantize((real,), (y,)))
    xs = samples(graph, 2)
    host = load_board("host")
    library = emit(plan(graph, host, SHARED), "net")
    done = run(host, library, pack(xs), 2, build_dir=tmp_path)
    np.testing.assert_array_equal(unpack(done.outputs, graph, 2)[0], graph.eval(xs)[0]["y"])
