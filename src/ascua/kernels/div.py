"""Kernels of DIV: the quotient of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua import fixed
from ascua.kernels._bounds import bounds
from ascua.kernels._broadcast import Paired, operands, runs
from ascua.ops.div import Div


class DivS8(Paired[Div]):
    """Any shapes that go together; a constant dividend comes second."""

    name = "div_s8"

    def params(self, op: Div) -> Mapping[str, int]:
        a, b = operands(op)
        swap = a is not op.x
        dividend, divisor = (b, a) if swap else (a, b)
        unit = divisor.q.scale * op.y.q.scale
        multiplier, shift = fixed.quantize_multiplier(dividend.q.scale / unit)
        return {
            **runs(op),
            "swap": int(swap),
            "a_zero": a.q.zero_point,
            "b_zero": b.q.zero_point,
            "multiplier": multiplier,
            "right": 30 - shift,
            "zero": op.y.q.zero_point,
            **bounds(op.activation, op.y),
        }
