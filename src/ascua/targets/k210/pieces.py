"""The straight pieces that come nearest to a curve of which there are few.

A piece begins at a byte: the KPU adds slope * (t - start), rounded, to an integer. So pieces begin
where the curve passes an integer, or has a corner. Given how far off they may be, one that begins
at a place reaches so far; and as it may end anywhere before, the places that k pieces reach are all
those up to the furthest of any piece that begins in what k - 1 pieces reach. Bisection finds the
least error for which 16 suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ascua.ir import Array
from ascua.kmodel.conv import SEGMENTS
from ascua.targets.k210.block import MOST_BYTE

ROUNDED = 0.5
"""The error of rounding alone."""
FALLING = 1.0
"""The error of a falling piece, one higher than it should begin: the KPU rounds negative products
to the second integer below them, or to the first."""
STRAIGHT = 2.0**-12
"""Steps of the output by which a straight curve may seem not to be."""
ACCURACY = 2.0**-7
"""The part of the error at which bisection ends."""

WINDOW = 64
"""Samples that are looked at first; twice as many while a piece reaches all."""


class Piece(NamedTuple):
    """y = bias + slope * (x - start), from `start` on; both in steps of the output."""

    start: float
    slope: float
    bias: int


@dataclass(frozen=True, eq=False)
class Samples:
    """A curve at places x, never decreasing, as y in 0..255; pieces may begin at some of them."""

    x: Array
    y: Array
    places: Array
    """Indices, ascending; the first is 0."""

    def best(self) -> tuple[list[Piece], float]:
        """At most 16 pieces, the first of them constant and from anywhere; and their error."""
        low = high = ROUNDED
        pieces = self.within(high + STRAIGHT)
        if pieces is not None:
            return pieces, high
        while pieces is None:  # at the latest, one constant is within 128 of all bytes
            low, high = high, 2 * high
            pieces = self.within(high)
        while high - low > ACCURACY * high:
            error = (low + high) / 2
            found = self.within(error)
            if found is None:
                low = error
            else:
                pieces, high = found, error
        return pieces, high

    def within(self, error: float) -> list[Piece] | None:
        """The fewest pieces, if 16 are enough, that are nowhere further off than `error`."""
        last = len(self.x) - 1
        ends = [_constant(self.y, error)[0]]
        begins = [0]
        tried = 0
        furthest, of = ends[0], -1
        while ends[-1] < last and len(ends) < SEGMENTS:
            while tried < len(self.places) and (place := int(self.places[tried])) <= ends[-1]:
                reached = self._end(place, error)
                if reached > furthest:
                    furthest, of = reached, place
                tried += 1
            if furthest <= ends[-1]:
                return None
            ends.append(furthest)
            begins.append(of)
        if ends[-1] < last:
            return None
        stops = [*begins[1:], last]
        return [
            self._piece(begin, stop, error, first=k == 0)
            for k, (begin, stop) in enumerate(zip(begins, stops, strict=True))
        ]

    def _end(self, place: int, error: float) -> int:
        """The last sample that a piece from the sample `place` on reaches."""
        last, window = len(self.x) - 1, WINDOW
        while True:
            some = slice(place, min(place + window, last) + 1)
            end = place + max(_reached(self.x[some], self.y[some], error))
            if end < some.stop - 1 or end == last:
                return end
            window *= 2

    def _piece(self, begin: int, stop: int, error: float, *, first: bool) -> Piece:
        """From sample `begin` to `stop`, which it reaches."""
        x, y = self.x[begin : stop + 1], self.y[begin : stop + 1]
        reached = _reached(x, y, error)
        level = int(np.rint(y[0]))
        if first or reached[0] == stop - begin:
            return Piece(float(x[0]), 0.0, _constant(y, error)[1])
        rises = reached[1] == stop - begin
        lows, highs = _slopes(x, y, error - (ROUNDED if rises else FALLING))
        least, most = float(lows[-1]), float(highs[-1])
        least, most = (max(least, 0.0), most) if rises else (least, min(most, 0.0))
        ends = [m for m in (least, most) if np.isfinite(m)]
        return Piece(float(x[0]), sum(ends) / len(ends), level if rises else level + 1)


def _reached(x: Array, y: Array, error: float) -> tuple[int, int, int]:
    """The last sample within `error` of a constant, a rising and a falling piece from the first."""
    level = np.rint(y[0])
    ends = []
    for own, rises in ((ROUNDED, True), (FALLING, False)):
        if abs(level - y[0]) > error - own or (not rises and level == MOST_BYTE):
            ends.append(0)
            continue
        low, high = _slopes(x, y, error - own)
        fits = (np.maximum(low, 0) <= high) if rises else (low <= np.minimum(high, 0))
        ends.append(_first(~fits))
    return _constant(y, error)[0], ends[0], ends[1]


def _slopes(x: Array, y: Array, error: float) -> tuple[Array, Array]:
    """The least and the greatest slope with which a piece is right up to each sample but the first.

    What is below 0 or above 255 becomes that anyway.
    """
    level, run = np.rint(y[0]), np.maximum(x[1:] - x[0], np.finfo(np.float64).tiny)
    low = np.where(y[1:] <= 0, -np.inf, (y[1:] - error - level) / run)
    high = np.where(y[1:] >= MOST_BYTE, np.inf, (y[1:] + error - level) / run)
    return np.maximum.accumulate(low), np.minimum.accumulate(high)


def _constant(y: Array, error: float) -> tuple[int, int]:
    """The last sample within `error` of one integer, and the integer in the middle up to there."""
    low, high = np.minimum.accumulate(y), np.maximum.accumulate(y)
    end = max(_first(np.ceil(high - error) > np.floor(low + error)) - 1, 0)
    return end, int(np.rint((low[end] + high[end]) / 2))


def _first(wrong: Array) -> int:
    """The index of the first that is set, or how many there are."""
    return int(np.argmax(wrong)) if wrong.any() else len(wrong)
