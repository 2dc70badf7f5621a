"""The slow simulator's layers on the CPU, of both versions, against numbers computed here."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from tests.support.kpu.by_hand import layer
from tests.support.kpu.pack import BYTE, FLOAT, V3, V4, Array, Range, fields
from tests.support.kpu.slow import Refused, State, run
from tests.support.tools import require_programs


@pytest.fixture(autouse=True)
def _compiler() -> None:
    require_programs("gcc", "cc")


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


def away(total: int) -> int:
    """A half of it: an odd one goes one away from zero from where >> went."""
    return (total >> 1) + (total & 1) * (1 if total >= 0 else -1)


def test_v3_quantized_add_goes_away_from_zero_at_an_odd_half() -> None:
    # (x + 12)·3 and (x - 12)·-5, the same shift: one shift of the sum; then ·1 >> 1 and +100.
    same = third(X, (2, 0, 0, 256, 16, 12, 3, 1, signed(-12), signed(-5), 1, 100, 1, 1),
                 BYTES_TO_FLOATS, floats=16)  # fmt: skip
    expected = []
    for v in X.ravel().tolist():
        total = ((v + 12) * 3 + (v - 12) * -5) >> 1
        expected.append(max(0, min(255, away(total) + 100)))
    assert same.tolist() == expected
    assert same[1] == 100 + 24  # (39 + 55) >> 1 is 47, and 23.5 rounds to 24
    # Shifts that differ: two shifts, each of which floors.
    other = third(X, (2, 0, 0, 256, 16, 0, 3, 1, signed(-255), 1, 2, 50, signed(-1), 1),
                  BYTES_TO_FLOATS, floats=16)  # fmt: skip
    expected = []
    for v in X.ravel().tolist():
        total = -((v * 3 >> 1) + ((v - 255) >> 2))
        expected.append(max(0, min(255, away(total) + 50)))
    assert other.tolist() == expected


def test_v3_quantize_rounds_halves_away_from_zero() -> None:
    # (x - 2 + 8)·(1/2): halves; below zero and above 255 is clipped.
    halves = third(X, (12, 0, 512, 16, 1.0, -2.0), (11, 512, 256, 16, 2.0, -8.0), BYTES_TO_FLOATS,
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
    # Kernel 2 wide, 3 high; 3 to the right, 2 down; 1 beside the image, 2 above it.
    sides = (4, 4, 1, 2, 3, 1, 2, 3, 3, 2, 1, 2)
    windows = [X[0, max(0, 2 * i - 2) : 2 * i + 1, max(0, 3 * j - 1) : 3 * j + 1]
               for i in range(3) for j in range(2)]  # fmt: skip
    most = third(X, (8, 0, 256, *sides), (12, 256, 1024, 6, 1.0, 0.0), floats=6)
    assert most.tolist() == [v.max(initial=0) for v in windows]
    mean = third(X, (12, 0, 512, 16, 0.25, 0.0), (9, 512, 1024, *sides, 0), floats=6)
    assert mean.tolist() == [np.float32(v.sum() / 4) / np.float32(v.size) for v in windows]


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
    for c, line in ((0, 0), (1, 0), (2, 5), (5, 10)):  # two channels a line, five rows each
        assert states[1].kpu[(700 + line + 1) * 64 + c % 2 * 32 + 2] == x[c, 1, 2]


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
    for inner in (4, 1):  # bytes, or elements
        floats = fourth(X, 0x01, FLOAT, 20, lambda f, a, inner=inner: (
            None, inner, 4, 2, as_floats(f, a).data + f.constant(np.float32([1, 2, 3, 4])).data,
            4, 1))  # fmt: skip
        assert floats.reshape(4, 5)[:, :4].tolist() == X[0].tolist()
        assert floats.reshape(4, 5)[:, 4].tolist() == [1, 2, 3, 4]
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
