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
