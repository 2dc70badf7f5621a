"""The slow simulator of kmodel files against numbers computed here, each rule of it once.

It is the oracle of the package's simulator, so it has none itself but the specification: what is
expected is written out, in plain integers.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.support.kpu import v3_cases, v4_cases
from tests.support.kpu.case import differing
from tests.support.kpu.cases import cases
from tests.support.kpu.pack import BYTE, FLOAT, REGISTERS, V3, V4, Conv, Range, fields, lines
from tests.support.kpu.slow import Refused, State, run
from tests.support.tools import require_programs

MODELS = Path(__file__).parents[2] / "shared" / "models" / "k210"
LOWEST, HIGHEST = -(1 << 35), (1 << 35) - 1
Segment = tuple[int, int, int, int]
Array = np.ndarray
ROUNDINGS = ("half-up", "half-even")


@pytest.fixture(autouse=True)
def _compiler() -> None:
    require_programs("gcc", "cc")


def table(*segments: Segment) -> tuple[Segment, ...]:
    """Those, and above them what nothing reaches."""
    return segments + ((HIGHEST, 0, 0, 255),) * (16 - len(segments))


SAME = table((LOWEST, 0, 0, 0), (-1, 1, 0, 0))
"""With norm_add -1: a sum of 0 … 255 is what comes out."""


def layer(weights: Sequence[Sequence[int]], h: int = 4, w: int = 4, **more: object) -> Conv:
    """A convolution that adds up products, but for what `more` says."""
    kernels = np.array(weights)
    oc, taps = kernels.shape
    plain = Conv(
        taps, oc, h, w, 1, False, 0, 0, (0, 0), (0, 0), 0, kernels, ((1, -1, 0),) * oc, SAME
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def answers(conv: Conv, x: Array, rounding: str = "half-up", src: int = 64, dst: int = 512,
            state: Callable[[State], None] | None = None) -> list[Array]:  # fmt: skip
    """What both versions make of (c, h, w); version 4 has no 16-bit weights."""
    f3 = V3(wide=conv.wide)
    count = int(np.prod(conv.shape))
    at = f3.place(count)
    f3.conv(conv, src, dst, at)
    y = f3.place(4 * count)
    f3.add(12, 1, at, y, count, 1.0, 0.0)
    f3.output(y, count)
    (third,) = run(f3.data, x.astype(np.uint8), rounding=rounding, state=state)
    found = [np.frombuffer(third, np.float32).astype(int).reshape(conv.shape)]
    if not conv.wide:
        f4 = V4()
        f4.inputs.append(f4.map(src, conv.ic, conv.h, conv.w))
        f4.outputs.append(f4.tensor(BYTE, 1, *conv.shape))
        f4.conv(conv, src, dst, f4.outputs[0])
        (fourth,) = run(f4.data, x.astype(np.uint8), rounding=rounding, state=state)
        found.append(np.frombuffer(fourth, np.uint8).astype(int).reshape(conv.shape))
    return found


def check(conv: Conv, x: Array, expected: object, rounding: str = "half-up") -> None:
    """Both versions make `expected` of x."""
    for y in answers(conv, x, rounding):
        np.testing.assert_array_equal(y, expected)


def ramp(c: int = 1, h: int = 4, w: int = 4) -> Array:
    """0, 1, 2 … in the order of CHW, modulo 256."""
    return np.arange(c * h * w).reshape(c, h, w) % 256


def test_zero_points_are_taken_off_by_two_sums_and_a_number_a_channel() -> None:
    # V3's way to write -165 is -5406720 >> 15. The sum of weights has its own shift, and floors.
    conv = layer([[9, 200]], x=(-5406720, 15), weight=(-7, 1), add=30000,
                 norms=((1, -53000, 0),))  # fmt: skip
    x = np.full((2, 4, 4), 50)
    total = 50 * 9 + 50 * 200 + (-5406720 * 100 >> 15) + (-7 * 209 >> 1) + 30000 * 2
    assert (-7 * 209 >> 1, total) == (-732, 53218)
    check(conv, x, 53218 - 53000 + 1)


def test_batch_norm_floors_and_then_adds() -> None:
    # -3 · 5 >> 2 is -4, not -3; bits 23 and 31 are signs.
    conv = layer([[1]], add=-9, norms=((5, 4, 2),), segments=table((-1, 1, 0, 0)))
    check(conv, np.full((1, 4, 4), 6), 1)
    t = 9 * -8388608 - (1 << 31)
    low = layer([[1]], norms=((-8388608, -(1 << 31), 0),), segments=table((t - 77, 1, 0, 0)))
    check(low, np.full((1, 4, 4), 9), 77)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [("half-up", [0, 1, 1, 2, 2, 3, 3, 4]), ("half-even", [7, 0, 1, 2, 2, 2, 3, 4])],
)
def test_ties_of_the_activation_and_where_a_segment_begins(
    rounding: str, expected: list[int]
) -> None:
    conv = layer([[1]], w=8, norms=((1, 0, 0),), segments=table((LOWEST, 0, 0, 7), (0, 1, 1, 0)))
    check(conv, np.tile(np.arange(8), (1, 4, 1)), np.tile(expected, (1, 4, 1)), rounding)


@pytest.mark.parametrize(
    ("rounding", "shift", "expected"),
    [
        ("half-up", 1, [9, 9, 8, 8, 7]),  # -1/2, -3/2, -5/2 go away from zero
        ("half-even", 1, [10, 9, 8, 8, 8]),
        ("half-up", 2, [9, 9, 9, 9, 8]),  # an odd half goes away from zero: -1/4 is -1
        ("half-even", 2, [10, 10, 9, 9, 9]),
    ],
)
def test_products_below_zero(rounding: str, shift: int, expected: list[int]) -> None:
    segments = table((LOWEST, 0, 0, 0), (0, -1, shift, 10))
    conv = layer([[1]], w=5, norms=((1, 0, 0),), segments=segments)
    check(conv, np.tile(np.arange(1, 6), (1, 4, 1)), [[expected] * 4], rounding)


def test_each_version_has_its_rounding() -> None:
    conv = layer([[1]], norms=((1, 0, 0),), segments=table((LOWEST, 0, 0, 9), (0, 1, 1, 0)))
    x = np.full((1, 4, 4), 1)
    up, even = (answers(conv, x, r) for r in ROUNDINGS)
    assert (up[0].max(), up[1].max(), even[0].max(), even[1].max()) == (1, 1, 0, 0)
    assert [y.max() for y in answers(conv, x, None)] == [1, 0]  # type: ignore[arg-type]


def test_the_highest_segment_counts_whatever_the_order() -> None:
    segments = table((LOWEST, 0, 0, 1), (40, 0, 0, 2), (20, 0, 0, 3), (30, 0, 0, 4))
    conv = layer([[1]], norms=((1, 0, 0),), segments=segments)
    x = np.array([10, 25, 35, 45] * 4).reshape(1, 4, 4)
    check(conv, x, [[[1, 3, 4, 4]] * 4])


def test_results_are_clipped_after_the_bias() -> None:
    conv = layer([[1]], segments=table((LOWEST, 0, 0, 0), (-1, 32767, 0, 250)))
    check(conv, ramp(), [[[255 if v else 250 for v in row] for row in ramp()[0]]])
    falling = layer([[1]], segments=table((LOWEST, 0, 0, 0), (-1, -32768, 0, 250)))
    check(falling, ramp(), [[[0 if v else 250 for v in row] for row in ramp()[0]]])


def test_weights_of_sixteen_bits() -> None:
    conv = layer([[40000]], wide=True, norms=((1, 0, 4),), segments=table((0, 1, 8, 0)))
    check(conv, ramp(), [[[((v * 40000 >> 4) + 128) >> 8 for v in row] for row in ramp()[0]]])


@pytest.mark.parametrize("depthwise", [False, True])
def test_windows_take_the_pad_value_outside(depthwise: bool) -> None:
    x, pad = ramp(2, 4, 5) * 3, 77
    kernels = np.arange(9 if depthwise else 18) + 1
    weights = np.stack([kernels, kernels[::-1]])
    segments = table((LOWEST, 1, 8, 0), (-5000, 1, 8, 0))
    conv = layer(weights, h=4, w=5, ic=2, kernel=3, depthwise=depthwise, pad=pad, x=(-3, 0), add=11,
                 norms=((1, 0, 0),) * 2, segments=segments)  # fmt: skip
    expected = np.empty((2, 4, 5), int)
    for o in range(2):
        for i in range(4):
            for j in range(5):
                total = 0
                for c in [o] if depthwise else [0, 1]:
                    for ky in range(3):
                        for kx in range(3):
                            y, col = i + ky - 1, j + kx - 1
                            inside = 0 <= y < 4 and 0 <= col < 5
                            v = int(x[c, y, col]) if inside else pad
                            tap = (0 if depthwise else c * 9) + ky * 3 + kx
                            total += v * int(weights[o, tap]) - 3 * v
                t = total + 11 * (1 if depthwise else 2)
                expected[o, i, j] = min(255, (t + 5000 + 128) >> 8)
    check(conv, x, expected)


def test_weights_come_in_loads() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(0, 2, (61, 1024))
    conv = layer(weights, norms=((1, -1, 2),) * 61)
    assert conv.per_load == 30
    x = np.ones((1024, 4, 4), int)
    expected = np.minimum(255, np.array([int(row.sum()) >> 2 for row in weights]))
    check(conv, x, np.broadcast_to(expected[:, None, None], (61, 4, 4)))


POOLS: dict[int, Callable[[Array, int, int], int]] = {
    0: lambda m, y, x: m[y, x],
    1: lambda m, y, x: m[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].max(),
    2: lambda m, y, x: m[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].sum() // 4,
    3: lambda m, y, x: m[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].max(),
    4: lambda m, y, x: m[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].sum() // 16,
    5: lambda m, y, x: m[2 * y, 2 * x],
    6: lambda m, y, x: m[2 * y, 2 * x + 1],
    7: lambda m, y, x: m[4 * y, 4 * x],
    8: lambda m, y, x: np.pad(m, ((0, 1), (0, 1)), "edge")[y : y + 2, x : x + 2].sum() // 4,
    9: lambda m, y, x: m[y : y + 2, x : x + 2].max(),
}  # fmt: skip
"""What becomes of a map of 17 rows of 18."""


@pytest.mark.parametrize("code", POOLS)
def test_pools(code: int) -> None:
    x = np.random.default_rng(code).integers(0, 256, (1, 17, 18))
    conv = layer([[1]], h=17, w=18, pool=code)
    _, h, w = conv.shape
    assert (h, w) == {1: (17, 18), 2: (8, 9), 4: (4, 4)}[17 // conv.oh]
    check(conv, x, [[[POOLS[code](x[0], i, j) for j in range(w)] for i in range(h)]])


LAYOUTS = {
    4: (1 * 16 + 64 + 2, 5 * 64 + 1 * 16 + 64 + 2),
    16: (1 * 16 + 64 + 2, 5 * 64 + 1 * 16 + 64 + 2),
    17: (1 * 32 + 64 + 2, 2 * 5 * 64 + 1 * 32 + 64 + 2),
    32: (1 * 32 + 64 + 2, 2 * 5 * 64 + 1 * 32 + 64 + 2),
    33: (5 * 64 + 64 + 2, 5 * 5 * 64 + 64 + 2),
    64: (5 * 64 + 64 + 2, 5 * 5 * 64 + 64 + 2),
    65: (5 * 2 * 64 + 2 * 64 + 2, 5 * 5 * 2 * 64 + 2 * 64 + 2),
}
"""Of width: the bytes of (y, x) = (1, 2) of channels 1 and 5 in maps of 5 rows, from their line."""


@pytest.mark.parametrize("w", LAYOUTS)
def test_maps_in_kpu_ram(w: int) -> None:
    x = np.random.default_rng(w).integers(1, 256, (6, 5, w))
    weights = [[1 + 4 * (i == o) for i in range(6)] for o in range(6)]
    conv = layer(weights, h=5, w=w, norms=((1, 0, 3),) * 6)
    states: list[State] = []
    y = answers(conv, x, src=64, dst=512, state=states.append)[0]
    for state in (s for s in states if s.layer == 0):
        for c, at in zip((1, 5), LAYOUTS[w], strict=True):
            assert state.kpu[64 * 64 + at] == x[c, 1, 2]
            assert state.kpu[512 * 64 + at] == y[c, 1, 2]
        taken = 512 * 64 + 64 * lines(6, 5, w)
        assert not any(state.kpu[taken:])
        assert state.main[: y.size] == y.astype(np.uint8).tobytes()


# The layers of version 3 on the CPU.


def third(x: Array, *layers: tuple[object, ...], floats: int, fma: bool = False,
          room: int = 4096, state: Callable[[State], None] | None = None) -> Array:  # fmt: skip
    """Floats at byte 1024 after `layers`; the bytes x (c, h, w) lie at byte 0."""
    c, h, w = x.shape
    f = V3()
    f.place(room)
    f.conv(layer(np.eye(c, dtype=int).tolist(), h=h, w=w), 64, 512, 0)
    for kind, *values in layers:
        f.add(kind, 1, *values)  # type: ignore[arg-type]
    f.output(1024, floats)
    return np.frombuffer(run(f.data, x.astype(np.uint8), fma=fma, state=state)[0], np.float32)


def signed(v: int) -> bytes:
    return struct.pack("<i", v)


X = np.array([0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 200, 233, 254, 255]).reshape(1, 4, 4)
BYTES_TO_FLOATS = (12, 256, 1024, 16, 1.0, 0.0)


def test_v3_quantized_add_rounds_halves_away_from_zero() -> None:
    # (x + 12)·3 and (x - 12)·-5, the same shift: one shift of the sum; then ·1 >> 1 and +100.
    same = third(X, (2, 0, 0, 256, 16, 12, 3, 1, signed(-12), signed(-5), 1, 100, 1, 1),
                 BYTES_TO_FLOATS, floats=16)  # fmt: skip
    expected = []
    for v in X.ravel().tolist():
        total = ((v + 12) * 3 + (v - 12) * -5) >> 1
        size = (abs(total) + 1) >> 1
        expected.append(max(0, min(255, (size if total >= 0 else -size) + 100)))
    assert same.tolist() == expected
    assert same[1] == 100 + 24  # (39 + 55) >> 1 is 47, and 23.5 rounds to 24
    # Shifts that differ: two shifts, each of which floors.
    other = third(X, (2, 0, 0, 256, 16, 0, 3, 1, signed(-255), 1, 2, 50, signed(-1), 1),
                  BYTES_TO_FLOATS, floats=16)  # fmt: skip
    expected = []
    for v in X.ravel().tolist():
        total = -((v * 3 >> 1) + ((v - 255) >> 2))
        size = (abs(total) + 1) >> 1
        expected.append(max(0, min(255, (size if total >= 0 else -size) + 50)))
    assert other.tolist() == expected


def test_v3_quantize_rounds_halves_away_from_zero() -> None:
    # (x·0.5 + 2 - 1) · (1/1): halves; below zero and above 255 is clipped.
    halves = third(X, (12, 0, 512, 16, 0.5, -2.0), (11, 512, 256, 16, 1.0, -5.0), BYTES_TO_FLOATS,
                   floats=16)  # fmt: skip
    assert halves.tolist() == [math.floor(v * 0.5 + 3 + 0.5) for v in X.ravel().tolist()]
    below = third(X, (12, 0, 512, 16, 2.0, -20.0), (11, 512, 256, 16, 1.0, 0.0), BYTES_TO_FLOATS,
                  floats=16)  # fmt: skip
    assert below.tolist() == [max(0, min(255, 2 * v - 20)) for v in X.ravel().tolist()]


@pytest.mark.parametrize("fma", [False, True])
def test_v3_dequantize_with_one_rounding_or_two(fma: bool) -> None:
    scale, bias = np.float32(0.0467181), np.float32(-11.0254898)
    y = third(X, (12, 0, 1024, 16, float(scale), float(bias)), floats=16, fma=fma)
    expected = []
    for v in X.ravel().tolist():
        product = Fraction(v) * Fraction(float(scale))
        if not fma:
            product = Fraction(float(np.float32(float(product))))
        expected.append(np.float32(float(product + Fraction(float(bias)))))
    assert y.tolist() == expected
    channelwise = third(X.reshape(2, 4, 2), (24, 0, 1024, 2, 8, 0.5, 1.0, 0.25, -3.0), floats=16)
    assert channelwise.tolist() == [
        v * (0.5, 0.25)[i // 8] + (1, -3)[i // 8] for i, v in enumerate(X.ravel().tolist())
    ]


def test_v3_floats() -> None:
    floats = (12, 0, 512, 16, 0.25, -8.0)
    x = X.ravel() / 4 - 8
    assert third(X, floats, (1, 512, 512, 1024, 16), floats=16).tolist() == (x + x).tolist()
    assert third(X, floats, (5, 512, 1024, 8, 2), floats=2).tolist() == [x[:8].mean(), x[8:].mean()]
    w = [1.0] * 16 + [-0.5] * 16 + [0.0] * 16
    for act, top in ((0, math.inf), (1, math.inf), (2, 6.0)):
        y = third(X, floats, (18, 512, 1024, 16, 3, act, *w, 1.0, 0.0, 9.0), floats=3)
        plain = [x.sum() + 1, -x.sum() / 2, 9.0]
        assert y.tolist() == [v if act == 0 else min(top, max(0, v)) for v in plain]
    flat = third(X.reshape(2, 4, 2), floats, (20, 512, 1024, 2, 4, 2), floats=16)
    assert flat.tolist() == x.reshape(2, 4, 2).transpose(1, 2, 0).ravel().tolist()
    both = third(X, floats, (16, 1024, 2, 516, 8, 512, 4), floats=3)
    assert both.tolist() == [x[1], x[2], x[0]]


def test_v3_pools_count_what_lies_in_the_image() -> None:
    sides = (4, 4, 1, 3, 3, 1, 3, 2, 2, 2, 1, 1)  # kernel 3 wide, 2 high; stride 2; pad 1
    image = X[0]
    windows = [image[max(0, 2 * i - 1) : 2 * i + 1, max(0, 2 * j - 1) : 2 * j + 2]
               for i in range(3) for j in range(3)]  # fmt: skip
    most = third(X, (8, 0, 256, *sides), (12, 256, 1024, 9, 1.0, 0.0), floats=9)
    assert most.tolist() == [v.max(initial=0) for v in windows]
    mean = third(X, (12, 0, 512, 16, 0.25, 0.0), (9, 512, 1024, *sides, 0), floats=9)
    expected = [np.float32(v.sum() / 4) / np.float32(v.size) for v in windows]
    assert mean.tolist() == expected


def test_v3_softmax_takes_the_largest_or_almost_zero() -> None:
    y = third(X, (12, 0, 512, 16, 0.03125, -4.0), (15, 512, 1024, 16), floats=16)
    e = [math.exp(v / 32 - 4) for v in X.ravel().tolist()]
    assert np.abs(y - np.array(e) / sum(e)).max() <= 7.5e-8
    # All below zero: e^-100 and e^-101 are 27 and 10 of the smallest floats.
    x = np.array([1, 0] * 8).reshape(1, 4, 4)
    low = third(x, (12, 0, 512, 16, 1.0, -101.0), (15, 512, 1024, 2), floats=2)
    assert low.tolist() == [np.float32(27) / np.float32(37), np.float32(10) / np.float32(37)]


def test_v3_functions() -> None:
    x = X.ravel() / 16 - 8
    floats = (12, 0, 512, 16, 0.0625, -8.0)
    logistic = third(X, floats, (25, 512, 1024, 16), floats=16)
    assert np.abs(logistic - 1 / (1 + np.exp(-x))).max() < 1e-7
    norm = third(X, floats, (14, 512, 1024, 16), floats=16)
    assert np.abs(norm - x / np.sqrt((x * x).sum())).max() < 1e-7
    turned = bytes(255 - i for i in range(256))
    flipped = third(X, (13, 0, 256, 16, turned), BYTES_TO_FLOATS, floats=16)
    assert flipped.tolist() == (255 - X.ravel()).tolist()
    larger = third(X, (23, 0, 256, 4, 4, 1, 8, 8, 0), (12, 256, 1024, 64, 1.0, 0.0), floats=64)
    assert larger.reshape(8, 8).tolist() == X[0].repeat(2, 0).repeat(2, 1).tolist()


def test_v3_padding_to_the_kpu_and_back() -> None:
    states: list[State] = []
    y = third(X, (10241, 0, 700, 6), (10242, 0, 256, 1), (12, 256, 1024, 1, 1.0, 0.0), floats=1,
              state=states.append)  # fmt: skip
    assert y.tolist() == [X[0, 0, 0]]
    kpu = states[1].kpu
    assert [kpu[700 * 64 + at] for at in (0, 16, 32, 48, 256, 272)] == X.ravel()[:6].tolist()
    y = third(
        np.arange(64).reshape(4, 4, 4), (10242, 0, 256, 4), (12, 256, 1024, 4, 1.0, 0.0), floats=4
    )
    assert y.tolist() == [0, 16, 32, 48]


def test_v3_upload() -> None:
    x = np.random.default_rng(1).integers(0, 256, (6, 5, 17))
    states: list[State] = []
    third(x, (10243, 0, 700, 17, 5, 6), floats=1, state=states.append)
    for c, at in zip((1, 5), LAYOUTS[17], strict=True):
        assert states[1].kpu[700 * 64 + at] == x[c, 1, 2]


def test_v3_begins_with_floats_where_no_convolution_is_first() -> None:
    f = V3()
    x, y = f.place(16), f.place(8)
    f.add(18, 1, x, y, 4, 2, 0, *(float(v) for v in range(8)), 0.5, -0.5)
    f.output(y, 2)
    found = np.frombuffer(run(f.data, np.float32([1, 10, 100, 1000]))[0], np.float32)
    assert found.tolist() == [3210.5, 7653.5]
    g = V3()
    g.add(12, 1, 0, 16, 4, 1.0, 0.0)
    with pytest.raises(Refused, match="first layer has type 12"):
        run(g.data, b"")


# The operators of version 4.


def test_v4_takes_several_inputs_in_main_memory() -> None:
    f = V4()
    a, b = f.tensor(BYTE, 1, 1, 1, 3), f.tensor(FLOAT, 1, 1, 1, 3)
    as_float, y = f.tensor(FLOAT, 1, 1, 1, 3), f.tensor(FLOAT, 1, 1, 1, 3)
    f.inputs += [a, b]
    f.outputs += [y, a]
    shape = fields((1, 1, 1, 3))
    f.add(0x03, a.data, as_float.data, 0, 2.0)
    f.add(0x00, as_float.data, b.data, y.data, 0, shape, shape, shape, -1e9, 1e9)
    found = run(f.data, np.uint8([1, 2, 3]), np.float32([10, 20, 30]))
    assert np.frombuffer(found[0], np.float32).tolist() == [10.5, 21, 31.5]
    assert found[1] == bytes([1, 2, 3])


def fourth(x: Array, opcode: int, dtype: int, count: int,
           values: Callable[[V4, Range], Sequence[object]],
           fma: bool = False) -> Array:  # fmt: skip
    """What an operator makes of the bytes x (c, h, w); a None is its output's range."""
    f = V4()
    c, h, w = x.shape
    f.inputs.append(f.map(0, c, h, w))
    a, y = f.tensor(BYTE, 1, c, h, w), f.tensor(dtype, count)
    f.conv(layer(np.eye(c, dtype=int).tolist(), h=h, w=w), 0, 512, a)
    data = [y.data if v is None else v.data if isinstance(v, Range) else v for v in values(f, a)]
    f.add(opcode, *data)  # type: ignore[arg-type]
    f.outputs.append(y)
    found = run(f.data, x.astype(np.uint8), rounding="half-up", fma=fma)[0]
    return np.frombuffer(found, np.uint8 if dtype else np.float32)


