"""TANH, HARD_SWISH, ELU, ABS and RSQRT: all 256 values against TensorFlow Lite Micro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua import tflite
from ascua.ir import Op
from ascua.ops.abs import Abs
from ascua.ops.elu import Elu
from ascua.ops.hard_swish import HardSwish
from ascua.ops.logistic import Logistic
from ascua.ops.rsqrt import Rsqrt
from ascua.ops.tanh import Tanh
from tests.ops.test_relu import EVERY_INT16, UNIT, every_value, unary, unary16
from tests.support import activation, check_everywhere, network, oracle, reference, together

KIND = Tanh

TANH = (1 / 128, 0)
CASES: list[Op] = [
    unary(Tanh, (0.05, -3), TANH),
    unary(Tanh, (1 / 16, 127), TANH),
    unary(Tanh, (0.1, -128), TANH),
    unary(Tanh, (2.0**-27, 0), TANH),
    unary(Tanh, (7.0, 5), TANH),
    unary(Tanh, (16.0, 0), TANH),
    unary(Tanh, (2.0**20, 0), TANH),
    unary(HardSwish, (0.05, -3)),
    unary(HardSwish, (0.0235294, -128), (0.012, -110)),
    unary(HardSwish, (0.1, 127), (0.3, 127)),
    unary(HardSwish, (1.0, 0), (1 / 64, 0)),
    unary(HardSwish, (1e-3, 0), (1e-3, 0)),
    unary(HardSwish, (1e-5, 0), (1e-5, -7)),
    unary(HardSwish, (300.0, 0), (300.0, 3)),
    unary(HardSwish, (3.0, -128), (100.0, 0)),
    # Its multiplier differs where the scales are divided in single precision.
    unary(HardSwish, (0.13428474962711334, -125), (0.1660500317811966, -9)),
    unary(Elu, (0.05, -3), (0.04, 9)),
    unary(Elu, (0.05, 127), (1 / 128, 127)),
    unary(Elu, (0.05, -128), (0.05, -128)),
    unary(Elu, (10.0, 0), (5.0, 0)),
    unary(Elu, (1e-4, 0), (1e-4, 0)),
    # exp(-17) - 1 halved is 0.49999997 in single precision.
    unary(Elu, (1.0, 0), (2.0, -100)),
    unary(Abs, (0.05, -3)),
    unary(Abs, (0.05, -128), (0.02, -128)),
    unary(Abs, (0.05, 127), (0.02, -128)),
    unary(Abs, (0.05, 0), (0.05, -128)),
    unary(Abs, (1.0, 0), (1e-3, 0)),
    unary(Abs, (1e-6, 0), (1.0, 5)),
    # Ratios that make ties in single precision and none in double.
    unary(Abs, (0.02689405158162117, -128), (0.019559310749173164, -116)),
    unary(Abs, (0.2993880808353424, -124), (0.0032366279046982527, 0)),
    unary(Rsqrt, (0.05, -128), (0.05, 0)),
    unary(Rsqrt, (0.001, -128), (0.2, -128)),
    unary(Rsqrt, (100.0, -128), (1e-3, 127)),
    unary(Rsqrt, (1.0, -128), (1.0, 0)),
    unary(Rsqrt, (1e-5, -128), (1e-5, 0)),
    unary(Rsqrt, (1e10, -128), (1e10, 0)),
    # Its multiplier differs where the root is taken in single precision.
    unary(Rsqrt, (0.0064731198363006115, -128), (0.13791218400001526, 52)),
]


def test_every_value_equals_tflm(kind: type[Op]) -> None:
    ops = [op for op in CASES if type(op) is kind]
    check_everywhere(together(*ops), xs=every_value(len(ops)))


def test_other_shapes(kind: type[Op]) -> None:
    y = TANH if kind is Tanh else (0.05, 3)
    zero = -128 if kind is Rsqrt else 3
    ops = [
        kind((activation("x", s, 0.05, zero),), (activation(f"y {s}", s, *y),))
        for s in [(), (1,), (1, 2, 3, 4), (300,), (1, 2, 1, 2, 1, 2)]
    ]
    check_everywhere(together(*ops))


exponent = st.floats(-6, 2).map(lambda e: 10.0**e)
zero = st.integers(-128, 127)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.sampled_from([Tanh, HardSwish, Elu, Abs, Rsqrt]),
    st.tuples(exponent, zero), st.tuples(exponent, zero),
)  # fmt: skip
def test_any_quantisation_equals_tflm(
    kind: type[Op], x: tuple[float, int], y: tuple[float, int]
) -> None:
    op = unary(kind, (x[0], -128) if kind is Rsqrt else x, TANH if kind is Tanh else y)
    if op.check() is not None:
        return
    graph, xs = network(op), every_value()
    expected = oracle(tflite.write(graph), xs)[0]
    np.testing.assert_array_equal(reference(graph, xs)[0], expected)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (unary(Tanh, (0.05, 0), (0.05, 0)), "has 1/128 and 0"),
        (unary(Tanh, (0.05, 0), (1 / 128, -128)), "has 1/128 and 0"),
        (unary(Tanh, (1e-9, 0), TANH), "beyond"),
        (unary(HardSwish, (1.0, 0), (1e-3, 0)), "too far apart"),
        (unary(HardSwish, (1.0, 0), (1e6, 0)), "too far apart"),
        (unary(HardSwish, (1e6, 0), (1e6, 0)), "beyond"),
        (unary(HardSwish, (1e-8, 0), (1e-8, 0)), "beyond"),
        (unary(Elu, (1.0, 0), (1e-7, 0)), "too far apart"),
        (unary(Elu, (1e-8, 0), (1e-8, 0)), "hangs on a bit of exp"),
        (unary(Abs, (1.0, 0), (1e-7, 0)), "too far apart"),
        (unary(Rsqrt, (0.05, 0)), "may be negative"),
        (unary(Rsqrt, (1e-10, -128), (1e-10, 0)), "beyond"),
        (unary(Rsqrt, (1e4, -128), (1e6, 0)), "beyond"),
    ],
    ids=lambda v: v if isinstance(v, str) else v.kind,
)
def test_refuses(op: Op, reason: str) -> None:
    assert reason in (op.check() or "")


def test_every_int16_value_equals_tflm() -> None:
    scales = (2.0**-12, 2.0**-11, 0.0005, 0.002, 2.6, 1e-9, 2.0**-11 * 0.9994, 3.8e-14)
    ops = [unary16(Tanh, s, UNIT) for s in scales]
    ops += [unary16(Abs, 0.0005), unary16(Abs, 0.0005, 0.0003), unary16(Abs, 0.0005, 0.09)]
    check_everywhere(together(*ops), xs=[EVERY_INT16.reshape(1, 1, -1)] * len(ops))


@pytest.mark.parametrize("kind", [Tanh, Logistic])
@pytest.mark.parametrize("scale", [2.7, 3.7e-14, 1e-20, 1e-45])
def test_refuses_int16_scales_beyond_tflm(kind: type[Op], scale: float) -> None:
    assert "beyond what TFLM computes with" in str(unary16(kind, scale, UNIT).check())


@pytest.mark.parametrize("kind", [HardSwish, Elu, Rsqrt])
def test_refuses_int16_as_tflm_does(kind: type[Op]) -> None:
    assert "TFLM has no int16 kernel" in str(unary16(kind, 0.001).check())
