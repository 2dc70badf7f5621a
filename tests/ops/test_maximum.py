"""MAXIMUM and MINIMUM: reference and kernels against TensorFlow Lite Micro."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascua.ir import Op
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum
from tests.support import activation, check_everywhere, network, together
from tests.support.pairs import BROADCASTS, PAIRS, Shape, every_pair, pair, shapes
from tests.support.wide import widened

KIND = Maximum

OPS = (Maximum, Minimum)
ONE = {"scales": (0.05, 0.05, 0.05), "zeros": (-3, -3, -3)}


def test_every_pair_of_values(kind: type[Op]) -> None:
    check_everywhere(network(pair(kind, PAIRS, PAIRS, **ONE)), xs=every_pair())


def test_shapes(kind: type[Op]) -> None:
    cases = [
        *BROADCASTS,
        ((1, 2, 3, 5), (1, 2, 3, 5), ""),
        ((1, 2, 3, 5), (1, 2, 3, 5), "a"),
        ((1, 2, 3, 5), (1, 2, 3, 5), "b"),
        ((1, 1), (1, 1), ""),
        ((), (), ""),
    ]
    ops = [pair(kind, a, b, const=c, name=f"{a} {b} {c}", **ONE) for a, b, c in cases]
    check_everywhere(together(*ops))


def test_both_inputs_the_same_tensor(kind: type[Op]) -> None:
    x = activation("x", (1, 3, 3, 2), 0.05, -7)
    check_everywhere(network(kind((x, x), (activation("y", x.shape, 0.05, -7),))))


@settings(deadline=None, derandomize=True, max_examples=4)
@given(st.lists(st.tuples(st.sampled_from(OPS), shapes(), st.sampled_from(["", "a", "b"])),
                min_size=8, max_size=8))  # fmt: skip
def test_any_shapes(cases: list[tuple[type[Op], tuple[Shape, Shape], str]]) -> None:
    ops = [
        pair(kind, a, b, const=const, name=str(i), **ONE)
        for i, (kind, (a, b), const) in enumerate(cases)
    ]
    check_everywhere(together(*ops), n=4)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"scales": (0.05, 0.06, 0.05)}, "'b' has the scale 0.06"),
        ({"zeros": (-3, -3, 0)}, "rescales nothing"),
        ({"const": "ab"}, "'a' is a constant"),
        ({"b": (1, 2), "y": (1, 3)}, "do not go together"),
        ({"y": (1, 4)}, "instead of [1, 3]"),
        ({"a": (1,) * 7, "b": (1,) * 7}, "at most 6"),
    ],
    ids=str,
)
def test_refuses(kind: type[Op], case: dict[str, object], reason: str) -> None:
    op = pair(kind, **{"a": (1, 3), "b": (1, 3), **ONE, **case})  # type: ignore[arg-type]
    assert reason in (op.check() or "")


def test_int16(kind: type[Op]) -> None:
    cases = [*BROADCASTS, ((1, 2, 3, 5), (1, 2, 3, 5), "")]
    ops = [pair(kind, a, b, const=c, name=f"{a} {b}", **ONE) for a, b, c in cases]  # type: ignore[arg-type]
    check_everywhere(widened(together(*ops)))
