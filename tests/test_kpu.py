"""The KPU's arithmetic: each rule by hand-computed integers, small layers by a scalar twin."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from ascua.ir import Array
from ascua.kmodel import KPU_BYTES, Conv, Layout
from ascua.kpu.convolution import Convolution
from ascua.kpu.pooling import POOLS
from ascua.kpu.ram import Ram
from ascua.kpu.rounding import Rounding, half_even, half_up, scaled32
from tests.support.convolutions import RELU, conv

BOTH: tuple[Rounding, ...] = ("half-up", "half-even")


def column(*values: int) -> Array:
    return np.array(values, np.int64)


def test_half_up_looks_at_one_bit_below() -> None:
    x = column(7, 8, 9, 23, 24, 25, -1, -8, -9, -16, -17, 0)
    assert half_up(x, 4).tolist() == [0, 1, 1, 1, 2, 2, -2, -2, -1, -1, -3, 0]
    assert half_up(x, 0).tolist() == x.tolist()


def test_half_even_takes_the_even_neighbor() -> None:
    x = column(7, 8, 9, 23, 24, 25, 40, -1, -8, -9, -24, -25, -40)
    assert half_even(x, 4).tolist() == [0, 0, 1, 1, 2, 2, 2, -2, -2, -1, -2, -2, -4]
    assert half_even(x, 0).tolist() == x.tolist()


@pytest.mark.parametrize("shift", [62, 63, 64, 65, 200, 255])
def test_shifts_beyond_the_word(shift: int) -> None:
    """As of integers without bounds, which Python has."""
    x = [2**63 - 1, 2**62, 2**62 + 1, 1, 0, -1, -(2**62), -(2**63)]

    def up(v: int) -> int:
        g = v >> (shift - 1)
        return (g >> 1) + (g & 1) * (1 if g >= 0 else -1)

    def even(v: int) -> int:
        q, rest = v >> shift, v & ((1 << shift) - 1)
        away = 2 * rest > 1 << shift or (2 * rest == 1 << shift and q & 1)
        return q + bool(away) * (1 if v >= 0 else -1)

    assert half_up(column(*x), shift).tolist() == [up(v) for v in x]
    assert half_even(column(*x), shift).tolist() == [even(v) for v in x]


def test_scaling_of_version_4() -> None:
    assert scaled32(column(3, -3, 5, 2), 3, 1).tolist() == [5, -4, 8, 3]
    assert scaled32(column(3, -3), 3, 0).tolist() == [9, -9]
    assert scaled32(column(2**31), 1, 0).tolist() == [-(2**31)]


@pytest.mark.parametrize("w", [4, 16, 17, 32, 33, 64, 65, 128, 129])
@pytest.mark.parametrize("c", [1, 2, 3, 4, 5, 8])
def test_layout(w: int, c: int) -> None:
    """Every byte is where the formula says, and no other byte changes."""
    h, line = 3, 5
    g, pitch = (4, 16) if w <= 16 else (2, 32) if w <= 32 else (1, 64)
    row_len = (w + 63) // 64
    x = np.random.default_rng(w * c).integers(1, 256, (c, h, w)).astype(np.uint8)
    ram = Ram(*(np.zeros(n, np.uint8) for n in (0, 0, KPU_BYTES)))
    place = Layout(w, h, c)
    assert place.lines == row_len * h * -(-c // min(c, g))
    ram.store(line * 64, place, x)
    expected = np.zeros_like(ram.kpu)
    for k, y, i in np.ndindex(c, h, w):
        at = line * 64 + (k // g) * row_len * h * 64 + (k % g) * pitch + y * row_len * 64 + i
        expected[at] = x[k, y, i]
    assert (ram.kpu == expected).all()
    assert (ram.image(line * 64, place) == x).all()


WINDOW = np.array([
    [10, 20, 30, 41],
    [50, 61, 7, 8],
    [1, 2, 255, 254],
    [3, 5, 253, 255],
], np.uint8)[None]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), [
    (0, WINDOW[0].tolist()),
    (1, [[61, 41], [5, 255]]),
    (2, [[35, 21], [2, 254]]),  # 141 // 4, 86 // 4, 11 // 4, 1017 // 4
    (3, [[255]]),
    (4, [[78]]),  # 1255 // 16
    (5, [[10, 30], [1, 255]]),
    (6, [[20, 41], [2, 254]]),
    (7, [[10]]),
    (8, [[35, 29, 21, 24], [28, 81, 131, 131], [2, 128, 254, 254], [4, 129, 254, 255]]),
    (9, [[61, 61, 41, 41], [61, 255, 255, 254], [5, 255, 255, 255], [5, 253, 255, 255]]),
])  # fmt: skip
def test_pools(code: int, expected: list[list[int]]) -> None:
    pool = POOLS[code]
    rows, columns = pool.places(4, 4)
    assert pool.apply(WINDOW[:, rows, columns])[0].tolist() == expected
    assert pool.size(4, 4) == (len(expected), len(expected[0]))


@pytest.mark.parametrize("code", POOLS)
def test_pools_leave_out_what_no_window_covers(code: int) -> None:
    pool = POOLS[code]
    image = np.arange(7 * 9, dtype=np.uint8).reshape(1, 7, 9)
    rows, columns = pool.places(7, 9)
    assert pool.apply(image[:, rows, columns]).shape[1:] == pool.size(7, 9)


def pixel(c: Conv, image: Array, place: tuple[int, int, int], rounding: Rounding) -> int:
    """One byte before any pool, from the specification's formulas, in Python's integers."""
    (o, y, x), r = place, c.registers
    sx = sw = sxw = 0
    for i, ky, kx in product(range(c.weights.shape[1]), range(c.k), range(c.k)):
        yy, xx = y + ky - c.k // 2, x + kx - c.k // 2
        inside = 0 <= yy < image.shape[1] and 0 <= xx < image.shape[2]
        a = int(image[o if c.depthwise else i, yy, xx]) if inside else r.pad_value
        b = int(c.weights[o, i, ky, kx])
        sx, sw, sxw = sx + a, sw + b, sxw + a * b
    acc = sxw + ((r.arg_x * sx) >> r.shr_x) + ((r.arg_w * sw) >> r.shr_w)
    acc += r.arg_add * c.weights.shape[1]
    mul, add, shift = (int(v[o]) for v in (c.norms.mul, c.norms.add, c.norms.shift))
    t = (wrapped(acc * mul) >> shift) + add
    a = c.activation
    rows = [tuple(map(int, v)) for v in zip(a.start, a.mul, a.shift, a.bias, strict=True)]
    begun = [i for i in range(16) if rows[i][0] < t or (rows[i][0] == t and rounding == BOTH[0])]
    start, y_mul, down, bias = rows[max(begun, default=0)]
    return min(255, max(0, rounded(wrapped((t - start) * y_mul), down, rounding) + bias))


def wrapped(v: int) -> int:
    return (v + 2**63) % 2**64 - 2**63


def rounded(p: int, down: int, rounding: Rounding) -> int:
    if down == 0:
        return p
    away = 1 if p >= 0 else -1
    if rounding == "half-up":
        g = p >> (down - 1)
        return (g >> 1) + (g & 1) * away
    q, twice = p >> down, 2 * (p & ((1 << down) - 1))
    return q + (away if twice > 1 << down or (twice == 1 << down and q & 1) else 0)


def computed(c: Conv, x: Array, rounding: Rounding = "half-up") -> Array:
    return Convolution.of(c, rounding)(x)


ONE = np.ones((1, 1, 1, 1), np.int64)


@pytest.mark.parametrize(("rounding", "expected"), [
    ("half-up", [[0, 1, 1, 1, 2, 2, 3, 16]]), ("half-even", [[0, 0, 1, 1, 2, 2, 2, 16]])
])  # fmt: skip
def test_ties(rounding: Rounding, expected: list[list[int]]) -> None:
    """Sums over 16, in a table as the real files have: 8, 24 and 40 are ties."""
    x = np.array([[7, 8, 9, 23, 24, 25, 40, 255]], np.uint8)[None]
    layer = conv(ONE, (1, 8), norms=[(1 << 7, 0, 0)], segments=RELU)
    assert computed(layer, x, rounding)[0].tolist() == expected
    exact = conv(16 * ONE, (1, 8), norms=[(1 << 7, 0, 0)], segments=RELU)
    assert computed(exact, x, rounding)[0].tolist() == x[0].tolist()


def test_zero_points() -> None:
    """(x - 3) * (w - 5) summed: 4 * 2 + 7 * -4 + 0 = -20, and 30 more."""
    x = np.array([7, 10, 3], np.uint8).reshape(3, 1, 1)
    w = np.array([7, 1, 200]).reshape(1, 3, 1, 1)
    identity = [(0, 1, 0, 0), *[(2**35 - 1, 0, 0, 255)] * 15]
    for args in (
        {"arg_x": -5, "arg_w": -3, "arg_add": 15},
        {"arg_x": -5 << 15, "shr_x": 15, "arg_w": -3 << 12, "shr_w": 12, "arg_add": 15},
    ):
        layer = conv(w, (1, 1), norms=[(1, 30, 0)], segments=identity, **args)
        assert computed(layer, x).tolist() == [[[10]]]
        assert pixel(layer, x, (0, 0, 0), "half-up") == 10


def test_zero_points_that_shifts_cut() -> None:
    """(-11 * 20) >> 3 = -28 for the activations, (5 * 208) >> 5 = 32 for the weights."""
    x = np.array([7, 10, 3], np.uint8).reshape(3, 1, 1)
    w = np.array([7, 1, 200]).reshape(1, 3, 1, 1)
    identity = [(0, 1, 0, 0), *[(2**35 - 1, 0, 0, 255)] * 15]
    layer = conv(w, (1, 1), norms=[(1, -500, 0)], segments=identity, arg_x=-11, shr_x=3, arg_w=5,
                 shr_w=5)  # fmt: skip
    assert computed(layer, x).tolist() == [[[659 - 28 + 32 - 500]]]


def test_padding_reads_its_byte() -> None:
    x = np.full((1, 4, 4), 10, np.uint8)
    w = np.ones((1, 1, 3, 3), np.int64)
    y = computed(conv(w, (4, 4), norms=[(2048, 0, 0)], segments=RELU, pad_value=2), x)[0]
    assert y.tolist() == [[50, 66, 66, 50], [66, 90, 90, 66], [66, 90, 90, 66], [50, 66, 66, 50]]


@pytest.mark.parametrize("rounding", BOTH)
def test_segments_may_be_in_any_order(rounding: Rounding) -> None:
    """The highest number counts, so one that begins later and has a lower number never does."""
    segments = [(0, 0, 0, 1), (50, 0, 0, 2), (20, 0, 0, 3), (20, 0, 0, 4), (99, 0, 0, 5),
                *[(2**35 - 1, 0, 0, 255)] * 11]  # fmt: skip
    x = np.array([[0, 19, 20, 21, 50, 60, 98, 99, 100]], np.uint8)[None]
    layer = conv(ONE, (1, 9), norms=[(1, 0, 0)], segments=segments)
    expected = {"half-up": [1, 1, 4, 4, 4, 4, 4, 5, 5], "half-even": [1, 1, 1, 4, 4, 4, 4, 4, 5]}
    assert computed(layer, x, rounding)[0, 0].tolist() == expected[rounding]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("code", POOLS)
def test_the_largest_sums(bits: int, code: int) -> None:
    """1024 channels of 255 under the largest weights, scaled down to 255 and to 127."""
    w = np.full((2, 1024, 3, 3), (1 << bits) - 1)
    w[1, :, :, :1] = 0  # 6 of 9 taps
    x = np.full((1024, 4, 4), 255, np.uint8)
    one = (1 << bits) - 1
    norms = [(1, 0, 0), (1, 0, 0)]
    segments = [(0, 1, 15, 0), *[(2**35 - 1, 0, 0, 255)] * 15]
    layer = conv(w, (4, 4), norms=norms, segments=segments, pool=code, pad_value=255,
                 arg_add=-9 * 255 * one + 9)  # fmt: skip
    whole = (0, 9 * 1024), (1, 9 * 1024 - 3 * 1024 * 255 * one)
    expected = [min(255, max(0, (t + 2**14) >> 15)) for _, t in whole]
    y = computed(layer, x)
    assert [sorted(set(c.reshape(-1).tolist())) for c in y] == [[v] for v in expected]


@pytest.mark.parametrize("rounding", BOTH)
def test_segments_begin_with_or_behind_their_start(rounding: Rounding) -> None:
    """A line between two constants, each of another byte than the line has there."""
    segments = [(-(2**35), 0, 0, 7), (10, 1, 0, 20), (200, 0, 0, 3),
                *[(2**35 - 1, 0, 0, 255)] * 13]  # fmt: skip
    x = np.arange(256, dtype=np.uint8).reshape(1, 1, 256)
    prepared = Convolution.of(conv(ONE, (1, 256), norms=[(1, 0, 0)], segments=segments), rounding)
    assert prepared.line
    y, late = prepared(x)[0, 0], int(rounding == "half-even")
    assert set(y[: 10 + late].tolist()) == {7}
    assert y[10 + late : 200 + late].tolist() == list(range(20 + late, 210 + late))
    assert set(y[200 + late :].tolist()) == {3}


def test_products_that_floats_would_lose() -> None:
    """2.5 less 2**-52 is 2; in float64 it would be 2.5, and then 3."""
    y_mul, down = 30_729, 52
    z, rest = divmod(2 * 2**52 + 2**51 - 1, y_mul)
    assert not rest
    segments = [(0, 0, 0, 0)] * 15 + [(0, y_mul, down, 0)]
    layer = conv(ONE, (1, 1), norms=[(2**22, z % 2**22, 0)], segments=segments,
                 arg_add=z // 2**22)  # fmt: skip
    x = np.zeros((1, 1, 1), np.uint8)
    assert computed(layer, x).tolist() == [[[2]]]
    assert pixel(layer, x, (0, 0, 0), "half-up") == 2


def random_layer(rng: np.random.Generator, *, wild: bool, pool: int) -> tuple[Conv, Array]:
    """Small, of any kind; `wild` fields lie at their edges, others as compilers choose them."""
    depthwise, k = bool(rng.integers(2)), int(rng.choice([1, 3]))
    ic = int(rng.integers(1, 6))
    oc, per = (ic, 1) if depthwise else (int(rng.integers(1, 5)), ic)
    h, w = (int(v) for v in rng.integers(4, 8, 2))
    bits = int(rng.choice([8, 16]))
    x = rng.integers(0, 256, (ic, h, w)).astype(np.uint8)
    weights = rng.integers(0, 1 << bits, (oc, per, k, k))
    zx, zw = int(rng.integers(256)), int(rng.integers(1 << bits))

    def edge(low: int, high: int) -> int:
        return int(rng.choice([low, low + 1, 0, 1, high - 1, high, rng.integers(low, high + 1)]))

    if wild:
        signed = {n: (-(1 << n - 1), (1 << n - 1) - 1) for n in (16, 24, 32, 36, 40)}
        args = {"arg_x": edge(*signed[24]), "arg_w": edge(*signed[24]), "shr_x": edge(0, 15),
                "shr_w": edge(0, 15), "arg_add": edge(*signed[40]),
                "pad_value": edge(0, 255)}  # fmt: skip
        norms = [(edge(*signed[24]), edge(*signed[32]), edge(0, 15)) for _ in range(oc)]
        segments = [
            (edge(*signed[36]), edge(*signed[16]), edge(0, 63), edge(0, 255)) for _ in range(16)
        ]
    else:
        args = {"arg_x": -zw << 3, "shr_x": 3, "arg_w": -zx << 5, "shr_w": 5,
                "arg_add": zw * zx * k * k, "pad_value": zx}  # fmt: skip
        norms = [
            (
                int(rng.integers(1 << 18, 1 << 20)) >> bits - 8,
                int(rng.integers(-(2**18), 2**18)),
                15,
            )
            for _ in range(oc)
        ]
        segments = leaky(rng)
    return conv(weights, (h, w), norms=norms, segments=segments, depthwise=depthwise, pool=pool,
                **args), x  # fmt: skip


def leaky(rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """A table of one to three slopes between constants, of which some are reached."""
    count = int(rng.integers(1, 4))
    starts = sorted(int(v) for v in rng.integers(-(2**16), 2**18, count))
    slopes = [(s, int(rng.integers(-300, 300)), 16, int(rng.integers(256))) for s in starts]
    last = (starts[-1] + (1 << 17), 0, 0, int(rng.integers(256)))
    return [(-(2**35), 0, 0, slopes[0][3]), *slopes, *[last] * (15 - count)]


@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize("rounding", BOTH)
def test_small_layers_equal_the_scalar_twin(rounding: Rounding, wild: bool) -> None:
    rng = np.random.default_rng(7 + wild)
    ways, values = set(), set()
    for i in range(60):
        pool = i % 10
        layer, x = random_layer(rng, wild=wild, pool=pool)
        c, (h, w) = layer.oc, x.shape[1:]
        places = np.ndindex(c, h, w)
        whole = np.array([pixel(layer, x, p, rounding) for p in places], np.uint8)
        rows, columns = POOLS[pool].places(h, w)
        expected = POOLS[pool].apply(whole.reshape(c, h, w)[:, rows, columns])
        prepared = Convolution.of(layer, rounding)
        assert (prepared(x) == expected).all(), layer
        ways.add(prepared.line is None)
        values |= set(expected.reshape(-1).tolist())
    assert len(values) > (10 if wild else 150)
    assert wild or ways == {False, True}


@pytest.mark.parametrize("rounding", BOTH)
def test_the_line_equals_the_integers(rounding: Rounding) -> None:
    """Tables of one slope, with what the line must not cover, at every kind of edge."""
    rng = np.random.default_rng(3)
    seen = []
    for _ in range(300):
        layer, x = random_layer(rng, wild=False, pool=0)
        prepared = Convolution.of(layer, rounding)
        if prepared.line:
            assert (prepared(x) == replace(prepared, line=None)(x)).all(), layer
            seen.append(len(prepared.line.constants))
    assert set(seen) >= {0, 1, 2}


@pytest.mark.parametrize(("shape", "depthwise", "code"), [
    ((70, 33, 65, 3), False, 0), ((70, 34, 66, 3), False, 5), ((9, 30, 512, 3), False, 7),
    ((70, 33, 65, 3), True, 0), ((200, 40, 40, 1), False, 6), ((1024, 4, 5, 1), True, 1),
])  # fmt: skip
@pytest.mark.parametrize("bits", [8, 16])
def test_large_layers_in_parts(
    shape: tuple[int, int, int, int], depthwise: bool, code: int, bits: int
) -> None:
    """Against sums of whole arrays of integers."""
    c, h, w, k = shape
    rng = np.random.default_rng(5)
    x = rng.integers(0, 256, (c, h, w)).astype(np.uint8)
    kernel = rng.integers(0, 1 << bits, (c if depthwise else 5, 1 if depthwise else c, k, k))
    zero = 1 << bits - 1
    down = int(bits + np.log2(kernel[0].size) / 2)
    first, last = -128 << down, 100 << down
    segments = [(-(2**35), 0, 0, 1), (first, 1 << 12, down + 12, 0), (last, 0, 0, 3),
                *[(2**35 - 1, 0, 0, 255)] * 13]  # fmt: skip
    layer = conv(kernel, (h, w), norms=[(1 << 4, 0, 4)] * len(kernel), segments=segments,
                 depthwise=depthwise, pool=code, pad_value=9, arg_x=-zero)  # fmt: skip
    edge = k // 2
    padded = np.pad(x.astype(np.int64), [(0, 0), (edge, edge), (edge, edge)], constant_values=9)
    sums = np.zeros((len(kernel), h, w), np.int64)
    for ky, kx in product(range(k), range(k)):
        taps, part = padded[:, ky : ky + h, kx : kx + w], kernel[:, :, ky, kx] - zero
        sums += part[:, :, None] * taps if depthwise else np.tensordot(part, taps, 1)
    line = np.clip((sums - first + (1 << down - 1)) >> down, 0, 255)
    whole = np.where(sums < first, 1, np.where(sums < last, line, 3)).astype(np.uint8)
    pool = POOLS[code]
    rows, columns = pool.places(h, w)
    prepared = Convolution.of(layer, "half-up")
    assert (prepared(x) == pool.apply(whole[:, rows, columns])).all()
    assert prepared.line
    assert len(np.unique(whole)) > 100
