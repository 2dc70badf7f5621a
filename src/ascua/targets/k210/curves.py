"""Activations as the KPU has them: a table of 16 straight pieces, of any function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ascua.errors import ModelError
from ascua.ir import Array
from ascua.kmodel import Activation, Norms
from ascua.kmodel.conv import SEGMENTS
from ascua.kpu.activation import exact, wide
from ascua.kpu.rounding import Rounding
from ascua.targets.k210.block import MOST_BYTE, Affine
from ascua.targets.k210.pieces import STRAIGHT, Piece, Samples

T_BITS = 36
"""Of what batch normalisation gives, and of where segments begin; signed."""
MUL_BITS = 16
"""Of a segment's slope, signed."""
MOST_SHIFT = 20
"""Of a segment. Its field would hold more, but no compiler ever wrote more."""
GRID = 1024
"""Samples of a curve between where it begins and where it ends to change."""
MOST_CROSSINGS = 600
"""Places where pieces may begin; a curve that goes up once has 511."""
DENSE = 1 << 14
"""Places at which a table's error is measured."""


@dataclass(frozen=True)
class Curve:
    """An activation: what it makes of real numbers, and where it has corners."""

    name: str
    function: Callable[[Array], Array]
    """Of float64 arrays; called once for many."""
    corners: tuple[float, ...] = ()
    straight: bool = False
    """Whether it is a straight line between them."""

    def steps(self, u: Array, y: Affine) -> Array:
        """The curve in steps of the output from byte 0, of places in steps of the output from 0."""
        with np.errstate(all="ignore"):
            real = np.asarray(self.function(u * y.scale), np.float64)
        if np.isnan(real).any():
            wrong = float(u[np.argmax(np.isnan(real))] * y.scale)
            raise ModelError(
                f"the activation {self.name} is no number at {wrong:g}.",
                ["Use one that is a number for every input."],
            )
        return real / y.scale + y.zero


LINEAR = Curve("linear", lambda z: z, straight=True)
RELU = Curve("relu", lambda z: np.maximum(z, 0), (0.0,), straight=True)
RELU6 = Curve("relu6", lambda z: np.clip(z, 0, 6), (0.0, 6.0), straight=True)
RELU_N1_TO_1 = Curve("relu_n1_to_1", lambda z: np.clip(z, -1, 1), (-1.0, 1.0), straight=True)
HARD_SWISH = Curve("hard_swish", lambda z: z * np.clip(z / 6 + 0.5, 0, 1), (-3.0, 3.0))
SIGMOID = Curve("sigmoid", lambda z: (1 + np.tanh(z / 2)) / 2)
TANH = Curve("tanh", np.tanh)


@cache
def leaky_relu(slope: float) -> Curve:
    """Numbers below zero times `slope`."""
    name = f"leaky_relu({slope:g})"
    return Curve(name, lambda z: np.where(z < 0, slope * z, z), (0.0,), straight=True)


@cache
def elu(alpha: float = 1.0) -> Curve:
    """Numbers below zero by alpha * (exp(z) - 1)."""
    name = f"elu({alpha:g})"
    return Curve(name, lambda z: np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z), (0.0,))


@dataclass(frozen=True, eq=False)
class Table:
    """An activation table, for t = 2**post * place, or minus that where it is mirrored."""

    activation: Activation
    post: int
    mirrored: bool
    error: float
    """The largest, of both roundings, in steps of the output: 0.5 is rounding alone."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A curve as straight pieces; places are in steps of the output.

    Mirrored, it is the curve of the negated place: a falling curve rises then, and the KPU rounds
    what rises.
    """

    curve: Curve
    y: Affine
    pieces: tuple[Piece, ...]
    low: float
    """The places between which the curve changes."""
    high: float
    mirrored: bool

    @property
    def slope(self) -> float:
        """The greatest of a piece, whichever way it goes."""
        return max(abs(p.slope) for p in self.pieces)

    def table(self, post: int) -> Table:
        """The table for t = 2**post * place."""
        half = 1 << (T_BITS - 1)
        segments = [(-half, 0, 0, self.pieces[0].bias)]
        for piece in self.pieces[1:]:
            mul, shift = fixed(piece.slope * 2.0**-post, MUL_BITS, MOST_SHIFT)
            start = int(np.clip(np.rint(np.ldexp(piece.start, post)), -half, half - 1))
            segments.append((start, mul, shift, piece.bias))
        unused = range(len(segments), SEGMENTS)
        segments += [(half - 1 - SEGMENTS + i, 0, 0, MOST_BYTE) for i in unused]
        start, mul, shift, bias = np.array(segments, np.int64).T
        activation = Activation(
            start, mul.astype(np.int16), shift.astype(np.uint8), bias.astype(np.uint8)
        )
        return Table(activation, post, mirrored=self.mirrored, error=self._error(activation, post))

    def _error(self, activation: Activation, post: int) -> float:
        """The largest of `activation` at many places, and around the ends of its pieces."""
        starts = [p.start for p in self.pieces]
        places = np.concatenate([np.linspace(self.low, self.high, DENSE), starts])
        t = np.rint(np.ldexp(places, post)).astype(np.int64)
        t = np.unique(np.concatenate([t, t[DENSE:] - 1, t[DENSE:] + 1]))
        one, none = np.ones(1, np.int64), np.zeros(1, np.int64)
        sign = -1 if self.mirrored else 1
        wanted = self.curve.steps(sign * np.ldexp(t.astype(np.float64), -post), self.y)
        wanted = np.clip(wanted, 0, MOST_BYTE)
        table, norms = wide(activation), Norms(one, none, none)
        ways: tuple[Rounding, ...] = ("half-up", "half-even")
        found = (exact(t[None], norms, table, way) for way in ways)
        return max(float(np.abs(y[0] - wanted).max()) for y in found)


