"""ARG_MAX and ARG_MIN: reference and kernel against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Tensor
from ascua.ops.arg_max import ArgMax
from ascua.ops.arg_min import ArgMin
from tests.support import activation, check_everywhere, constant, together

KIND = ArgMax

OPS = (ArgMax, ArgMin)


def arg(
    kind: type[ArgMax], shape: tuple[int, ...] = (1, 3, 4, 5), axis: int | list[int] = -1,
    y: Tensor | None = None, output_type: int = 2, name: str = "y",
) -> ArgMax:  # fmt: skip
    """One operator."""
    if y is None:
        at = (axis if isinstance(axis, int) else axis[0]) % len(shape)
        y = Tensor(name, shape[:at] + shape[at + 1 :], "int32")
    axes = constant("axis", np.array(axis, np.int32))
    return kind((activation("x", shape, 0.05, -3), axes), (y,), output_type)


CASES: list[tuple[tuple[int, ...], int | list[int]]] = [
    ((1, 10), -1),
    ((1, 10), [1]),
    ((1, 10), 0),
    ((7,), 0),
    ((1, 3, 4, 5), 3),
    ((1, 3, 4, 5), 2),
    ((1, 3, 4, 5), -3),
    ((1, 300), 1),
    ((1, 2, 3, 1), 3),
    ((1, 2, 2, 2, 2, 3), -2),
]


def test_equals_tflm(kind: type[ArgMax]) -> None:
    check_everywhere(together(*(arg(kind, s, a, name=f"{s} {a}") for s, a in CASES)), n=6)


def test_the_first_of_equal_values(kind: type[ArgMax]) -> None:
    x = np.array([[3, 5, 5, -7, -7], [0, 0, 0, 0, 0], [127, -128, -128, 127, 0]], np.int8)
    check_everywhere(together(arg(kind, (5,), 0)), xs=[x])


@settings(deadline=None, derandomize=True, max_examples=3)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(OPS),
            st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple), st.integers(-1, 4),
        ),
        min_size=10, max_size=10,
    )
)  # fmt: skip
def test_any_axis(several: list[tuple[type[ArgMax], tuple[int, ...], int]]) -> None:
    ops = [
        arg(kind, shape, min(axis, len(shape) - 1), name=str(i))
        for i, (kind, shape, axis) in enumerate(several)
    ]
    check_everywhere(together(*ops))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"axis": 4, "y": Tensor("y", (1,), "int32")}, "are not one axis"),
        ({"axis": [1, 2]}, "are not one axis"),
        ({"y": Tensor("y", (1, 3, 4), "int64"), "output_type": 4}, "not int32"),
        ({"y": Tensor("y", (1, 3, 4, 1), "int32")}, "instead of [1, 3, 4]"),
        ({"shape": (1,) * 7}, "at most 6"),
    ],
    ids=str,
)
def test_refuses(kind: type[ArgMax], case: dict[str, object], reason: str) -> None:
    assert reason in (arg(kind, **case).check() or "")  # type: ignore[arg-type]


def test_refuses_other_inputs() -> None:
    op = arg(ArgMax)
    real = replace(op.x, dtype="float32", quant=None)
    assert "is float32" in (replace(op, inputs=(real, op.inputs[1])).check() or "")
    assert "axes" in (replace(op, inputs=(op.x, op.x)).check() or "")