def as_floats(f: V4, a: Range, scale: float = 1.0, zero: int = 0) -> Range:
    """The bytes `a` as floats."""
    y = f.tensor(FLOAT, *a.shape)
    f.add(0x03, a.data, y.data, zero, scale)
    return y


def scaled(v: int, mul: int, shift: int) -> int:
    """mcs of the specification."""
    return (v * mul + (1 << shift >> 1)) >> shift


@pytest.mark.parametrize("op", range(6))
def test_v4_quantized_binary(op: int) -> None:
    shape, one = fields((1, 1, 4, 4)), fields((1, 1, 1, 4))
    row = np.array([1, 7, 100, 250], np.uint8)
    y = fourth(X, 0x11, BYTE, 16, lambda f, a: (
        a, f.constant(row), None, op, shape, one, shape,
        -100, 3, 1, 4, 5, 2, 60, 3, 4))  # fmt: skip
    expected = []
    for i, v in enumerate(X.ravel().tolist()):
        a, b = scaled(v - 100, 3, 1), scaled(int(row[i % 4]) + 4, 5, 2)
        half = a + b // 2  # C's division goes towards zero
        r = (a + b, a - b, a * b, abs(half) // b * (1 if half >= 0 else -1), min(a, b), max(a, b))[
            op
        ]
        expected.append(max(0, min(255, scaled(r, 3, 4) + 60)))
    assert y.tolist() == expected


