"""Kernels of SQUARED_DIFFERENCE: squares of differences, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._broadcast import Paired, operands, runs
from ascua.kernels._scales import factor, meeting
from ascua.ops.squared_difference import SquaredDifference

HEADROOM = {"int8": 7, "int16": 0}
"""Bits that the C shifts inputs to the left, as TFLM does, before it scales them."""


def to_output(op: SquaredDifference) -> float:
    """The factor from squares of what the inputs are where they meet to the output."""
    unit = meeting(op) * meeting(op)
    return unit / ((1 << 2 * HEADROOM[op.y.dtype]) * op.y.q.scale)


class SquaredDifferenceS8(Paired[SquaredDifference]):
    """Any shapes that go together."""

    name = "squared_difference_s8"

    def params(self, op: SquaredDifference) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **runs(op),
            "a_zero": a.q.zero_point,
            **factor(a.q.scale / meeting(op), "a_"),
            "b_zero": b.q.zero_point,
            **factor(b.q.scale / meeting(op), "b_"),
            **factor(to_output(op), "out_"),
            "zero": op.y.q.zero_point,
        }


class SquaredDifferenceS16(Paired[SquaredDifference]):
    """Any shapes that go together."""

    name = "squared_difference_s16"
    types = ("int16",)

    def params(self, op: SquaredDifference) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **runs(op),
            **factor(a.q.scale / meeting(op), "a_"),
            **factor(b.q.scale / meeting(op), "b_"),
            **factor(to_output(op), "out_"),
        }
