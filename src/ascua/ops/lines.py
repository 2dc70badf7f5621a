"""What functions of one int16 value share that are two straight lines, one on each side of 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ascua.ir import Tensor


@dataclass(frozen=True)
class Lines:
    """The real factors of values from 0 on and of those below, and the range of the output.

    Values below 0 may change sign, `turned`, before or after they are rescaled and rounded: the
    rounding of negative values is not that of positive ones.
    """

    above: float
    below: float
    low: int = -(2**15)
    high: int = 2**15 - 1
    turned: bool = False
    turned_after: bool = False


class Bent(Protocol):
    """An operator that `LinesS16` runs."""

    @property
    def y(self) -> Tensor:
        """The output."""

    def lines(self) -> Lines:
        """What it does to each value."""
