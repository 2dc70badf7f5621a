"""Batch normalisation and activation table of the KPU: from sums to bytes.

    t = ((sum * mul) >> shift) + add
    y = clip(round((t - start[i]) * mul[i], shift[i]) + bias[i]),  i the segment of t

`exact` says it in 64-bit integers. `Line` is the same in float64 where one segment alone has a
slope, as in nearly every file, and where bounds prove that nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypeVar

import numpy as np

from ascua.ir import Array
from ascua.kmodel import Activation, Norms
from ascua.kpu.rounding import ROUNDINGS, Rounding, clip8
from ascua.kpu.sums import EXACT64

CHUNK = 1 << 15
"""Sums that become bytes at once: their floats lie in a core's cache."""


T = TypeVar("T", Norms, Activation)


def wide(value: T) -> T:
    """The same in int64, in which it is computed."""
    return type(value)(*(getattr(value, f.name).astype(np.int64) for f in fields(value)))


def begins(table: Activation) -> Array:
    """From where on a segment or one behind it counts: never decreasing, int64 (16,)."""
    low: Array = np.minimum.accumulate(table.start[::-1])[::-1]
    return low


def segment(table: Activation, t: Array, rounding: Rounding) -> Array:
    """The last segment that begins at or before `t`; under half-even, before it.

    Where none does, it is the first one.
    """
    side: Literal["left", "right"] = "right" if rounding == "half-up" else "left"
    last: Array = np.maximum(np.searchsorted(begins(table), t, side) - 1, 0)
    return last


def reached(
    table: Activation, low: int, high: int, rounding: Rounding
) -> list[tuple[int, int, int]]:
    """The segments of every t from `low` to `high`: number, its first and its last t."""
    after = 0 if rounding == "half-up" else 1
    starts = [int(s) + after for s in begins(table)]
    firsts = [low, *(max(low, s) for s in starts[1:])]
    lasts = [*(min(high, s - 1) for s in starts[1:]), high]
    spans = zip(range(len(starts)), firsts, lasts, strict=True)
    return [(i, first, last) for i, first, last in spans if first <= last]


def exact(sums: Array, norms: Norms, table: Activation, rounding: Rounding) -> Array:
    """Bytes of `sums` (c, n), all int64; what leaves 64 bits wraps around."""
    t = ((sums * norms.mul[:, None]) >> norms.shift[:, None]) + norms.add[:, None]
    i = segment(table, t, rounding)
    y = ROUNDINGS[rounding]((t - table.start[i]) * table.mul[i], table.shift[i])
    return clip8(y + table.bias[i])


@dataclass(frozen=True, eq=False)
class Line:
    """y = clip(round(z * slope) + bias), z = floor(sum * factor + offset); constants elsewhere.

    `factor` and `offset` are float64 (c, 1). `constants` are ranges of z, with the byte there, that
    the line itself would not give.
    """

    factor: Array
    offset: Array
    slope: float
    bias: int
    half: float
    even: bool
    constants: tuple[tuple[int, int, int], ...] = ()

    def __call__(self, sums: Array, first: int) -> Array:
        """Bytes of exact `sums` (c, n) of the channels from `first` on."""
        channels = slice(first, first + len(sums))
        z = np.multiply(sums, self.factor[channels], dtype=np.float64)
        z += self.offset[channels]
        np.floor(z, out=z)
        places = [((z >= low) & (z <= high), byte) for low, high, byte in self.constants]
        z *= self.slope
        if self.even:
            np.rint(z, out=z)
            z += self.bias
        else:
            z += self.bias + self.half
            np.floor(z, out=z)
        np.clip(z, 0, 255, out=z)
        y = z.astype(np.uint8)
        for place, byte in places:
            y[place] = byte
        return y


def line(
    bounds: tuple[Array, Array],
    constant: Array,
    norms: Norms,
    table: Activation,
    rounding: Rounding,
) -> Line | None:
    """The line for sums within `bounds`, (c,) each, to which `constant` (c,) comes; or None.

    None where several segments with a slope, or none, can be reached, where that falls, or where a
    product might need more than the 53 bits of a float64. All arrays are int64.
    """
    low, high = ((constant + b).tolist() for b in bounds)
    mul, shift, add = (v.tolist() for v in (norms.mul, norms.shift, norms.add))
    t = [
        (end * m >> s) + a
        for ends in (low, high)
        for end, m, s, a in zip(ends, mul, shift, add, strict=True)
    ]
    spans = reached(table, min(t), max(t), rounding)
    sloped = [span for span in spans if table.mul[span[0]]]
    if len(sloped) != 1 or sloped[0][1] < table.start[sloped[0][0]]:
        return None
    i = sloped[0][0]
    start, y_mul, down, bias = (
        int(v[i]) for v in (table.start, table.mul, table.shift, table.bias)
    )
    # In units of 2**-shift: sum * mul, constant * mul and their sum, then add - start.
    norm_bits = max(
        2 * (max(abs(lo), abs(hi)) + abs(c)) * abs(m) + (abs(a) + abs(start) << s)
        for lo, hi, c, m, s, a in zip(low, high, constant.tolist(), mul, shift, add, strict=True)
    )
    # In units of 2**-(down + 1): z * slope, then bias and a half.
    z = max(abs(min(t) - start), abs(max(t) - start))
    if y_mul < 0 or max(norm_bits, 2 * z * abs(y_mul) + (2 * bias + 1 << down)) > EXACT64:
        return None
    half = 0.5 if rounding == "half-up" else 0.0
    slope, even = y_mul * 2.0**-down, rounding == "half-even"
    plain = Line(np.ones((1, 1)), np.zeros((1, 1)), slope, bias, half, even=even)
    constants = []
    for k, first, last in spans:
        ends, byte = (first - start, last - start), int(table.bias[k])
        if k != i and (plain(np.array([ends]), 0) != byte).any():  # it rises or falls throughout
            constants.append((*ends, byte))
    factor = np.ldexp(norms.mul.astype(np.float64), -norms.shift)
    offset = constant * factor + (norms.add - start)
    return Line(
        factor[:, None], offset[:, None], slope, bias, half, even=even, constants=tuple(constants)
    )
