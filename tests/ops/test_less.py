"""LESS and its relatives: every pair of values, against TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ascua.ir import Quant, Tensor
from ascua.ops import Comparison
from ascua.ops.equal import Equal
from ascua.ops.greater import Greater
from ascua.ops.greater_equal import GreaterEqual
from ascua.ops.less import Less
from ascua.ops.less_equal import LessEqual
from ascua.ops.not_equal import NotEqual
from ascua.ops.select_v2 import SelectV2
from tests.ops.test_select_v2 import held
from tests.support import activation, check_everywhere, network
from tests.support.pairs import BROADCASTS, PAIRS, Shape, every_pair

KIND = Less

KINDS = (Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual)
SCALES = [
    (0.05, 0.031),
    (0.05, 0.05),
    (0.9999999, 0.02),
    (0.001, 0.0013),
    (1e-5, 1e-6),
    (1e-12, 0.5),
]
"""Also such that many values are the same in units of 1/256, or all."""


def comparison(
    kind: type[Comparison], a: Shape, b: Shape, const: str = "", name: str = "y",
    scales: tuple[float, float] = (0.05, 0.031), zeros: tuple[int, int] = (-3, 5),
) -> Comparison:  # fmt: skip
    """One operator; `const` names which of its inputs a and b is a constant."""
    pair = zip("ab", (a, b), scales, zeros, strict=True)
    inputs = {key: activation(key, shape, scale, zero) for key, shape, scale, zero in pair}
    given = (held(t) if key in const else t for key, t in inputs.items())
    return kind(tuple(given), (Tensor(name, np.broadcast_shapes(a, b), "bool"),))


def test_every_pair_of_values(kind: type[Comparison]) -> None:
    ops = [
        comparison(kind, PAIRS, PAIRS, name=f"y{i}", scales=scales, zeros=zeros)
        for i, scales in enumerate(SCALES)
        for zeros in ((-3, 5),)
    ]
    ops.append(comparison(kind, PAIRS, PAIRS, name="ends", zeros=(-128, 127)))
    for op in ops:
        check_everywhere(network(op), xs=every_pair())


def test_every_way_to_repeat() -> None:
    ops = [
        comparison(KINDS[i % len(KINDS)], a, b, const, f"y{i}")
        for i, (a, b, const) in enumerate(BROADCASTS)
    ]
    ops += [comparison(kind, (2, 3), (3,), c, f"{kind} {c}") for kind in KINDS for c in "ab"]
    for op in ops:
        check_everywhere(network(op))


def test_the_greater_of_two_is_selected() -> None:
    less = comparison(Less, (1, 4, 5), (5,), zeros=(-3, -3), scales=(0.05, 0.05))
    a, b = less.inputs
    y = activation("greater", (1, 4, 5), 0.05, -3)
    check_everywhere(network(less, SelectV2((less.y, b, a), (y,))))


def test_refuses(kind: type[Comparison]) -> None:
    def reason(op: Comparison, **tensors: Tensor) -> str:
        inputs = [tensors.get(key, t) for key, t in zip("ab", op.inputs, strict=True)]
        return kind(tuple(inputs), (tensors.get("y", op.y),)).check() or ""

    op = comparison(kind, (4, 3), (3,))
    a, b = op.inputs
    assert a is not None
    assert b is not None
    assert reason(op) == ""
    assert "scales below 1" in reason(op, b=replace(b, quant=Quant((1.0,), (0,))))
    assert "no int16 kernel" in reason(op, a=activation("a", (4, 3), dtype="int16"))
    assert "is int32" in reason(op, b=Tensor("b", (3,), "int32"))
    assert "no quantisation" in reason(op, b=replace(b, quant=None))
    assert "is int8, not bool" in reason(op, y=activation("y", (4, 3)))
    assert "do not go together" in reason(op, b=replace(b, shape=(4,)))
    assert "instead of [4, 3]" in reason(op, y=replace(op.y, shape=(3, 4)))
    assert "is a constant" in reason(op, a=held(a), b=held(b))
    assert "at most 6" in reason(comparison(kind, (1,) * 7, (1,)))


@pytest.mark.parametrize("other", KINDS)
def test_relatives_are_told_apart(other: type[Comparison]) -> None:
    """Each differs from each other on a pair below, equal or above."""
    x = [np.array([[0, 1, 2]], np.int8), np.array([[1, 1, 1]], np.int8)]
    answers = {
        kind: comparison(kind, (3,), (3,), zeros=(0, 0), scales=(0.05, 0.05)).eval(*x).tobytes()
        for kind in KINDS
    }
    assert [kind for kind in KINDS if answers[kind] == answers[other]] == [other]