def test_v4_quantized_matmul() -> None:
    w = np.arange(12, dtype=np.uint8).reshape(4, 3) * 20
    y = fourth(X, 0x10, BYTE, 12, lambda f, a: (
        a, f.constant(w), None, 4, 4, 3, -128, -110, 77, 16, 99, 1000, -1000, 0))  # fmt: skip
    expected = []
    for r in range(4):
        for j in range(3):
            total = (1000, -1000, 0)[j]
            for i in range(4):
                total += (int(X[0, r, i]) - 128) * (int(w[i, j]) - 110)
            expected.append(max(0, min(255, scaled(total, 77, 16) + 99)))
    assert y.tolist() == expected


@pytest.mark.parametrize("fma", [False, True])
def test_v4_quantize_on_the_chip_rounds_to_even_but_an_odd_last_one(fma: bool) -> None:
    x = np.tile(np.array([1, 3, 5, 7, 1]), (1, 5, 1))
    y = fourth(x, 0x06, BYTE, 25, lambda f, a: (as_floats(f, a), None, 10, 0.5), fma)
    up, even = [11, 12, 13, 14, 11], [10, 12, 12, 14, 10]
    assert y.tolist() == [*((even if fma else up) * 5)[:-1], 11]


@pytest.mark.parametrize("fma", [False, True])
def test_v4_dequantize_has_two_formulas(fma: bool) -> None:
    scale = np.float32(42.5207633972168)
    y = fourth(X, 0x03, FLOAT, 16, lambda _, a: (a, None, 71, float(scale)), fma)
    factor = np.float32(1) / scale
    if fma:
        shift = Fraction(float(np.float32(-71) / scale))
        expected = [
            np.float32(float(v * Fraction(float(factor)) + shift)) for v in X.ravel().tolist()
        ]
    else:
        expected = [np.float32(v - 71) * factor for v in X.ravel().tolist()]
    assert y.tolist() == expected


