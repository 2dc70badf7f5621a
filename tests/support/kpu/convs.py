"""Random layers of the KPU, whose outputs are neither all 0 nor all 255.

What multiplies and adds is drawn first, then the sums of a few random windows are computed, and
batch-norm and activation table are laid where those sums are. Bounds keep all of it in 64 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .pack import Array, Conv

LOWEST, HIGHEST = -(1 << 35), (1 << 35) - 1
"""Of x_start."""
RC5_STARTS = tuple(
    (int(s, 16) + (1 << 35)) % (1 << 36) - (1 << 35)
    for s in (
        "800000000", "f7d4cf4b8", "f8ed5a20c", "fa05e4f60", "fb2e05baa", "fc46908fe", "fd5f1b652",
        "fe77a63a6", "ff9fc6ff0", "fffd4a9b7", "0", "7FFFFFFF0", "7FFFFFFF1", "7FFFFFFF2",
        "7FFFFFFF3", "7FFFFFFF4",
    )
)  # fmt: skip
Segment = tuple[int, int, int, int]
"""x_start, mul, shift, bias."""


@dataclass(frozen=True)
class Sizes:
    """Of a layer that is wanted."""

    ic: int
    oc: int
    h: int
    w: int
    kernel: int = 1
    depthwise: bool = False
    pool: int = 0
    wide: bool = False


def extract(v: float, bits: int, most: int) -> tuple[int, int]:
    """A factor and a shift (at most `most`) for `v`, as rc5 makes them."""
    if v == 0:
        return 0, 0
    e = math.frexp(v)[1]
    shift = min(most, bits - 1 - e) if abs(v) > 1 else min(most + e, bits - 1) - e
    return round(math.ldexp(v, shift)), shift


def _corrections(rng: np.random.Generator, s: Sizes, zx: int, zw: int, *, plain: bool) -> tuple[
    tuple[int, int], tuple[int, int], int
]:  # fmt: skip
    """arg_x with shr_x, arg_w with shr_w, arg_add: as a compiler has them, or at their edges."""
    style = rng.choice(["plain", "normalized", "any", "edge"], p=[0.35, 0.35, 0.2, 0.1])
    if plain:
        style = rng.choice(["plain", "normalized"])
    add = zx * zw * s.kernel * s.kernel
    if style == "plain":
        return (-zw, 0), (-zx, 0), add
    if style == "normalized":
        return extract(-zw, 24, 15), extract(-zx, 24, 15), add
    if style == "edge":
        ends, shifts = [-(1 << 23), (1 << 23) - 1, -1, 1], [0, 15]
        x, w = (int(rng.choice(ends)), int(rng.choice(shifts))), (int(rng.choice(ends)), 15)
        return x, w, int(rng.choice([-(1 << 39), (1 << 39) - 1]))
    shifts = [min(int(v), 22 - z.bit_length()) for v, z in zip(rng.integers(0, 16, 2), (zw, zx),
                                                               strict=True)]  # fmt: skip
    x = (-(zw << shifts[0]) + int(rng.integers(-99, 100)), shifts[0])
    w = (-(zx << shifts[1]) + int(rng.integers(-99, 100)), shifts[1])
    return x, w, int(rng.integers(-(1 << 30), 1 << 30)) // (1 if s.depthwise else s.ic)


def _sums(rng: np.random.Generator, s: Sizes, weights: Array, x: tuple[int, int],
          w: tuple[int, int], add: int) -> tuple[Array, int]:  # fmt: skip
    """Sums of random windows (samples, some channels), and a bound of any."""
    taps = weights.shape[1]
    some = weights[:: max(1, len(weights) // 6)]
    xs = rng.integers(0, 256, (40, taps))
    times = 1 if s.depthwise else s.ic
    sums = xs @ some.T + ((x[0] * xs.sum(1)) >> x[1])[:, None]
    sums += (w[0] * some.sum(1)) >> w[1]
    most = 65535 if s.wide else 255
    bound = taps * 255 * most + (abs(x[0]) * taps * 255 >> x[1])
    bound += (abs(w[0]) * taps * most >> w[1]) + abs(add) * times + 2
    return sums + add * times, bound


def _too_much(bound: int, mul: int, shift: int, middle: float) -> bool:
    """Whether a product leaves 64 bits, or all sums the reach of norm_add and x_start."""
    product = bound * abs(mul)
    return product >= 1 << 62 or product >> shift >= 1 << 46 or abs(middle * mul) / 2**shift > 2**34


def _norms(rng: np.random.Generator, s: Sizes, sums: Array, bound: int, *, plain: bool) -> tuple[
    tuple[tuple[int, int, int], ...], Array
]:  # fmt: skip
    """Batch-norm that spreads the sums over a power of two, and what it makes of them."""
    log_t = 16 if plain else int(rng.choice([6, 8, 10, 16, 18, 24, 30]))
    spread = float(np.std(sums)) or 1.0
    middle = float(np.median(sums))
    same = int(rng.integers(0, 16)) if rng.random() < 0.3 else None
    norms: list[tuple[int, int, int]] = []
    for _ in range(s.oc):
        shift = same if same is not None else int(rng.choice([0, 15, rng.integers(0, 16)]))
        shift = 15 if _too_much(bound, 1, shift, middle) else shift
        factor = 2.0**log_t / spread * rng.uniform(0.5, 2) * rng.choice([1, 1, 1, -1])
        mul = round(max(-8388608, min(8388607, factor * 2**shift)))
        mul = mul or int(rng.choice([1, -1]))
        if not plain and rng.random() < 0.03:
            mul = int(rng.choice([-8388608, 8388607, 0, 1, -1]))
        while abs(mul) > 1 and _too_much(bound, mul, shift, middle):
            mul = mul // 2 if mul > 0 else -(-mul // 2)
        add = round(-middle * mul / 2**shift) + round(abs(rng.normal(0, 2.0**log_t)) / 2)
        if not plain and rng.random() < 0.02:
            add = int(rng.choice([-(1 << 31), (1 << 31) - 1]))
        norms.append((mul, max(-(1 << 31), min((1 << 31) - 1, add)), shift))
    t = [((sums[:, i % sums.shape[1]] * m) >> sh) + a for i, (m, a, sh) in enumerate(norms[:64])]
    return tuple(norms), np.concatenate(t)


def _slope(rng: np.random.Generator, span: int) -> tuple[int, int]:
    """A factor and a shift that make of `span` some 0 … 400: small factors tie often."""
    wanted = rng.uniform(10, 400) / max(span, 1)
    bits = int(rng.choice([1, 1, 2, 4, 8, 15]))
    shift = min(60, max(0, bits - math.frexp(wanted)[1]))
    return min(32767, max(1, round(wanted * 2**shift))), shift


def _random_table(rng: np.random.Generator, t: Array) -> list[Segment]:
    """Segments that begin at sums which occur."""
    low, high = int(np.quantile(t, 0.05)), int(np.quantile(t, 0.95))
    count = int(rng.integers(1, 15))
    inside = {int(v) for v in rng.choice(t, count)} if count > 1 else {low}
    starts = sorted(v for v in inside if LOWEST < v <= HIGHEST - 16)
    segments: list[Segment] = []
    for i, start in enumerate([LOWEST, *starts]):
        end = starts[i] if i < len(starts) else max(high, start + 1)
        first = i == 0 and rng.random() < 0.6
        mul, shift = (0, 0) if first else _slope(rng, max(1, end - start))
        segments.append((start, mul, shift, int(rng.choice([0, 255, rng.integers(0, 256)]))))
    if rng.random() < 0.1:
        i = int(rng.integers(0, len(segments)))
        start, _, _, bias = segments[i]
        segments[i] = (start, int(rng.choice([32767, 1])), int(rng.choice([0, 63])), bias)
    return segments + [(HIGHEST - 15 + i, 0, 0, 255) for i in range(len(segments), 16)]


def _table(rng: np.random.Generator, t: Array) -> tuple[list[Segment], tuple[str, ...]]:
    """An activation table, and what it has that nothing specifies."""
    style = rng.choice(["rc5", "relu6", "random", "odd"], p=[0.15, 0.15, 0.58, 0.12])
    post = max(1, int(np.quantile(np.abs(t), 0.8)) // 200)
    if post > 1 << 16:  # a slope that a compiler cannot write: all would be 0
        style = "random"
    if style == "rc5":
        mul, shift = extract(1 / post, 16, 20)
        return [(start, min(mul, 32767) * (i == 10), shift * (i == 10), 0)
                for i, start in enumerate(RC5_STARTS)], ()  # fmt: skip
    if style == "relu6":
        mul, shift = extract(1 / post, 16, 20)
        zero = int(rng.choice([0, 0, rng.integers(0, 256)]))
        rest = [(2**35 - 17 + e, 0, 0, 255) for e in range(2, 16)]
        return [(LOWEST, 0, 0, zero), (0, min(mul, 32767), shift, zero), *rest], ()
    segments = _random_table(rng, t)
    if style == "random":
        return segments, ()
    what = rng.choice(["order", "falling", "whole", "lowest"])
    if what == "order":
        order = [0, *(int(i) for i in rng.permutation(np.arange(1, 16)))]
        return [segments[i] for i in order], ()
    if what == "whole":  # a slope below 0, and nothing to round
        return [(start, -int(rng.integers(1, 9)), 0, int(rng.integers(0, 256)))
                for start, *_ in segments], ()  # fmt: skip
    if what == "falling":
        signs = rng.choice([-1, 1], 16)
        return [(start, -32768 if mul == 32767 else int(sign) * mul, shift, bias)
                for sign, (start, mul, shift, bias) in zip(signs, segments, strict=True)
                ], ()  # fmt: skip
    lowest = max(LOWEST, min(HIGHEST - 16, int(np.median(t))))
    return [(lowest, *segments[0][1:]), *segments[1:]], ("below all segments",)


def _linear_table(t: Array) -> list[Segment]:
    """One segment that makes 0 … 255 of the middle of what occurs."""
    low, high = int(np.quantile(t, 0.05)), int(np.quantile(t, 0.95))
    mul, shift = extract(255 / max(1, high - low), 15, 40)
    low = max(LOWEST + 1, min(HIGHEST - 16, low))
    tops = [(HIGHEST - 14 + i, 0, 0, 255) for i in range(14)]
    return [(LOWEST, 0, 0, 0), (low, min(32767, max(1, mul)), shift, 0), *tops]


def random_conv(
    rng: np.random.Generator, s: Sizes, *, plain: bool = False
) -> tuple[Conv, tuple[str, ...]]:
    """A layer of those sizes, and what in it nothing specifies.

    A `plain` one has no such, nothing at an edge, and bytes of many values: others read them.
    """
    taps = s.kernel**2 * (1 if s.depthwise else s.ic)
    most = 65535 if s.wide else 255
    weights = rng.integers(0, most + 1, (s.oc, taps))
    if rng.random() < 0.1:
        weights = rng.choice([0, most], (s.oc, taps))
    zx = int(rng.choice([0, 128, 255, rng.integers(0, 256)]))
    zw = int(rng.choice([0, most // 2, most, rng.integers(0, most + 1)]))
    x, w, add = _corrections(rng, s, zx, zw, plain=plain)
    pad = zx if rng.random() < 0.8 else int(rng.integers(0, 256))
    sums, bound = _sums(rng, s, weights, x, w, add)
    norms, t = _norms(rng, s, sums, bound, plain=plain)
    segments, silent = (_linear_table(t), ()) if plain else _table(rng, t)
    return Conv(s.ic, s.oc, s.h, s.w, s.kernel, s.depthwise, s.pool, pad, x, w, add, weights,
                norms, tuple(segments), s.wide), silent  # fmt: skip
