"""What the runtimes compute on the CPU: each type of layer by hand-computed numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from ascua.ir import Array
from ascua.kmodel import DType, Layer, Memory, Range, v3, v4
from ascua.kmodel.v3.moves import Part
from ascua.kpu import floats, steps
from ascua.kpu.arithmetic import Arithmetic, compute
from ascua.kpu.version4 import divided

PC = Arithmetic("half-up")
CHIP = Arithmetic("half-up", fused=True)
F32 = np.float32


def nearest(x: Fraction) -> np.float32:
    """The float32 next to `x`, of two the even one."""
    near = F32(float(x))
    around = (np.nextafter(near, F32(-np.inf)), near, np.nextafter(near, F32(np.inf)))
    return min(around, key=lambda f: (abs(Fraction(float(f)) - x), int(f.view(np.uint32)) & 1))


def fused(a: float, b: float, c: float) -> np.float32:
    return nearest(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def f(*values: float) -> Array:
    return np.array(values, F32)


def q(*values: int) -> Array:
    return np.array(values, np.uint8)


def same(a: Array, b: Array | list[Any]) -> bool:
    """Whether all bits of floats are the same."""
    x, y = np.asarray(a, F32), np.asarray(b, F32)
    return x.shape == y.shape and bool((x.view(np.uint32) == y.view(np.uint32)).all())


def ranges(*dtypes: DType) -> list[Range]:
    return [Range(Memory.MAIN, dtype, 0, 4) for dtype in dtypes]


FLOATS, BYTES = DType.F32, DType.U8


def test_every_type_is_refused_or_executed() -> None:
    """By its `check`, or by something other than the default that raises."""
    refused = {v3.MaxPool2d, v4.NnilUnaryMethod, v4.Conv2dTranspose}
    for kind in (*v3.LAYERS.values(), *v4.LAYERS.values()):
        executed = steps.step.dispatch(kind) is not steps.step.dispatch(Layer)
        executed |= compute.dispatch(kind) is not compute.dispatch(Layer)
        assert executed != (kind in refused), kind
    for kind in refused:
        assert "check" in vars(kind)


def test_fused_products_are_rounded_once() -> None:
    """Random, halves exactly between two floats, and halves that something far below decides."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 2000)).astype(F32)
    c[:1000] = (-a[:1000] * b[:1000]).astype(F32)  # cancels but for the product's low bits
    a[1000:1500], b[1000:1500] = 1 + F32(2**-12), 1 + F32(2**-12)  # 1 + 2**-11 + 2**-24
    c[1000:1500] = rng.choice([2.0**-30, -(2.0**-30), 0, 2.0**-70, -(2.0**-70), 2.0**24], 500)
    expected = [fused(*v) for v in zip(a, b, c, strict=True)]
    assert same(floats.fma(a, b, c), expected)
    assert not same(a * b + c, expected)


def test_roundf() -> None:
    x = f(0.5, 1.5, 2.5, -0.5, -2.5, 0.49999997, 8388609.0, -0.2)
    assert floats.away(x).tolist() == [1, 2, 3, -1, -3, 0, 8388609, 0]
    assert floats.byte(np.array([np.nan, np.inf, -np.inf, 300, -3, 7])).tolist() == [
        0, 255, 0, 255, 0, 7,
    ]  # fmt: skip


def test_add_and_concat_and_flatten() -> None:
    assert compute(v3.Add(1, 0, 0, 0, 2), PC)(f(1, 2), f(3, 0.5)).tolist() == [4, 2.5]
    parts = (Part(0, 8), Part(8, 4))
    assert compute(v3.Concat(1, 0, parts), PC)(f(1, 2), f(3)).tolist() == [1, 2, 3]
    assert compute(v3.QuantizedConcat(1, 0, parts), PC)(q(1, 2), q(3)).tolist() == [1, 2, 3]
    flat = compute(v3.TensorflowFlatten(1, 0, 0, 2, 1, 3), PC)(f(0, 1, 2, 3, 4, 5))
    assert flat.reshape(-1).tolist() == [0, 2, 4, 1, 3, 5]