def test_v4_reduce_starts_at_init_and_multiplies_a_mean() -> None:
    for op, expected in (
        (0, [np.float32(2.5 + X[0, i].sum()) * np.float32(0.25) for i in range(4)]),
        (1, [min(2.5, X[0, i].min()) for i in range(4)]),
        (2, [max(2.5, X[0, i].max()) for i in range(4)]),
        (3, [2.5 + X[0, i].sum() for i in range(4)]),
    ):
        y = fourth(X, 0x07, FLOAT, 4, lambda f, a, op=op: (
            as_floats(f, a), None, op, fields((1, 1, 4, 4, 1, 1, 4, 1)), 2.5))  # fmt: skip
        assert y.tolist() == expected


def test_v4_floats() -> None:
    shape = fields((1, 1, 4, 4))
    x = X.astype(np.float32).ravel()
    three = np.float32(3)
    all_of_them = (x + 3, x - 3, x * 3, x / three, np.minimum(x, 3), np.maximum(x, 3))
    for op, expected in enumerate(all_of_them):
        y = fourth(X, 0x00, FLOAT, 16, lambda f, a, op=op: (
            as_floats(f, a), f.constant(np.float32([3])), None, op, shape, fields((1, 1, 1, 1)),
            shape, 0.5, 500.0))  # fmt: skip
        assert y.tolist() == expected.clip(0.5, 500).tolist()
    w = np.arange(8, dtype=np.float32).reshape(4, 2)
    y = fourth(X, 0x04, FLOAT, 8, lambda f, a: (
        as_floats(f, a), f.constant(w), None, 4, 4, 2, -9.0, 1500.0, 5.0, -900.0))  # fmt: skip
    assert y.tolist() == (X[0] @ w + [5, -900]).clip(-9, 1500).ravel().tolist()


