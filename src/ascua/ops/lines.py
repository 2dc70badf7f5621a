"""What functions of one int16 value share that are two straight lines, one on each side of 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ascua import fixed
from ascua.ir import Kernel, Tensor


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


class LinesS16(Kernel):
    """Rescales each value."""

    name = "lines_s16"
    types = ("int16",)

    def params(self, op: Bent) -> Mapping[str, int]:
        lines = op.lines()
        multiplier, shift = fixed.quantize_multiplier(lines.above)
        below_multiplier, below_shift = fixed.quantize_multiplier(lines.below)
        return {
            "n": op.y.size,
            "multiplier": multiplier,
            "shift": shift,
            "below_multiplier": below_multiplier,
            "below_shift": below_shift,
            "sign": -1 if lines.turned else 1,
            "sign_after": -1 if lines.turned_after else 1,
            "low": lines.low,
            "high": lines.high,
        }
