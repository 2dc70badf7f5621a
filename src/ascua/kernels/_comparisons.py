"""The kernel of operators that compare two values."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._broadcast import Paired, operands, runs
from ascua.kernels._scales import factor
from ascua.ops import Comparison

ANSWERS = {
    "LESS": (1, 0, 0), "LESS_EQUAL": (1, 1, 0), "EQUAL": (0, 1, 0),
    "NOT_EQUAL": (1, 0, 1), "GREATER_EQUAL": (0, 1, 1), "GREATER": (0, 0, 1),
}  # fmt: skip
"""What each answers of a first value that is below the second, equal, and above."""


class CompareS8(Paired[Comparison]):
    """Any shapes that go together; a constant comes second, and the answers are turned."""

    name = "compare_s8"
    types = ("int8", "bool")

    def params(self, op: Comparison) -> Mapping[str, int]:
        a, b = operands(op)
        below, equal, above = ANSWERS[op.tflite]
        if a is not op.x:
            below, above = above, below
        return {
            **runs(op),
            "a_zero": a.q.zero_point,
            **factor(a.q.scale, "a_"),
            "b_zero": b.q.zero_point,
            **factor(b.q.scale, "b_"),
            "below": below,
            "equal": equal,
            "above": above,
        }
