"""The kernel of functions of one int16 value: two straight lines, one on each side of 0."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from ascua.fixed import quantize_multiplier
from ascua.kernels._kernel import O
from ascua.kernels._unary import Unary


@dataclass(frozen=True)
class Lines:
    """The real factors, >= 0, of values from 0 on and of those below, and the output's range.

    Values below 0 are multiplied by a sign before or after they are rescaled and rounded: the
    rounding of negative values is not that of positive ones.
    """

    above: float
    below: float
    sign: int = 1
    sign_after: int = 1
    low: int = -(2**15)
    high: int = 2**15 - 1


class LinesS16(Unary[O]):
    """Rescales each value."""

    name = "lines_s16"
    types = ("int16",)

    @abstractmethod
    def lines(self, op: O) -> Lines:
        """What `op` does to each value."""

    def params(self, op: O) -> Mapping[str, int | float]:
        lines = self.lines(op)
        multiplier, shift = quantize_multiplier(lines.above)
        below_multiplier, below_shift = quantize_multiplier(lines.below)
        return {
            **super().params(op),
            "multiplier": multiplier,
            "shift": shift,
            "below_multiplier": below_multiplier,
            "below_shift": below_shift,
            "sign": lines.sign,
            "sign_after": lines.sign_after,
            "low": lines.low,
            "high": lines.high,
        }