def test_quantized_add() -> None:
    """(10-3)*5 + (4+2)*7 = 77, >> 1 is 38; * 3 = 114, / 4 = 28.5, up; + 100."""
    layer = v3.QuantizedAdd(0, 0, 0, 0, 1, -3, 5, 1, 2, 7, 1, 100, 3, 2)
    assert compute(layer, PC)(q(10), q(4)).tolist() == [129]
    # 35 >> 1 = 17, 42 >> 2 = 10; 27 * 3 = 81, / 4 = 20.25
    other = v3.QuantizedAdd(0, 0, 0, 0, 1, -3, 5, 1, 2, 7, 2, 100, 3, 2)
    assert compute(other, PC)(q(10), q(4)).tolist() == [120]
    # (0-3)*5 = -15, (0-9)*7 = -63: -78 >> 1 = -39; * 3 = -117; >> 1 is odd, so one below -30
    below = v3.QuantizedAdd(0, 0, 0, 0, 1, -3, 5, 1, -9, 7, 1, 100, 3, 2)
    assert compute(below, PC)(q(0), q(0)).tolist() == [69]


def test_sums_go_in_order() -> None:
    """1e8 + 1 is 1e8 in float32; and -0 alone is 0, as sums begin with 0."""
    layer = v3.GlobalAveragePool2d(1, 0, 0, 3, 2)
    y = compute(layer, PC)(f(1e8, 1, -1e8, -0.0, -0.0, -0.0))
    assert same(y, [0.0, 0.0])
    assert same(compute(layer, PC)(f(1, 1, 2, 1, 2, 2)), [F32(4) / F32(3), F32(5) / F32(3)])


