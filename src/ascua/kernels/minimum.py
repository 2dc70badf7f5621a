"""Kernels of MINIMUM: the lesser of two values, element by element."""

from __future__ import annotations

from collections.abc import Mapping

from ascua.kernels._broadcast import Paired, runs
from ascua.ops.minimum import Minimum


class MinimumS8(Paired[Minimum]):
    """Any shapes that go together; those of one shape are one run."""

    name = "minimum_s8"

    def params(self, op: Minimum) -> Mapping[str, int]:
        return runs(op)
