"""What a plan is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """The wishes that a plan fulfils, beside fitting its board."""

    specialized: int = 12
    """How many calls, those with most outputs first, get a kernel of their own; the rest share one.

    Measured on a Cortex-M3: MLPerf's vww takes 17,420 bytes of code and 21.6 M instructions with
    all its 29 kernels specialised, 8,420 and 28.8 M with none.
    """
    tries: int = 200
    """Random orders of placement that are tried when the systematic ones miss the bound."""
    row_loops: bool = False
    """Whether two operators become one loop over rows where that spares the tensor between them."""
    avoid: frozenset[str] = frozenset()
    """Kernels, by name, that are not taken: so that one is compared with another."""


BALANCED = Goal()
"""What verbs plan for."""