IMAGE = [1, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(("act", "expected"), [
    (0, [1.0, 2.5, 5.5, 7.0]), (1, [1.0, 2.5, 5.5, 7.0]), (2, [1.0, 2.5, 5.5, 6.0]),
])  # fmt: skip
def test_average_pool(act: int, expected: list[float]) -> None:
    """2 x 2 windows of stride 2 over 3 x 3 with a pixel of padding: of 1, 2, 2 and 4 pixels."""
    layer = v3.AveragePool2d(1, 0, 0, 3, 3, 1, 2, 2, 1, 2, 2, 2, 2, 1, 1, v3.FusedActivation(act))
    assert compute(layer, PC)(f(*IMAGE)).reshape(-1).tolist() == expected


def test_max_pool_of_bytes() -> None:
    layer = v3.QuantizedMaxPool2d(0, 0, 0, 3, 3, 1, 2, 2, 1, 2, 2, 2, 2, 1, 1)
    assert compute(layer, PC)(q(*IMAGE)).reshape(-1).tolist() == [1, 3, 7, 9]


def test_quantize_of_version_3() -> None:
    layer = v3.Quantize(0, 0, 0, 8, 0.5, 1.0)
    y = compute(layer, PC)(f(1, 1.25, 1.75, 2.25, 0.75, 128.25, 1000, -1000))
    assert y.tolist() == [0, 1, 2, 3, 0, 255, 255, 0]
    third = v3.Quantize(0, 0, 0, 1, 3.0, 0.0)  # 1 / 3 is rounded first: 4.5 * that is above 1.5
    assert compute(third, PC)(f(4.5)).tolist() == [2]


@pytest.mark.parametrize("how", [PC, CHIP], ids=["pc", "chip"])
def test_dequantize_of_version_3(how: Arithmetic) -> None:
    scale, bias = 0.04671817645430565, -11.025489807128906  # as in the real file
    levels = np.arange(256, dtype=np.uint8)
    twice = [nearest(Fraction(float(F32(i) * F32(scale))) + Fraction(bias)) for i in range(256)]
    once = [fused(i, F32(scale), bias) for i in range(256)]
    y = compute(v3.Dequantize(1, 0, 0, 256, scale, bias), how)(levels)
    assert same(y, once if how.fused else twice)
    assert not same(once, twice)
    pairs = np.array([[scale, bias], [2.0, 1.0]], F32)
    two = compute(v3.ChannelwiseDequantize(1, 0, 0, 2, 128, pairs), how)(levels)
    assert same(two[0], y[:128])
    assert two[1].tolist() == [2 * i + 1 for i in range(128, 256)]


def test_tables() -> None:
    table = np.arange(255, -1, -1, dtype=np.uint8)
    assert compute(v3.Requantize(0, 0, 0, 3, table), PC)(q(0, 7, 255)).tolist() == [255, 248, 0]
    lookup = v4.TableLookup1d(*ranges(BYTES, BYTES, BYTES))
    assert compute(lookup, PC)(q(0, 7, 255), table).tolist() == [255, 248, 0]


def test_vectors_of_version_3() -> None:
    assert same(compute(v3.L2Normalization(1, 0, 0, 2), PC)(f(3, 4)), f(3, 4) * (F32(1) / F32(5)))
    least = F32(1) / np.sqrt(F32(1e-10))
    assert same(compute(v3.L2Normalization(1, 0, 0, 1), PC)(f(1e-8)), F32(1e-8) * least[None])
    with np.errstate(over="ignore"):
        assert compute(v3.Logistic(1, 0, 0, 3), PC)(f(0, 100, -100)).tolist() == [0.5, 1.0, 0.0]


def test_softmax_of_version_3_finds_no_negative_maximum() -> None:
    softmax = compute(v3.Softmax(1, 0, 0, 2), PC)
    y = softmax(f(3, 3))
    assert y.tolist() == [0.5, 0.5]
    with np.errstate(all="ignore"):
        assert np.isnan(softmax(f(-200, -200))).all()  # 0 / 0, where the maximum would give 0.5
    v4_softmax = v4.Softmax(*ranges(FLOATS, FLOATS), inner=2, outer=2, beta=2.0)
    y = compute(v4_softmax, PC)(f(-200, -200, 0, 1))
    assert y[0].tolist() == [0.5, 0.5]
    e = np.exp(F32(-2.0))
    assert abs(y[1, 0] - e / (e + 1)) < 1e-7


@pytest.mark.parametrize("how", [PC, CHIP], ids=["pc", "chip"])
def test_fully_connected(how: Arithmetic) -> None:
    rng = np.random.default_rng(1)
    w, b, x = (rng.normal(size=s).astype(F32) * 4 for s in ((3, 7), 3, 7))
    layer = v3.FullyConnected(1, 0, 0, 7, 3, v3.FusedActivation.RELU6, w, b)
    expected = []
    for o in range(3):
        total = F32(0)
        for i in range(7):
            total = fused(x[i], w[o, i], total) if how.fused else total + x[i] * w[o, i]
        expected.append(min(max(total + b[o], F32(0)), F32(6)))
    assert same(compute(layer, how)(x), expected)


def test_resizing() -> None:
    up = v3.ResizeNearestNeighbor(1, 0, 0, 2, 2, 1, 4, 3, 0)  # rows at 0, 2/3 and 4/3
    assert compute(up, PC)(f(1, 2, 3, 4))[0].tolist() == [
        [1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4],
    ]  # fmt: skip
    down = v3.QuantizedResizeNearestNeighbor(0, 0, 0, 3, 3, 1, 2, 2, 1)  # corners on corners
    assert compute(down, PC)(q(*IMAGE))[0].tolist() == [[1, 3], [7, 9]]
    args = {"shape": (1, 1, 2, 2), "oh": 3, "ow": 3, "unused": (0, 0, 0)}
    kinds = product((v4.ResizeMode.NEAREST, v4.ResizeMode.BILINEAR), (0, 1))
    found = {}
    for mode, aligned in kinds:
        layer = v4.ResizeImage(*ranges(FLOATS, FLOATS), mode=mode, align_corners=aligned, **args)
        found[mode, aligned] = compute(layer, PC)(f(0, 3, 6, 9))[0, 0]
    assert found[v4.ResizeMode.NEAREST, 0].tolist() == [[0, 0, 3], [0, 0, 3], [6, 6, 9]]
    assert found[v4.ResizeMode.NEAREST, 1].tolist() == [[0, 0, 3], [0, 0, 3], [6, 6, 9]]
    assert np.allclose(found[v4.ResizeMode.BILINEAR, 0], [[0, 2, 3], [4, 6, 7], [6, 8, 9]])
    assert found[v4.ResizeMode.BILINEAR, 1].tolist() == [[0, 1.5, 3], [3, 4.5, 6], [6, 7.5, 9]]


def test_remove_padding() -> None:
    y = compute(v3.K210RemovePadding(1, 0, 0, 2), PC)(np.arange(32, dtype=np.uint8))
    assert y.tolist() == [0, 16]


@pytest.mark.parametrize(("op", "expected"), [
    (0, [4.0, 5.0, 6.0]), (1, [-2.0, -1.0, 0.0]), (2, [3.0, 6.0, 6.0]), (4, [1.0, 2.0, 3.0]),
    (3, [F32(1) / F32(3), F32(2) / F32(3), 1.0]), (5, [3.0, 3.0, 3.0]),
])  # fmt: skip
def test_binary(op: int, expected: list[float]) -> None:
    """Broadcast, and clamped to -2 … 6."""
    shapes = ((1, 1, 1, 3), (1, 1, 1, 1), (1, 1, 1, 3))
    layer = v4.Binary(*ranges(FLOATS, FLOATS, FLOATS), v4.BinaryOp(op), *shapes, -2.0, 6.0)
    assert same(compute(layer, PC)(f(1, 2, 3), f(3))[0, 0, 0], expected)


@pytest.mark.parametrize(("op", "expected"), [
    # a: (0 - 3) * 3 = -9 and (10 - 3) * 3 = 21, halved, up: -4, 11; b: 8 - 5 = 3
    # then halved once more, up, and 10 added
    (v4.BinaryOp.ADD, [10, 17]),  # -1, 14
    (v4.BinaryOp.SUB, [7, 14]),  # -7, 8
    (v4.BinaryOp.MUL, [4, 27]),  # -12, 33
    (v4.BinaryOp.DIV, [10, 12]),  # (-4 + 1) / 3, (11 + 1) / 3, cut off
    (v4.BinaryOp.MIN, [8, 12]),  # -4, 3
    (v4.BinaryOp.MAX, [12, 16]),  # 3, 11
])  # fmt: skip
def test_quantized_binary(op: v4.BinaryOp, expected: list[int]) -> None:
    shapes = ((1, 1, 1, 2), (1, 1, 1, 1), (1, 1, 1, 2))
    layer = v4.QuantizedBinary(
        *ranges(BYTES, BYTES, BYTES), op, *shapes, -3, 3, 1, -5, 1, 0, 10, 1, 1
    )
    assert compute(layer, PC)(q(0, 10), q(8))[0, 0, 0].tolist() == expected


def test_division_is_cut_off_as_in_c() -> None:
    a = np.array([7, -7, 7, -7, 8, -8, 5], np.int64)
    b = np.array([2, 2, -2, -2, 3, 3, 0], np.int64)
    # (7+1)/2, (-7+1)/2, (7-1)/-2, (-7-1)/-2, (8+1)/3, (-8+1)/3
    assert divided(a, b).tolist() == [4, -3, -3, 4, 3, -2, -1]


def test_unary() -> None:
    x = f(-1.5, 0.25, 2.0)
    wanted = {
        "ABS": np.abs(x), "CEIL": f(-1, 1, 2), "FLOOR": f(-2, 0, 2), "NEG": -x, "SQUARE": x * x,
        "COS": np.cos(x.astype(float)), "SIN": np.sin(x.astype(float)),
        "EXP": np.exp(x.astype(float)), "LOG": np.log(np.abs(x).astype(float)),
        "RSQRT": f(F32(1) / np.sqrt(F32(1.5)), 2.0, F32(1) / np.sqrt(F32(2))),
    }  # fmt: skip
    for op in v4.UnaryOp:
        given = np.abs(x) if op.name in ("LOG", "RSQRT") else x
        y = compute(v4.Unary(*ranges(FLOATS, FLOATS), op), PC)(given)
        assert same(y, wanted[op.name].astype(F32)), op


def test_dequantize_of_version_4() -> None:
    layer = v4.Dequantize(*ranges(BYTES, FLOATS), zero_point=198, scale=13.165701866149902)
    levels = np.arange(256, dtype=np.uint8)
    inverse = F32(1) / F32(layer.scale)
    pc = [F32(i - 198) * inverse for i in range(256)]
    zero = F32(-198) / F32(layer.scale)
    chip = [fused(i, inverse, zero) for i in range(256)]
    assert same(compute(layer, PC)(levels), pc)
    assert same(compute(layer, CHIP)(levels), chip)


def test_quantize_of_version_4() -> None:
    """Halves go away from zero on a PC; on the chip to even, but for an odd last element."""
    layer = v4.Quantize(*ranges(FLOATS, BYTES), zero_point=10, scale=2.0)
    x = f(0.25, 0.75, 1.25, -0.25, -6.0, 300.0, 0.25)
    assert compute(layer, PC)(x).tolist() == [11, 12, 13, 10, 0, 255, 11]
    assert compute(layer, CHIP)(x).tolist() == [10, 12, 12, 10, 0, 255, 11]
    # 9.5 is 10 either way; 10.5 is 11, or 10


@pytest.mark.parametrize(("op", "expected"), [
    (0, [[(0.5 + 1 + 2 + 7 + 8) / 4], [(0.5 + 3 + 4 + 5 + 6) / 4]]),
    (1, [[0.5], [0.5]]), (2, [[8.0], [6.0]]), (3, [[18.5], [18.5]]),
])  # fmt: skip
def test_reduce(op: int, expected: list[list[float]]) -> None:
    """(1, 2, 2, 2) along the first and the last axis, from 0.5 on."""
    layer = v4.Reduce(*ranges(FLOATS, FLOATS), v4.ReduceOp(op), (2, 1, 2, 2), (1, 1, 2, 1), 0.5)
    x = f(1, 2, 3, 4, 7, 8, 5, 6)
    assert compute(layer, PC)(x).reshape(2, 1).tolist() == expected


def window(kind: type[Any], *values: Any, **changes: Any) -> Any:
    """A layer of 3 x 3 pixels with a kernel of 2 x 2, stride 2, one row and column before."""
    args = {
        "shape": (1, 1, 3, 3), "pad_h": (1, 0), "pad_w": (1, 0), "kh": 2, "kw": 2, "sh": 2,
        "sw": 2, "dh": 1, "dw": 1, "init": 0.0, "act_min": -np.inf, "act_max": np.inf,
    } | changes  # fmt: skip
    return kind(*values, **args)


@pytest.mark.parametrize(("op", "init", "expected"), [
    (0, 0.0, [1.0, 2.5, 5.5, 7.0]), (1, 9.0, [1.0, 2.0, 4.0, 5.0]),
    (2, 0.0, [1.0, 3.0, 7.0, 8.5]), (3, 1.0, [2.0, 6.0, 8.5, 8.5]),
])  # fmt: skip
def test_reduce_window(op: int, init: float, expected: list[float]) -> None:
    layer = window(v4.ReduceWindow2d, *ranges(FLOATS, FLOATS), v4.ReduceOp(op), init=init,
                   act_max=8.5)  # fmt: skip
    assert compute(layer, PC)(f(*IMAGE)).reshape(-1).tolist() == expected


def scalar_convolution(layer: v4.Conv2d | v4.QuantizedConv2d, x: Array, how: Arithmetic) -> Array:
    """Every output by loops over scalars."""
    p, (n, c, h, w) = layer, layer.shape
    oh, ow = v4.steps(h, p.pad_h, p.kh, p.sh, p.dh), v4.steps(w, p.pad_w, p.kw, p.sw, p.dw)
    ic, per = c // p.groups, p.oc // p.groups
    y = np.zeros((n, p.oc, oh, ow), object)
    for b, o, r, s in np.ndindex(*y.shape):
        total = p.bias[o] if isinstance(p, v4.Conv2d) else int(p.bias[o])
        for i, ky, kx in product(range(ic), range(p.kh), range(p.kw)):
            yy, xx = r * p.sh - p.pad_h[0] + ky * p.dh, s * p.sw - p.pad_w[0] + kx * p.dw
            if not (0 <= yy < h and 0 <= xx < w):
                continue
            v, k = x[b, o // per * ic + i, yy, xx], p.weights[o, i, ky, kx]
            if isinstance(p, v4.QuantizedConv2d):
                total += (int(v) + p.in_offset) * (int(k) + p.w_offset)
            else:
                total = fused(v, k, total) if how.fused else total + v * k
        if isinstance(p, v4.QuantizedConv2d):
            total = (total * p.mul + (1 << p.shift >> 1) >> p.shift) + p.out_offset
            y[b, o, r, s] = min(255, max(0, total))
        else:
            y[b, o, r, s] = min(max(total, F32(p.act_min)), F32(p.act_max))
    return y


SHAPES = (
    {"shape": (1, 4, 5, 6), "groups": 1, "oc": 2, "pad_h": (1, 1), "pad_w": (0, 2), "kh": 3,
     "kw": 2, "sh": 1, "sw": 2, "dh": 1, "dw": 2},
    {"shape": (2, 4, 4, 4), "groups": 2, "oc": 6, "pad_h": (0, 0), "pad_w": (1, 0), "kh": 1,
     "kw": 3, "sh": 2, "sw": 1, "dh": 1, "dw": 1},
    {"shape": (1, 3, 4, 5), "groups": 3, "oc": 3, "pad_h": (1, 1), "pad_w": (1, 1), "kh": 3,
     "kw": 3, "sh": 1, "sw": 1, "dh": 1, "dw": 1},
)  # fmt: skip


@pytest.mark.parametrize("how", [PC, CHIP], ids=["pc", "chip"])
@pytest.mark.parametrize("shape", SHAPES, ids=["strides", "groups", "depthwise"])
def test_convolutions_of_version_4(shape: dict[str, Any], how: Arithmetic) -> None:
    rng = np.random.default_rng(2)
    kernel = (shape["oc"], shape["shape"][1] // shape["groups"], shape["kh"], shape["kw"])
    w, b = rng.normal(size=kernel).astype(F32), rng.normal(size=shape["oc"]).astype(F32)
    x = rng.normal(size=shape["shape"]).astype(F32)
    layer = v4.Conv2d(*ranges(FLOATS, FLOATS), **shape, act_min=-1.0, act_max=2.0, weights=w,
                      bias=b)  # fmt: skip
    expected = scalar_convolution(layer, x, how).astype(F32)
    assert same(compute(layer, how)(x.reshape(-1)).reshape(expected.shape), expected)
    bytes_ = rng.integers(0, 256, shape["shape"]).astype(np.uint8)
    quantized = v4.QuantizedConv2d(
        *ranges(BYTES, BYTES), **shape, in_offset=-100, w_offset=-120, mul=1 << 20, shift=29,
        out_offset=99, bias=rng.integers(-999, 999, shape["oc"]).astype(np.int32),
        weights=rng.integers(0, 256, kernel).astype(np.uint8),
    )  # fmt: skip
    expected = scalar_convolution(quantized, bytes_, how).astype(np.uint8)
    y = compute(quantized, how)(bytes_.reshape(-1)).reshape(expected.shape)
    assert (y == expected).all()
    assert len(np.unique(y)) > 20


@pytest.mark.parametrize("how", [PC, CHIP], ids=["pc", "chip"])
def test_matrices_of_version_4(how: Arithmetic) -> None:
    rng = np.random.default_rng(3)
    a, b, bias = (rng.normal(size=s).astype(F32) for s in ((2, 5), (5, 3), 3))
    layer = v4.Matmul(*ranges(FLOATS, FLOATS, FLOATS), 2, 5, 3, -np.inf, 1.0, bias)
    expected = np.empty((2, 3), F32)
    for i, j in np.ndindex(2, 3):
        total = bias[j]
        for k in range(5):
            total = fused(a[i, k], b[k, j], total) if how.fused else total + a[i, k] * b[k, j]
        expected[i, j] = min(total, F32(1))
    assert same(compute(layer, how)(a.reshape(-1), b.reshape(-1)), expected)
    # (2-1)*(4-3) + (5-1)*(9-3) = 25, + 7: 32 * 3 = 96, + 4 >> 3 = 12; + 200
    product_ = v4.QuantizedMatmul(*ranges(BYTES, BYTES, BYTES), 1, 2, 1, -1, -3, 3, 3, 200,
                                  np.array([7], np.int32))  # fmt: skip
    assert compute(product_, how)(q(2, 5), q(4, 9)).tolist() == [[212]]


def test_values_elsewhere() -> None:
    """Pads that crop too, orders of axes, slices to both sides, parts side by side."""
    x = f(*range(6))
    pads = ((0, 0), (0, 0), (1, -1), (-1, 1))
    value = int(F32(9.5).view(np.uint32))
    pad = v4.Pad(*ranges(FLOATS, FLOATS), (1, 1, 2, 3), pads, FLOATS, value)
    assert compute(pad, PC)(x)[0, 0].tolist() == [[9.5] * 3, [1, 2, 9.5]]
    bytes_ = v4.Pad(*ranges(BYTES, BYTES), (1, 1, 1, 2), ((0, 0),) * 3 + ((1, 0),), BYTES, 0x107)
    assert compute(bytes_, PC)(q(1, 2))[0, 0, 0].tolist() == [7, 1, 2]
    turned = v4.Transpose(*ranges(FLOATS, FLOATS), (1, 1, 2, 3), (0, 3, 1, 2))
    assert compute(turned, PC)(x).shape == (1, 3, 1, 2)
    assert compute(turned, PC)(x)[0, :, 0].tolist() == [[0, 3], [1, 4], [2, 5]]
    some = v4.StridedSlice(*ranges(FLOATS, FLOATS), (1, 1, 2, 3), (0, 0, 0, 2), (1, 1, 2, 0),
                           (1, 1, 1, -1), 0, 0, 0, 0, 0)  # fmt: skip
    assert compute(some, PC)(x)[0, 0].tolist() == [[2, 1], [5, 4]]
    open_ = v4.StridedSlice(*ranges(FLOATS, FLOATS), (1, 1, 2, 3), (0, 0, 1, 2), (1, 1, 2, 9),
                            (1, 1, 1, 2), 8, 8, 0, 0, 0)  # fmt: skip
    assert compute(open_, PC)(x)[0, 0].tolist() == [[3, 5]]
    parts = (*ranges(FLOATS), *ranges(FLOATS))
    joined = v4.Concat(*ranges(FLOATS), 4, 2, parts, (2, 1))
    assert compute(joined, PC)(f(1, 2, 3, 4), f(5, 6)).tolist() == [1, 2, 5, 3, 4, 6]
    assert compute(v4.MemoryCopy(*ranges(BYTES, BYTES)), PC)(q(3, 4)).tolist() == [3, 4]