def test_v4_windows() -> None:
    shape = fields((1, 1, 4, 4))
    w = np.arange(1, 7).reshape(2, 3)
    padded = np.pad(X[0], ((1, 0), (0, 2)))  # before 1 of the height, after 2 of the width
    window = (1, 0, 0, 2, 2, 3, 2, 1, 2, 2)  # pads, 2 rows of 3, strides 2 and 1, dilations 2
    patches = [padded[i : i + 3 : 2, j : j + 5 : 2] for i in (0, 2) for j in (0, 1)]
    y = fourth(X, 0x02, FLOAT, 4, lambda f, a: (
        as_floats(f, a), None, shape, 1, 1, *window, -1e9, 1e9,
        w.astype(np.float32).tobytes(), 0.5))  # fmt: skip
    assert y.tolist() == [(p * w).sum() + 0.5 for p in patches]
    kernel = w.astype(np.uint8).tobytes()
    q = fourth(X, 0x0F, BYTE, 4, lambda _, a: (
        a, None, shape, 1, 1, *window, 0, -3, 1, 4, 50, 7, kernel))  # fmt: skip
    expected = [scaled(int((p * (w - 3)).sum()) + 7, 1, 4) + 50 for p in patches]
    assert q.tolist() == [max(0, min(255, v)) for v in expected]
    most = fourth(X, 0x08, FLOAT, 4, lambda f, a: (
        as_floats(f, a), None, 2, shape, *window, -1.0, -1e9, 200.0))  # fmt: skip
    assert most.tolist() == [min(200, p.max()) for p in patches]
    spread = fourth(X, 0x13, FLOAT, 64, lambda f, a: (
        as_floats(f, a), None, shape, fields((1, 1, 8, 8)), 1, 0, 0, 0, 0, 2, 2, 2, 2, 1, 1,
        -1e9, 1e9, 1.0, 2.0, 3.0, 4.0, 0.5))  # fmt: skip
    assert spread.reshape(8, 8).tolist() == (np.kron(X[0], [[1, 2], [3, 4]]) + 0.5).tolist()
    between = fourth(X, 0x0A, FLOAT, 64, lambda f, a: (
        as_floats(f, a), None, shape, 8, 8, 0, bytes(4)))  # fmt: skip
    half = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 1, 0],
                     [0, 0, 0.5, 0.5], [0, 0, 0, 1], [0, 0, 0, 1]])  # fmt: skip
    assert between.reshape(8, 8).tolist() == (half @ X[0] @ half.T).tolist()


