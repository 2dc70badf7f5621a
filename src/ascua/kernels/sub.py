"""Kernels of SUB: the difference of two tensors, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._bounds import bounds
from ascua.kernels._broadcast import Paired, operands, runs
from ascua.kernels._scales import factor, meeting
from ascua.kernels.add import to_output
from ascua.ops.sub import Sub


class SubS8(Paired[Sub]):
    """Any shapes that go together; a constant minuend comes second, and the sign is turned."""

    name = "sub_s8"

    def params(self, op: Sub) -> Mapping[str, int]:
        a, b = operands(op)
        return {
            **runs(op),
            "swap": int(a is not op.x),
            "a_zero": a.q.zero_point,
            **factor(a.q.scale / meeting(op), "a_"),
            "b_zero": b.q.zero_point,
            **factor(b.q.scale / meeting(op), "b_"),
            **factor(to_output(op), "out_"),
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }
