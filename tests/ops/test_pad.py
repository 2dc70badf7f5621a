"""PAD and PADV2: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op, Quant, Tensor
from ascua.ops.pad import Pad, PadV2
from tests.support import activation, check_everywhere, constant, network, together
from tests.support.wide import widened

Shape = tuple[int, ...]


def pad(
    shape: Shape, pads: list[tuple[int, int]], value: int | None = None, zero: int = -7,
    name: str = "y",
) -> Op:  # fmt: skip
    """PAD, or PADV2 with a `value`."""
    x = activation("x", shape, 0.05, zero)
    padded = tuple(d + a + b for d, (a, b) in zip(shape, pads, strict=True))
    y = activation(name, padded, 0.05, zero)
    paddings = constant("paddings", np.array(pads, np.int32).reshape(-1, 2))
    if value is None:
        return Pad((x, paddings), (y,))
    fill = Tensor("value", (), "int8", y.quant, np.array(value, np.int8))
    return PadV2((x, paddings, fill), (y,))


def test_equals_tflm() -> None:
    cases: list[tuple[Shape, list[tuple[int, int]], int | None]] = [
        ((1, 4, 5, 3), [(0, 0), (1, 1), (1, 1), (0, 0)], None),
        ((1, 4, 5, 3), [(0, 0), (0, 1), (0, 1), (0, 0)], None),
        ((1, 4, 5, 3), [(1, 2), (3, 0), (0, 2), (2, 1)], None),
        ((1, 4, 5, 3), [(0, 0), (2, 1), (0, 0), (0, 0)], 99),
        ((1, 4, 5, 3), [(0, 0), (0, 0), (0, 0), (0, 4)], -128),
        ((1, 4, 5, 3), [(0, 0), (0, 0), (0, 0), (0, 0)], 1),
        ((2, 3), [(1, 0), (0, 1)], None),
        ((7,), [(2, 3)], 127),
        ((1,), [(0, 1)], None),
        ((1, 2, 1, 2, 2), [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2)], None),
        ((3, 2, 4, 5, 2), [(1, 2), (0, 1), (1, 1), (2, 0), (1, 2)], None),
        ((2, 3, 2, 3, 2), [(0, 0), (0, 0), (0, 0), (0, 0), (1, 0)], 5),
    ]
    ops = [pad(s, pads, value, name=f"{s} {pads} {value}") for s, pads, value in cases]
    ops += [pad((2, 2), [(1, 1), (1, 1)], zero=z, name=f"zero {z}") for z in (-128, 127)]
    check_everywhere(together(*ops))


@settings(deadline=None, derandomize=True, max_examples=8)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 3)), max_size=5),
    st.none() | st.integers(-128, 127),
)
def test_any_paddings(axes: list[tuple[int, int, int]], value: int | None) -> None:
    axes = axes or [(2, 1, 0)]
    op = pad(tuple(n for n, _, _ in axes), [(a, b) for _, a, b in axes], value)
    check_everywhere(network(op))


def test_refuses() -> None:
    op = pad((2, 3), [(0, 1), (1, 0)])
    x, paddings = op.inputs
    assert x is not None
    assert paddings is not None

    def reason(*inputs: Tensor | None, y: Tensor = op.y) -> str:
        kind = PadV2 if len(inputs) > 2 else Pad
        return kind(inputs, (y,)).check() or ""

    assert reason(x, paddings) == ""
    assert "'p' are computed" in reason(x, Tensor("p", (2, 2), "int32"))
    assert "not two integers a dimension" in reason(x, constant("p", np.zeros((1, 2), np.int32)))
    assert "not two integers a dimension" in reason(x, constant("p", np.zeros((2, 2), np.int8)))
    negative = constant("p", np.array([[0, -1], [0, 0]], np.int32))
    assert "cuts with negative paddings" in reason(x, negative)
    assert "instead of [3, 4]" in reason(x, paddings, y=activation("y", (3, 3), 0.05, -7))
    assert "rescales nothing" in reason(x, paddings, y=activation("y", (3, 4), 0.06, -7))
    assert "at most 5" in (pad((1,) * 6, [(0, 0)] * 6).check() or "")
    fill = Tensor("value", (2,), "int8", op.y.quant, np.array([1, 2], np.int8))
    assert "not one constant" in reason(x, paddings, fill)
    fill = Tensor("value", (), "int8", Quant((0.06,), (-7,)), np.array(1, np.int8))
    assert "another quantisation" in reason(x, paddings, fill)
    assert "2 inputs instead of 3" in (PadV2((x, paddings), (op.y,)).check() or "")


def test_int16() -> None:
    pads = [(0, 0), (1, 2), (0, 1), (2, 0)]
    ops = [pad((1, 4, 5, 3), pads), *(pad((1, 4, 5, 3), pads, v) for v in (-3, 99, 127))]
    ops = [replace(op, outputs=(replace(op.y, name=str(i)),)) for i, op in enumerate(ops)]
    check_everywhere(widened(together(*ops)))
