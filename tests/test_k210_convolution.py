"""KPU convolutions of float and of quantised parameters: how near their bytes are."""

from __future__ import annotations

import numpy as np
import pytest

from ascua import fixed, kmodel
from ascua.ir import Array
from ascua.kmodel import Conv, Layout, v3
from ascua.kpu.convolution import Convolution
from ascua.kpu.rounding import Rounding
from ascua.targets.k210 import curves
from ascua.targets.k210.block import Affine, Block
from ascua.targets.k210.convolution import convolution, exact


def random_layer(seed: int, *, taps: int = 8) -> tuple[Array, Array, Affine, bool]:
    """Weights and bias of a layer whose channels have scales far apart, its input, and its kind."""
    rng = np.random.default_rng(seed)
    depthwise, k = bool(rng.integers(2)), int(rng.choice([1, 3]))
    shape = (8, 1 if depthwise else taps, k, k)
    w = rng.normal(size=shape) * np.exp(rng.normal(size=(8, 1, 1, 1))) / np.sqrt(taps * k * k)
    return w, rng.normal(size=8), Affine.of(*np.sort(rng.uniform(-3, 3, 2))), depthwise


def sums(w: Array, x: Array, *, depthwise: bool) -> Array:
    """The convolution of x (c, h, w), of which 0 is outside; in the type of both."""
    k = w.shape[2]
    padded = np.pad(x, [(0, 0), (k // 2, k // 2), (k // 2, k // 2)])
    total = np.zeros((len(w), *x.shape[1:]), np.result_type(w, x))
    for i, j in np.ndindex(k, k):
        tap = padded[:, i : i + x.shape[1], j : j + x.shape[2]]
        own = w[:, 0, i, j, None, None] * tap if depthwise else np.tensordot(w[:, :, i, j], tap, 1)
        total += own
    return total


def run(block: Block, x: Array, rounding: Rounding) -> Array:
    """The KPU's output for x uint8 (c, h, w)."""
    conv = block.conv(Layout(x.shape[2], x.shape[1], block.ic), 0, 10_000)
    return Convolution.of(conv, rounding)(x).astype(np.int64)


def on_grid(w: Array, bits: int) -> Array:
    """Weights of as few bits as a channel of the KPU holds without loss."""
    zero = {8: 128, 16: 32768}[bits]
    flat = w.reshape(len(w), -1)
    scale = np.maximum(flat.max(axis=1) / (zero - 1), flat.min(axis=1) / -zero)
    scale = scale[:, None, None, None]
    return np.rint(w / scale) * scale


BOTH: tuple[Rounding, ...] = ("half-up", "half-even")
ACTIVATIONS = [
    (curves.LINEAR, -3.0, 3.0), (curves.RELU, 0.0, 5.0), (curves.RELU6, 0.0, 6.0),
    (curves.leaky_relu(0.1), -1.0, 6.0), (curves.HARD_SWISH, -0.375, 6.0),
    (curves.SIGMOID, 0.0, 1.0), (curves.elu(), -1.0, 4.0),
    (curves.Curve("negated", lambda z: -z), -3.0, 3.0),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("bits", [8, 16])
def test_bytes_are_within_a_step_of_the_float_convolution(seed: int, bits: int) -> None:
    """But for the activation's own error where that is more, and rounded weights."""
    w, bias, x, depthwise = random_layer(seed)
    curve, low, high = ACTIVATIONS[seed % len(ACTIVATIONS)]
    y = Affine.of(low, high)
    w = on_grid(w, 8)
    block = convolution(w, bias, x, y, curve, depthwise=depthwise, bits=bits)
    assert block.weights.dtype == {8: np.uint8, 16: np.uint16}[bits]
    q = np.random.default_rng(seed).integers(0, 256, (8, 7, 9)).astype(np.uint8)
    real = sums(w, x.real(q), depthwise=depthwise) + bias[:, None, None]
    wanted = np.clip(curve.steps(real / y.scale, y), 0, 255)
    for rounding in BOTH:
        error = np.abs(run(block, q, rounding) - wanted).max()
        assert error <= max(1.0, block.error + (0.02 if bits == 8 else 0.1)), (curve.name, error)
        if curve.name in ("linear", "relu", "relu6", "negated") and bits == 8:
            assert error <= 0.51, curve.name


def t_extremes(block: Block) -> tuple[int, int]:
    """The least and the greatest t of any input, from the registers, in unbounded integers."""
    found = []
    for o in range(block.oc):
        w = [int(v) for v in block.weights[o].ravel()]
        n = 1 if block.depthwise else block.ic
        for high in (True, False):
            x = [255 if (v > block.weights_zero) == high else 0 for v in w]
            acc = sum(a * b for a, b in zip(x, w, strict=True))
            acc += ((block.arg_x * sum(x)) >> block.shr_x) + ((block.arg_w * sum(w)) >> block.shr_w)
            acc += block.arg_add * n
            norms = block.norms
            assert abs(acc * int(norms.mul[o])) < 2**63
            found.append(((acc * int(norms.mul[o])) >> int(norms.shift[o])) + int(norms.add[o]))
    return min(found), max(found)


HUGE = {
    "plain": (1.0, 1.0), "huge weights": (1e9, 1.0), "tiny weights": (1e-9, 1.0),
    "huge bias": (1.0, 1e12), "both": (1e12, -1e12), "vanishing": (1e-42, 1e-42),
}  # fmt: skip


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("case", HUGE)
def test_no_input_overflows_any_field(case: str, bits: int) -> None:
    of_weights, of_bias = HUGE[case]
    rng = np.random.default_rng(3)
    w = rng.normal(size=(6, 64, 3, 3))
    bias = rng.normal(size=6)
    w[1] *= of_weights
    bias[1] *= of_bias
    w[4] = 0
    for curve, low, high in ACTIVATIONS[:4]:
        block = convolution(w, bias, Affine.of(-1, 5), Affine.of(low, high), curve, bits=bits)
        least, most = t_extremes(block)
        assert -(2**35) <= least <= most < 2**35
        norms = block.norms
        assert np.abs(norms.mul).max() < 2**23
        assert np.abs(norms.add).max() < 2**31
        assert norms.shift.max() <= 15
        conv = block.conv(Layout(8, 8, 64), 0, 1000)
        kmodel.write(one_layer(conv, bits))


def one_layer(conv: Conv, bits: int) -> kmodel.Kmodel:
    """A V3 file with this layer alone, whose fields the writer refuses where they have no room."""
    layer = v3.K210Conv(1, 0, conv)
    inputs = (kmodel.Port(conv.source, (1, conv.ic, 8, 8)),)
    return kmodel.Kmodel("test", 3, 1 << 16, inputs, layer.writes[1:], (layer,), weight_bits=bits)


def test_a_channel_of_any_size_leaves_the_others_alone() -> None:
    """Where it saturates it still does, and a channel of zeros gives its bias."""
    w, bias, x, _ = np.ones((4, 8, 1, 1)), np.array([0.5, -1.0, 2.0, 2.5]), Affine.of(0, 4), None
    w[0] *= np.linspace(-1, 1, 8)[:, None, None]
    w[1] *= 1e15
    w[2] *= 1e-15
    w[3] = 0
    y = Affine.of(0.0, 6.0)
    q = np.random.default_rng(0).integers(0, 256, (8, 6, 6)).astype(np.uint8)
    block = convolution(on_grid(w[:1], 8), bias[:1], x, y, curves.RELU6)
    every = convolution(np.vstack([on_grid(w[:1], 8), w[1:]]), bias, x, y, curves.RELU6)
    got = run(every, q, "half-up")
    assert (got[1:] == np.array([255, 85, round(2.5 * 255 / 6)])[:, None, None]).all()
    assert np.abs(got[0] - run(block, q, "half-up")[0]).max() <= 1
    real = sums(on_grid(w[:1], 8), x.real(q), depthwise=False)[0] + 0.5
    assert np.abs(got[0] - np.clip(real / y.scale, 0, 255)).max() <= 0.52


def test_weights_of_8_bits_use_both_ends() -> None:
    w = np.array([[-1.0, 0.5], [1.0, -0.5], [-1e-3, 1e-3], [0, 0]]).reshape(4, 2, 1, 1)
    block = convolution(w, np.zeros(4), Affine(1, 7), Affine(1, 0), curves.RELU)
    assert block.weights[:, :, 0, 0].tolist() == [[0, 192], [255, 64], [1, 255], [128, 128]]
    assert (block.weights_zero, block.x_zero, block.pad_value) == (128, 7, 7)
    assert block.arg_add == 128 * 7


# Quantised layers, as TFLite computes them


def quantized(seed: int, *, uint8: bool) -> tuple[Array, Array, Affine, Array, int, Array, Array]:
    """Weights, scales, input's meaning, bias, the weights' zero, an input, the exact sums."""
    rng = np.random.default_rng(seed)
    w, _, _, depthwise = random_layer(seed, taps=16)
    size = np.abs(w).max(axis=(1, 2, 3), keepdims=True)
    w = np.rint(127 * w / size).astype(np.int64)
    zero = int(rng.integers(100, 156)) if uint8 else 128
    stored = np.clip(w + zero, 0, 255).astype(np.uint8) if uint8 else w.astype(np.int8)
    w = stored.astype(np.int64) - (zero if uint8 else 0)
    scales = np.exp(rng.normal(size=1 if uint8 else 8)) / 100
    x = Affine(float(np.exp(rng.normal())) / 50, int(rng.integers(256)))
    q = rng.integers(0, 256, (8 if depthwise else 16, 12, 12)).astype(np.uint8)
    total = sums(w, q.astype(np.int64) - x.zero, depthwise=depthwise)
    bias = np.rint(rng.normal(size=8) * total.std()).astype(np.int32)
    return stored, scales, x, bias, zero, q, total + bias[:, None, None]


def tflite_bytes(total: Array, factors: Array, y: Affine, top: float | None, least: int) -> Array:
    """TFLite's requantisation of sums (oc, h, w), clamped from `least` to the byte of `top`."""
    parts = np.array([fixed.quantize_multiplier(f) for f in factors.tolist()])[:, :, None, None]
    q = fixed.multiply_by_quantized_multiplier(total, parts[:, 0], parts[:, 1]) + y.zero
    return np.clip(q, least, 255 if top is None else min(255, round(top / y.scale) + y.zero))


@pytest.mark.parametrize("uint8", [False, True])
def test_quantised_layers_differ_in_few_bytes(uint8: bool) -> None:
    differ, count = (
        {"linear": 0, "relu": 0, "relu6": 0},
        dict.fromkeys(("linear", "relu", "relu6"), 0),
    )
    for seed in range(36):
        w, scales, x, bias, zero, q, total = quantized(seed, uint8=uint8)
        factors = np.broadcast_to(x.scale * scales, 8)
        low, high = np.percentile(total * factors[:, None, None], [2, 98]).tolist()
        curve, low, high, top = [
            (curves.LINEAR, low, high, None), (curves.RELU, 0.0, high, None),
            (curves.RELU6, 0.0, 6.0, 6.0),
        ][seed % 3]  # fmt: skip
        y = Affine.of(low, high)
        wanted = tflite_bytes(
            total, factors / y.scale, y, top, 0 if top is None and low < 0 else y.zero
        )
        block = exact(
            w, scales, bias, x, y, curve, zero=zero, depthwise=len(q) == 8 and w.shape[1] == 1
        )
        assert (
            block.weights.astype(int) - block.weights_zero == w.astype(int) - zero * uint8
        ).all()
        for rounding in BOTH:
            wrong = np.abs(run(block, q, rounding) - wanted)
            assert wrong.max() <= 1
            differ[curve.name] += int((wrong > 0).sum())
            count[curve.name] += wrong.size
    share = {name: differ[name] / count[name] for name in count}
    assert share["relu"] < 2e-4 > share["relu6"], share
    assert share["linear"] < 5e-3, share


def test_a_layer_that_rounds_once_is_told_so() -> None:
    """TFLite's uint8 fully connected layer does."""
    w = np.array([[1]], np.int8).reshape(1, 1, 1, 1)
    layer = w, np.array([1.0]), np.array([0], np.int32), Affine(1.0, 0)
    q = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    y = Affine(2.0 + 2.0**-20, 0)
    once = run(exact(*layer, y, curves.RELU, twice=False), q, "half-up")
    twice = run(exact(*layer, y, curves.RELU), q, "half-up")
    assert once.ravel()[:4].tolist() == [0, 0, 1, 1]
    assert twice.ravel()[:4].tolist() == [0, 1, 1, 2]
