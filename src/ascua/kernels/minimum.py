"""Kernels of MINIMUM, and of LOGICAL_AND: the lesser of two values, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._broadcast import Paired, runs
from ascua.ops.logical_and import LogicalAnd
from ascua.ops.minimum import Minimum


class MinimumS8(Paired[Minimum | LogicalAnd]):
    """Any shapes that go together; those of one shape are one run."""

    name = "minimum_s8"
    types = ("int8", "bool")
    bytewise = True

    def params(self, op: Minimum | LogicalAnd) -> Mapping[str, int]:
        return runs(op)


class MinimumS8Vectors(MinimumS8):
    """Sixteen elements at a time."""

    name = "minimum_s8_vectors"
    needs = frozenset({"vectors"})
    int_bits = 32

    def fits(self, op: Minimum | LogicalAnd) -> bool:
        return runs(op)["n"] >= 16

    def terms(self, op: Minimum | LogicalAnd) -> Mapping[str, float]:
        fields = runs(op)
        return {
            "run": fields["runs"],
            "run's loop": fields["runs"] * fields["loops"],
            "sixteen": fields["runs"] * (fields["n"] // 16),
            "one": fields["runs"] * (fields["n"] % 16),
        }