def fit(curve: Curve, y: Affine, low: float, high: float) -> Fit:
    """The nearest pieces to `curve` between `low` and `high`, places in steps of the output."""
    straight, error = _fit(curve, y, low, high, mirrored=False)
    if all(p.slope >= 0 for p in straight.pieces):
        return straight
    mirrored, other = _fit(curve, y, low, high, mirrored=True)
    return mirrored if other < error else straight


def _fit(curve: Curve, y: Affine, low: float, high: float, *, mirrored: bool) -> tuple[Fit, float]:
    sign = -1 if mirrored else 1
    low, high = min(sign * low, sign * high), max(sign * low, sign * high)

    def steps(u: Array) -> Array:
        return curve.steps(sign * u, y)

    corners = [u for c in curve.corners if low <= (u := sign * c / y.scale) <= high]
    low_end, high_end = _changes(steps, low, high, corners)
    corners = [u for u in corners if low_end <= u <= high_end]
    x = np.unique(np.concatenate([np.linspace(low_end, high_end, GRID), corners]))
    crossings = _crossings(x, steps(x))
    x = np.unique(np.concatenate([x, crossings]))
    at = steps(x)
    near = np.abs(at - np.rint(at)) < 1e-6  # a crossing is an integer but for its last bits
    at[near] = np.rint(at[near])
    places = np.searchsorted(x, np.unique([low_end, *corners, *crossings]))
    if high > x[-1]:
        x, at = np.append(x, high), np.append(at, at[-1])
    pieces, error = Samples(x, np.clip(at, 0, MOST_BYTE), places).best()
    return Fit(curve, y, tuple(pieces), low_end, high_end, mirrored=mirrored), error


def _changes(
    steps: Callable[[Array], Array], low: float, high: float, corners: list[float]
) -> tuple[float, float]:
    """Where within `low` and `high` the curve, clipped to bytes, begins and ends to change."""
    u = np.sinh(np.linspace(np.arcsinh(low), np.arcsinh(high), 4 * GRID))
    u = np.unique(np.concatenate([u, corners]))
    at = np.clip(steps(u), 0, MOST_BYTE)
    begun, left = (np.flatnonzero(np.abs(at - end) > STRAIGHT) for end in (at[0], at[-1]))
    if not begun.size:
        return float(u[0]), float(u[0])
    return float(u[begun[0] - 1]), float(u[left[-1] + 1])


def _crossings(x: Array, at: Array) -> Array:
    """Where a curve of values `at` the places `x` passes the integers of 0..255, and halves."""
    at = 2 * at
    ends = np.minimum(at[:-1], at[1:]), np.maximum(at[:-1], at[1:])
    first = np.ceil(np.clip(ends[0], 0, 2 * MOST_BYTE + 1)).astype(np.int64)
    last = np.floor(np.clip(ends[1], -1, 2 * MOST_BYTE)).astype(np.int64)
    found = []
    for i in np.flatnonzero((first <= last) & (at[:-1] != at[1:])):
        part = (np.arange(first[i], last[i] + 1) - at[i]) / (at[i + 1] - at[i])
        found.append(x[i] + part * (x[i + 1] - x[i]))
    crossings = np.concatenate([np.zeros(0), *found])
    return crossings[:: 1 + len(crossings) // MOST_CROSSINGS]


def fixed(real: float, bits: int, most_shift: int) -> tuple[int, int]:
    """The nearest mul / 2**shift, mul of `bits` signed bits, the shift from 0 to `most_shift`."""
    most = (1 << (bits - 1)) - 1
    shift = most_shift
    while shift and abs(round(np.ldexp(real, shift))) > most:
        shift -= 1
    return max(-most, min(most, round(np.ldexp(real, shift)))), shift