def test_v4_moves() -> None:
    x = np.arange(32).reshape(2, 4, 4)
    shape = fields((1, 2, 4, 4))
    turned = fourth(x, 0x0C, BYTE, 32, lambda _, a: (a, None, shape, fields((2, 0, 3, 1))))
    assert turned.tolist() == x[None].transpose(2, 0, 3, 1).ravel().tolist()
    cut = fourth(x, 0x0D, BYTE, 6, lambda _, a: (
        a, None, shape, fields((0, 1, 1, 0)), fields((1, 2, 4, 4)), fields((1, 1, 1, 2)),
        0, 0, 0, 0, 0))  # fmt: skip
    assert cut.tolist() == x[1:, 1:4, 0:4:2].ravel().tolist()
    wide = fourth(x, 0x05, BYTE, 80, lambda _, a: (
        a, None, shape, 0, 0, 0, 0, 1, 0, 3, 1, BYTE, bytes([9, 0, 0, 0])))  # fmt: skip
    assert wide.tolist() == np.pad(x, ((0, 0), (1, 0), (3, 1)), constant_values=9).ravel().tolist()
    extra = np.arange(100, 116, dtype=np.uint8).reshape(1, 1, 4, 4)
    joined = fourth(x, 0x01, BYTE, 48, lambda f, a: (
        None, 16, 1, 2, f.constant(extra).data + a.data, 1, 2))  # fmt: skip
    assert joined.tolist() == extra.ravel().tolist() + x.ravel().tolist()
    table = np.arange(255, -1, -1, dtype=np.uint8)
    looked = fourth(x, 0x12, BYTE, 32, lambda f, a: (a, f.constant(table), None))
    assert looked.tolist() == (255 - x.ravel()).tolist()
    larger = fourth(x, 0x0A, BYTE, 128, lambda _, a: (a, None, shape, 8, 8, 1, bytes(4)))
    assert larger.tolist() == x.repeat(2, 1).repeat(2, 2).ravel().tolist()
    assert fourth(x, 0x09, BYTE, 32, lambda _, a: (a, None)).tolist() == x.ravel().tolist()


