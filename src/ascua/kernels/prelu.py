"""Kernels of PRELU: negative values times a learned alpha, as a rule one a channel."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._broadcast import Paired, runs
from ascua.kernels._scales import factor
from ascua.ops.prelu import Prelu


def slopes(op: Prelu) -> dict[str, int]:
    """The parameters of both factors: from x to the output, and from x times alpha."""
    above = op.x.q.scale / op.y.q.scale
    below = op.x.q.scale * op.alpha.q.scale / op.y.q.scale
    return {**factor(above), **factor(below, "alpha_")}


class PreluS8(Paired[Prelu]):
    """Any shapes that go together."""

    name = "prelu_s8"

    def params(self, op: Prelu) -> Mapping[str, int]:
        return {
            **runs(op),
            "x_zero": op.x.q.zero_point,
            "alpha_zero": op.alpha.q.zero_point,
            **slopes(op),
            "zero": op.y.q.zero_point,
        }


class PreluS16(Paired[Prelu]):
    """Any shapes that go together; alpha is int8."""

    name = "prelu_s16"
    types = ("int16",)
    weights = ("int8",)

    def params(self, op: Prelu) -> Mapping[str, int]:
        return {**runs(op), "alpha_zero": op.alpha.q.zero_point, **slopes(op)}
