"""Activation tables: how near they are to curves, by a twin of the table's arithmetic."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ascua.errors import ModelError
from ascua.kmodel import Activation
from ascua.targets.k210 import curves
from ascua.targets.k210.block import Affine
from ascua.targets.k210.curves import Curve, Fit, Table, fit

HARD_SIGMOID = Curve("hard_sigmoid", lambda z: np.clip(z / 6 + 0.5, 0, 1), (-3.0, 3.0))
SILU = Curve("silu", lambda z: z * (1 + np.tanh(z / 2)) / 2)
SOFTPLUS = Curve("softplus", lambda z: np.logaddexp(0, z))
MISH = Curve("mish", lambda z: z * np.tanh(np.logaddexp(0, z)))
NEGATED = Curve("negated", lambda z: -z)
FALLING = Curve("1 - sigmoid", lambda z: (1 - np.tanh(z / 2)) / 2)
CASES = {
    "linear": (curves.LINEAR, -3.0, 3.0, 0.5),
    "relu": (curves.RELU, 0.0, 6.0, 0.5),
    "relu of both signs": (curves.RELU, -1.0, 6.0, 0.5),
    "relu6": (curves.RELU6, 0.0, 6.0, 0.5),
    "relu6 in a wider range": (curves.RELU6, -1.0, 9.0, 0.5),
    "relu6 in a narrower range": (curves.RELU6, 0.0, 4.1, 0.5),
    "relu_n1_to_1": (curves.RELU_N1_TO_1, -1.0, 1.0, 0.5),
    "leaky relu by 1/8": (curves.leaky_relu(0.125), -1.0, 6.0, 0.5),
    "leaky relu by 0.1": (curves.leaky_relu(0.1), -1.0, 6.0, 0.53),
    "leaky relu by 0.3": (curves.leaky_relu(0.3), -2.0, 6.0, 0.53),
    "leaky relu by -0.2": (curves.leaky_relu(-0.2), 0.0, 6.0, 1.05),
    "hard sigmoid": (HARD_SIGMOID, 0.0, 1.0, 0.53),
    "hard swish": (curves.HARD_SWISH, -0.375, 6.0, 1.05),
    "sigmoid": (curves.SIGMOID, 0.0, 1.0, 1.05),
    "tanh": (curves.TANH, -1.0, 1.0, 1.05),
    "elu": (curves.elu(), -1.0, 6.0, 0.6),
    "silu": (SILU, -0.28, 6.0, 1.05),
    "mish": (MISH, -0.31, 6.0, 1.05),
    "softplus": (SOFTPLUS, 0.0, 6.0, 0.7),
    "negated": (NEGATED, -3.0, 3.0, 0.5),
    "1 - sigmoid": (FALLING, 0.0, 1.0, 1.05),
    "absolute": (Curve("absolute", np.abs, (0.0,)), 0.0, 4.0, 1.05),
    "square": (Curve("square", np.square), 0.0, 4.0, 1.6),
    "constant": (Curve("constant", lambda z: np.full_like(z, 0.7)), 0.0, 1.0, 0.5),
}


@cache
def fitted(name: str) -> Fit:
    curve, low, high, _ = CASES[name]
    y = Affine.of(low, high)
    return fit(curve, y, -30 / y.scale, 30 / y.scale)


def best(f: Fit) -> Table:
    """The table of the post of least error."""
    return min((f.table(post) for post in (14, 10, 8, 6)), key=lambda t: t.error)


def half_up(p: int, s: int) -> int:
    """What the vendor's first emulator does: one away from zero where the last bit is set."""
    if s == 0:
        return p
    g = p >> (s - 1)
    return (g >> 1) + (g & 1) * (1 if g >= 0 else -1)


def half_even(p: int, s: int) -> int:
    """What the second one does."""
    q, rest = p >> s, p & ((1 << s) - 1)
    up = 2 * rest > 1 << s or (2 * rest == 1 << s and q % 2)
    return q + (up if p >= 0 else -up)


