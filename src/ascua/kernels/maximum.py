"""Kernels of MAXIMUM, and of LOGICAL_OR: the greater of two values, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._broadcast import Paired, runs
from ascua.ops.logical_or import LogicalOr
from ascua.ops.maximum import Maximum
from ascua.ops.minimum import Minimum


class MaximumS8(Paired[Maximum | LogicalOr]):
    """Any shapes that go together; those of one shape are one run."""

    name = "maximum_s8"
    types = ("int8", "bool")
    bytewise = True

    def params(self, op: Maximum | LogicalOr) -> Mapping[str, int]:
        return runs(op)


class MaximumS8Vectors(MaximumS8):
    """Sixteen elements at a time."""

    name = "maximum_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: Maximum | LogicalOr) -> bool:
        return runs(op)["n"] >= 16

    def terms(self, op: Maximum | LogicalOr) -> Mapping[str, float]:
        fields = runs(op)
        return {
            "run": fields["runs"],
            "run's loop": fields["runs"] * fields["loops"],
            "sixteen": fields["runs"] * (fields["n"] // 16),
            "one": fields["runs"] * (fields["n"] % 16),
        }


class MaximumS16(Paired[Maximum | Minimum]):
    """Any shapes that go together; the least of two values is the greatest of the negative ones."""

    name = "maximum_s16"
    types = ("int16",)

    def params(self, op: Maximum | Minimum) -> Mapping[str, int]:
        return {**runs(op), "sign": -1 if isinstance(op, Minimum) else 1}
