"""The slow simulator of kmodel files against numbers computed here, each rule of it once.

It is the oracle of the package's simulator, so it has none itself but the specification: what is
expected is written out, in plain integers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.kpu.by_hand import LOWEST, answers, layer, table
from tests.support.kpu.pack import Array, Conv, lines
from tests.support.kpu.slow import Refused, State
from tests.support.tools import require_programs

ROUNDINGS = ("half-up", "half-even")


@pytest.fixture(autouse=True)
def _compiler() -> None:
    require_programs("gcc", "cc")


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
        ("half-up", 1, [8, 9, 7, 8, 6]),  # -1/2 was floored to -1 and goes on to -2
        ("half-even", 1, [8, 9, 8, 8, 6]),  # -3/2 was floored to -2, which is even
        ("half-up", 2, [8, 8, 9, 9, 7]),  # an odd half: -1/4 is -1/2, which goes to -2
        ("half-even", 2, [8, 8, 9, 9, 7]),
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


def test_what_leaves_64_bits_is_refused() -> None:
    conv = layer([[1]], add=(1 << 39) - 1, norms=((8388607, 0, 0),))
    assert answers(conv, ramp())[0].max() == 255
    many = layer([[1] * 64], add=(1 << 39) - 1, norms=((8388607, 0, 0),))
    with pytest.raises(Refused, match="64 bits"):
        answers(many, np.zeros((64, 4, 4)))