def byte(table: Activation, t: int, *, even: bool) -> int:
    """The table's arithmetic, in integers without bounds."""
    start = table.start.tolist()
    last = max(i for i, s in enumerate(start) if i == 0 or s < t or (s == t and not even))
    product = (t - start[last]) * int(table.mul[last])
    y = (half_even if even else half_up)(product, int(table.shift[last]))
    return min(255, max(0, y + int(table.bias[last])))


@pytest.mark.parametrize("name", CASES)
def test_tables_are_as_near_as_they_say(name: str) -> None:
    curve, low, high, most = CASES[name]
    f = fitted(name)
    y, table = Affine.of(low, high), best(f)
    assert table.error <= most + 1e-9
    one = 1 << table.post
    places = np.random.default_rng(1).uniform(1.5 * f.low - 20, 1.5 * f.high + 20, 700)
    ends = [int(s) + d for s in table.activation.start[1:3] for d in (-1, 0, 1)]
    for t in [*(places * one).astype(np.int64).tolist(), *ends]:
        if abs(t) > 30 / y.scale * one:
            continue
        z = np.array([(-t if table.mirrored else t) / one * y.scale])
        wanted = min(255.0, max(0.0, float(curve.function(z)[0] / y.scale + y.zero)))
        for even in (False, True):
            got = byte(table.activation, t, even=even)
            assert abs(got - wanted) <= table.error + 0.01, (t, got, wanted)


@pytest.mark.parametrize("name", CASES)
def test_fields_of_tables_have_room(name: str) -> None:
    for post in (4, 14, 20):
        table = fitted(name).table(post).activation
        assert [len(getattr(table, f)) for f in ("start", "mul", "shift", "bias")] == [16] * 4
        assert table.start[0] == -(2**35)
        assert table.start.max() < 2**35
        assert (np.diff(table.start) >= 0).all()
        assert np.abs(table.mul.astype(int)).max() < 2**15
        assert table.shift.max() <= 20
        assert table.mul[0] == 0


def test_relu_is_one_segment_with_a_slope() -> None:
    table = fitted("relu6").table(14)
    a = table.activation
    assert (table.mirrored, table.error) == (False, pytest.approx(0.5, abs=0.01))
    assert (a.start[1], a.mul[1], a.shift[1], a.bias[1]) == (0, 64, 20, 0)
    assert (a.mul[2:] == 0).all()
    assert a.start[2:].tolist() == [2**35 - 17 + i for i in range(2, 16)]


def test_a_falling_curve_is_mirrored() -> None:
    """The KPU rounds negative products down, so slopes are not negative where that helps."""
    for name in ("negated", "1 - sigmoid"):
        f = fitted(name)
        assert f.mirrored
        assert all(p.slope >= 0 for p in f.pieces)
    assert not fitted("hard swish").mirrored


def test_few_pieces_where_few_do() -> None:
    pieces = {name: len(fitted(name).pieces) for name in CASES}
    assert pieces["linear"] == pieces["relu"] == 2
    assert pieces["leaky relu by 1/8"] == 3
    assert pieces["constant"] == 1
    assert max(pieces.values()) == 16


def test_fifteen_pieces_are_near_the_best_of_all() -> None:
    """Pieces with any ends: the error is (the sum of sqrt(|f''|) / 4 a piece)², and of rounding."""
    z = np.linspace(-6, 6, 100_001)
    bend = np.abs(np.gradient(np.gradient(127.5 * np.tanh(z), z), z))
    steps = float(np.sqrt(bend).sum() * (z[1] - z[0]))
    best_of_all = 0.5 + (steps / 4 / 15) ** 2
    assert best_of_all > 0.85
    assert best(fitted("tanh")).error < 1.2 * best_of_all


def test_an_activation_that_is_no_number_is_refused() -> None:
    root = Curve("root", np.sqrt)
    with pytest.raises(ModelError, match="the activation root is no number at -"):
        fit(root, Affine.of(0.0, 4.0), -100.0, 100.0)
