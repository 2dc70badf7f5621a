"""RELU, RELU6, LEAKY_RELU and LOGISTIC: all 256 values against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Array, Op
from ascua.ops._elementwise import INT8
from ascua.ops.leaky_relu import LeakyRelu
from ascua.ops.logistic import Logistic
from ascua.ops.quantize import Quantize
from ascua.ops.relu import Relu
from ascua.ops.relu6 import Relu6
from tests.support import activation, check_everywhere, int16, network, oracle, reference, together

KIND = Relu

SHAPE = (1, 256)


def every_value(inputs: int = 1) -> list[Array]:
    """One sample of all int8 values, for each of the inputs."""
    return [INT8.reshape(1, *SHAPE).copy() for _ in range(inputs)]


def unary(
    kind: type[Op], x: tuple[float, int], y: tuple[float, int] | None = None, *options: float
) -> Op:
    """One operator on all values; x and y are scales and zero points."""
    y = x if y is None else y
    name = f"{kind.__name__} {x} {y} {options}"
    return kind((activation("x", SHAPE, *x),), (activation(name, SHAPE, *y),), *options)


SIGMOID = (1 / 256, -128)

CASES: list[Op] = [
    unary(Relu, (0.05, -3)),
    unary(Relu, (0.05, -128), (0.02, -128)),
    unary(Relu, (0.05, 127), (0.3, 127)),
    unary(Relu, (1.0, 0), (1e-3, 0)),
    unary(Relu, (1e-6, 0), (1.0, 5)),
    unary(Relu, (1.0, 1), (2.5e-7, -100)),
    # Ratios that make ties in single precision and none in double.
    unary(Relu, (0.9772952198982239, -40), (0.43435341119766235, -100)),
    unary(Relu, (0.7429176568984985, -128), (0.8984120488166809, -128)),
    unary(LeakyRelu, (0.9440591335296631, 120), (0.057334061712026596, 100), 0.12905429303646088),
    unary(LeakyRelu, (0.7429176568984985, -128), (0.8984120488166809, -128), 0.5),
    unary(Quantize, (0.7429176568984985, -128), (0.8984120488166809, -128)),
    unary(Relu6, (0.05, -3)),
    unary(Relu6, (0.0235294, -128)),
    unary(Relu6, (1.0, 127)),
    unary(Relu6, (1e-5, 0)),
    unary(Relu6, (100.0, -10)),
    # 6 is 0.49999997 steps in single precision.
    unary(Relu6, (12.000000953674316, 0)),
    unary(LeakyRelu, (0.05, -3), (0.04, 9), 0.1),
    unary(LeakyRelu, (0.05, -128), (0.05, -128), 0.3),
    unary(LeakyRelu, (0.05, 127), (0.01, -128), 0.01),
    unary(LeakyRelu, (0.05, 0), (0.05, 0), -0.7),
    unary(LeakyRelu, (0.05, 0), (0.05, 0), 0.0),
    unary(LeakyRelu, (0.05, 3), (0.07, 1), 25.0),
    unary(LeakyRelu, (0.05, 3), (0.07, 1), 1e-12),
    unary(Logistic, (0.05, 0), SIGMOID),
    unary(Logistic, (0.1, -128), SIGMOID),
    unary(Logistic, (1 / 16, 127), SIGMOID),
    unary(Logistic, (2.0**-27, 0), SIGMOID),
    unary(Logistic, (7.0, 5), SIGMOID),
    unary(Logistic, (16.0, 0), SIGMOID),
    unary(Logistic, (2.0**20, 0), SIGMOID),
    unary(Quantize, (0.05, -3), (0.05, -3)),
    unary(Quantize, (0.05, -3), (0.05, 3)),
    unary(Quantize, (0.05, -128), (0.031, 127)),
    unary(Quantize, (0.05, 127), (0.31, -128)),
    unary(Quantize, (1.0, 0), (1e-6, 0)),
    unary(Quantize, (1e-12, 0), (1.0, 17)),
]


def test_every_value_equals_tflm(kind: type[Op]) -> None:
    ops = [op for op in CASES if type(op) is kind]
    check_everywhere(together(*ops), xs=every_value(len(ops)))


def test_other_shapes(kind: type[Op]) -> None:
    y = (1 / 256, -128) if kind is Logistic else (0.05, 3)
    options = (0.2,) if kind is LeakyRelu else ()
    ops = [
        kind((activation("x", s, 0.05, 3),), (activation(f"y {s}", s, *y),), *options)
        for s in [(), (1,), (1, 2, 3, 4), (300,), (1, 2, 1, 2, 1, 2)]
    ]
    check_everywhere(together(*ops))


exponent = st.floats(-6, 2).map(lambda e: 10.0**e)
zero = st.integers(-128, 127)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(
    st.sampled_from([Relu, Relu6, LeakyRelu, Logistic, Quantize]),
    st.tuples(exponent, zero),
    st.tuples(exponent, zero),
    st.floats(-3, 3, width=32),
)
def test_any_quantisation_equals_tflm(
    kind: type[Op], x: tuple[float, int], y: tuple[float, int], alpha: float
) -> None:
    y = {Relu6: x, Logistic: SIGMOID}.get(kind, y)
    op = unary(kind, x, y, *([alpha] if kind is LeakyRelu else []))
    if op.check() is not None:
        return
    graph, xs = network(op), every_value()
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (unary(Relu, (1.0, 0), (1e-7, 0)), "too far apart"),
        (unary(LeakyRelu, (1.0, 0), (1.0, 0), float("nan")), "rescales by nan"),
        (unary(LeakyRelu, (1.0, 0), (1.0, 0), float("inf")), "rescales by inf"),
        (unary(LeakyRelu, (1.0, 0), (1.0, 0), 1e38), "too far apart"),
        (unary(Relu6, (0.05, 0), (0.04, 0)), "rescales nothing"),
        (unary(Relu6, (1e-7, 0)), "too far apart"),
        (unary(Logistic, (0.05, 0), (0.05, -128)), "has 1/256 and -128"),
        (unary(Logistic, (0.05, 0), (1 / 256, 0)), "has 1/256 and -128"),
        (unary(Logistic, (1e-9, 0), SIGMOID), "beyond"),
        (unary(Quantize, (1.0, 0), (1e-7, 0)), "too far apart"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind,
)
def test_refuses(op: Op, reason: str) -> None:
    assert reason in (op.check() or "")


EVERY_INT16 = np.arange(-(2**15), 2**15).astype(np.int16)


def unary16(kind: type[Op], x: float, y: float | None = None, *options: float) -> Op:
    """One operator on all values of int16; x and y are scales."""
    name, shape = f"{kind.__name__} {x} {y} {options}", (1, 2**16)
    return kind((int16("x", shape, x),), (int16(name, shape, x if y is None else y),), *options)


UNIT = 2.0**-15
INT16: list[Op] = [
    unary16(Relu, 0.0005),
    unary16(Relu, 0.0005, 0.0002),
    unary16(Relu, 1e-6, 1.0),
    unary16(Relu, 1.0, 3.1e-5),
    unary16(Relu6, 0.0005),
    unary16(Relu6, 1e-5),
    unary16(Relu6, 100.0),
    unary16(LeakyRelu, 0.0005, 0.0004, 0.1),
    unary16(LeakyRelu, 0.0005, 0.0005, 0.3),
    unary16(LeakyRelu, 0.0005, 0.0004, -0.7),
    unary16(LeakyRelu, 0.001, 0.0001, 2.0),
    unary16(Quantize, 0.0005, 0.0004),
    unary16(Quantize, 0.0005, 0.7),
    unary16(Quantize, 0.5, 3e-5),
    unary16(Logistic, 2.0**-12, UNIT),
    unary16(Logistic, 2.0**-11, UNIT),
    unary16(Logistic, 0.0005, UNIT),
    unary16(Logistic, 0.002, UNIT),
    unary16(Logistic, 2.6, UNIT),
    unary16(Logistic, 1e-9, UNIT),
    unary16(Logistic, 2.0**-12 * 1.0006, UNIT),
]


def test_every_int16_value_equals_tflm(kind: type[Op]) -> None:
    ops = [op for op in INT16 if type(op) is kind]
    check_everywhere(together(*ops), xs=[EVERY_INT16.reshape(1, 1, -1)] * len(ops))


def test_int16_refuses() -> None:
    assert "it must be 1/32768" in str(unary16(Logistic, 0.001, 0.001).check())
    assert "beyond" in str(unary16(Logistic, 3.0, UNIT).check())
    assert "too far apart" in str(unary16(Relu, 1.0, 3e-5).check())