UNARY = (np.abs, np.ceil, np.cos, np.exp, np.floor, np.log, np.negative, lambda v: 1 / np.sqrt(v),
         np.sin, np.square)  # fmt: skip


@pytest.mark.parametrize("op", range(10))
def test_v4_unary(op: int) -> None:
    x = (X.ravel() + 1) / 16 if op in (5, 7) else (X.ravel() - 128) / 16
    y = fourth(X, 0x0E, FLOAT, 16, lambda f, a: (
        as_floats(f, a, 16.0, -1 if op in (5, 7) else 128), None, op))  # fmt: skip
    np.testing.assert_allclose(y, UNARY[op](x), rtol=2e-7, atol=1e-7)


def test_v4_softmax() -> None:
    y = fourth(X, 0x0B, FLOAT, 16, lambda f, a: (as_floats(f, a, 32.0), None, 4, 4, 0.5))
    e = np.exp(X[0] / 64)
    assert np.abs(y.reshape(4, 4) - e / e.sum(1, keepdims=True)).max() <= 7.5e-8


# What is no file, or leaves what is specified.


def test_damaged_files_are_refused() -> None:
    f = V3()
    f.conv(layer([[1]]), 0, 512, f.place(16))
    f.output(0, 4)
    good, x = f.data, np.zeros((1, 4, 4), np.uint8)
    assert run(good, x)
    for data in (b"", good[:40], good[:300], b"\x05" + good[1:]):
        with pytest.raises(Refused):
            run(data, x)
    with pytest.raises(Refused, match="input is too short"):
        run(good, x[:, :3])
    for at in range(len(good)):
        for value in (0, 255):
            with contextlib.suppress(Refused):
                run(good[:at] + bytes([value]) + good[at + 1 :], x)


def test_what_leaves_64_bits_is_refused() -> None:
    conv = layer([[1]], add=(1 << 39) - 1, norms=((8388607, 0, 0),))
    assert answers(conv, X)[0].max() == 255
    many = layer([[1] * 64], add=(1 << 39) - 1, norms=((8388607, 0, 0),))
    with pytest.raises(Refused, match="64 bits"):
        answers(many, np.zeros((64, 4, 4)))


# The files that others wrote, and those that are made here.


def registers_of(data: bytes) -> list[bytes]:
    """Each register block of a file."""
    found = []
    if data[0] == 3:
        count, outputs = struct.unpack_from("<3xI8xI", data, 9)
        at = 28 + 8 * outputs
        kinds, conv = [struct.unpack_from("<II", data, at + 8 * i) for i in range(count)], 10240
        body, where = at + 8 * count, lambda body: struct.unpack_from("<I", data, body + 8)[0]
    else:
        constants, _, count, inputs, outputs = struct.unpack_from("<5I", data, 16)
        at = 40 + 32 * inputs + 16 * outputs + constants
        kinds, conv = [struct.unpack_from("<II", data, at + 8 * i) for i in range(count)], 0x2002
        body, where = at + 8 * count, lambda body: body + 24
    for kind, size in kinds:
        if kind == conv:
            found.append(data[where(body) :][:96])
        body += size
    return found


@pytest.mark.parametrize("name", [f"kmodelV{v}/mbnet{a}" for v in (3, 4) for a in (25, 50, 75)])
def test_registers_are_packed_as_the_compilers_packed_them(name: str) -> None:
    path = MODELS / f"{name}.kmodel"
    if not path.exists():
        pytest.skip("the kmodel files are not here")
    blocks = registers_of(path.read_bytes())
    assert len(blocks) == 28 - (name[7] == "4")
    for block in blocks:
        words = struct.unpack("<12Q", block)
        v = {}
        for key, (word, low, bits) in REGISTERS.items():
            n = abs(bits)
            v[key] = words[word] >> low & ((1 << n) - 1)
            v[key] -= (1 << n) if bits < 0 and v[key] >> (n - 1) else 0
        kernel, oc, ic = 1 + 2 * v["kernel_type"], v["o_ch_num"] + 1, v["i_ch_num"] + 1
        deep = bool(v["depth_wise_layer"])
        weights = np.zeros((oc, kernel**2 * (1 if deep else ic)), int)
        h, w, x, weight = v["i_col_high"] + 1, v["i_row_wid"] + 1, v["arg_x"], v["arg_w"]
        conv = Conv(ic, oc, h, w, kernel, deep, v["pool_type"], v["pad_value"], (x, v["shr_x"]),
                    (weight, v["shr_w"]), v["arg_add"], weights, (), ())  # fmt: skip
        names = ("bwsx_base_addr", "active_addr", "para_start_addr", "send_data_out")
        more = {n: v[n] for n in names}
        assert conv.registers(v["image_src_addr"], v["image_dst_addr"], **more) == block


def test_real_files_run() -> None:
    path = MODELS / "kmodelV4/mbnet25.kmodel"
    if not path.exists():
        pytest.skip("the kmodel files are not here")
    x = np.random.default_rng(0).integers(0, 256, (3, 224, 224)).astype(np.uint8)
    y = np.frombuffer(run(path.read_bytes(), x)[0], np.float32)
    steps = y * np.float32(335.1540832519531)
    assert y.shape == (1000,)
    assert y.max() > 0
    assert np.abs(steps - steps.round()).max() < 1e-3


def test_random_files_run_whatever_memory_held() -> None:
    some = [*cases(84, 7, edges=False)]
    assert len({c.kind for c in some}) == 4 + len(v3_cases.MAKERS) + len(v4_cases.MAKERS) == 46
    for case in some:
        x = case.inputs[0]
        first, second = run(case.data, x), run(case.data, x, fill=0xA5)
        assert (differing(case, first, second), first) == ([], second), case.name


def test_what_differs_between_outputs() -> None:
    case = next(cases(1, edges=False))
    one = np.float32([1, 100]).tobytes()
    close = np.float32([1 + 5e-7, 100 + 5e-5]).tobytes()
    assert differing(case, [one, one], [one, close]) == [1]
    assert differing(replace(case, near=1e-6), [one, one], [one, close]) == []
    assert differing(replace(case, near=1e-7), [one, close], [one, one]) == [1]
    assert differing(case, [one], [one, one]) == [0, 1]


def test_a_seed_makes_the_same_files() -> None:
    first, second = ([*cases(8, 3, edges=False)] for _ in range(2))
    assert [c.data for c in first] == [c.data for c in second]
    assert [c.inputs.tobytes() for c in first] == [c.inputs.tobytes() for c in second]
