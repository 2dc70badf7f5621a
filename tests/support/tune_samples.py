"""Operators of many shapes, whose costs on a core are measured: as they are in small networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ascua.ir import Graph
from ascua.ops.add import Add
from ascua.ops.average_pool2d import AveragePool2D
from ascua.ops.max_pool2d import MaxPool2D
from ascua.ops.mul import Mul
from ascua.ops.quantize import Quantize
from tests.ops.test_add import binary
from tests.ops.test_conv2d import conv
from tests.ops.test_depthwise_conv2d import depthwise
from tests.ops.test_fully_connected import dense
from tests.ops.test_mean import mean
from tests.ops.test_quantize import quantize
from tests.ops.test_softmax import softmax
from tests.ops.test_transpose_conv import transpose_conv
from tests.support import activation, as_int4, int16, network
from tests.support.pools import pool
from tests.support.random_nets import random_net
from tests.support.unsigned import as_uint8
from tests.support.wide import widened

MOST = 400_000
"""Multiply-accumulates of a sample."""
CHANNELS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128)
SIDES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 16, 20, 24, 25, 32, 48)
BYTES = 40_000
"""Of an image, at most."""


USUAL = ((1, 1), (1, 1), (3, 3), (3, 3), (5, 5), (10, 4), (3, 1), (1, 7))
UNUSUAL = ((2, 2), (4, 4), (7, 7), (7, 3), (15, 3), (10, 2), (2, 5), (6, 1), (8, 20), (10, 4))
"""Rows and columns of filters."""


def _conv(rng: Random, filters: Sequence[tuple[int, int]] = USUAL) -> Graph:
    while True:
        kh, kw = rng.choice(filters)
        ih, ic, oc = rng.choice(SIDES), rng.choice(CHANNELS), rng.choice(CHANNELS)
        iw, stride = max(1, ih + rng.choice((0, 0, 1, -2))), rng.choice((1, 1, 1, 2))
        macs = ih * iw * ic * oc * kh * kw // stride**2
        if macs <= MOST and ih * iw * max(ic, oc) <= BYTES and macs >= 2000:
            return conv(
                ih=ih, iw=iw, ic=ic, oc=oc, kh=kh, kw=kw, stride=(stride, stride),
                scale=0.03 / (kh * kw * ic) ** 0.5, act=rng.choice(("NONE", "RELU")),
                seed=rng.randrange(1000),
            )  # fmt: skip


def _winograd(rng: Random, stride: int = 1) -> Graph:
    while True:
        ih, ic, oc = rng.choice(SIDES[2:]), rng.choice(CHANNELS), rng.choice(CHANNELS[1:])
        iw, macs = max(1, ih + rng.choice((0, 0, 1, -2))), 4 * MOST * stride**2
        if 5000 * stride**2 <= 9 * ih * iw * ic * oc <= macs and ih * iw * max(ic, oc) <= BYTES:
            return conv(
                ih=ih, iw=iw, ic=ic, oc=oc, scale=0.01 / ic**0.5, stride=(stride, stride),
                padding=rng.choice(("SAME", "SAME", "VALID")), act=rng.choice(("NONE", "RELU")),
                y_zero=rng.choice((-128, -128, 4)), seed=rng.randrange(1000),
            )  # fmt: skip


def _depthwise(rng: Random) -> Graph:
    while True:
        kh, kw = rng.choice(((3, 3), (3, 3), (3, 3), (5, 5), (3, 1), (10, 8)))
        ih, ic = rng.choice(SIDES), rng.choice(CHANNELS)
        iw, stride = max(1, ih + rng.choice((0, 0, 1, -2))), rng.choice((1, 1, 2))
        multiplier = rng.choice((1, 1, 1, 1, 2, 8)) if ic < 10 else 1
        macs = ih * iw * ic * multiplier * kh * kw // stride**2
        if 500 <= macs <= MOST and ih * iw * ic * multiplier <= BYTES:
            return depthwise(
                ih=ih, iw=iw, ic=ic, kh=kh, kw=kw, multiplier=multiplier, stride=(stride, stride),
                act=rng.choice(("NONE", "RELU")), seed=rng.randrange(1000),
            )  # fmt: skip


def _several(rng: Random) -> Graph:
    """Several outputs of a channel."""
    while True:
        kh, kw = rng.choice(((3, 3), (3, 3), (5, 5), (3, 1), (2, 2), (10, 8), (1, 5)))
        side, ic = rng.choice(SIDES), rng.choice((1, 1, 1, 2, 3, 4, 8))
        multiplier, stride = rng.choice((2, 3, 4, 8, 8, 12, 16)), rng.choice((1, 2))
        macs = side * side * ic * multiplier * kh * kw // stride**2
        if 500 <= macs <= MOST and side * side * ic * multiplier <= BYTES:
            return depthwise(
                ih=side, iw=max(1, side + rng.choice((0, -3))), ic=ic, kh=kh, kw=kw,
                multiplier=multiplier, stride=(stride, stride), act=rng.choice(("NONE", "RELU")),
                y_zero=rng.choice((-128, 4)), seed=rng.randrange(1000),
            )  # fmt: skip


def _dense(rng: Random) -> Graph:
    k, oc = (
        rng.choice((1, 2, 4, 8, 10, 16, 17, 64, 96, 100, 128, 256, 500, 640)),
        rng.choice(CHANNELS),
    )
    return dense(k=k, oc=oc, per_channel=rng.random() < 0.3, seed=rng.randrange(1000))


def _transposed(rng: Random) -> Graph:
    while True:
        side, ic, oc = rng.choice(SIDES[:12]), rng.choice(CHANNELS[:14]), rng.choice(CHANNELS[:14])
        k, stride = rng.choice((2, 3, 3, 4, 5)), rng.choice((1, 2, 2, 3))
        if 1000 <= side * side * ic * oc * k * k <= MOST:
            return transpose_conv(
                ih=side, iw=max(1, side + rng.choice((0, -1))), ic=ic, oc=oc, kh=k, kw=k,
                stride=(stride, stride), padding=rng.choice(("SAME", "VALID")),
                scale=0.03 / (k * k * ic) ** 0.5, seed=rng.randrange(1000),
            )  # fmt: skip


def _rescaled(rng: Random) -> Graph:
    shape = _image(rng)
    fine, coarse = int16("x", shape), activation("y", shape, rng.choice((0.05, 0.2)), 3)
    return network(Quantize(*rng.choice((((fine,), (coarse,)), ((coarse,), (fine,))))))


def _softmax(rng: Random) -> Graph:
    shape = rng.choice((1, 1, 5)), rng.choice((2, 3, 4, 10, 12, 100, 500, 1000))
    return softmax(shape, scale=rng.choice((0.02, 0.05, 0.1, 0.1, 0.2, 0.5)))


def _image(rng: Random) -> tuple[int, int, int, int]:
    while True:
        shape = 1, rng.choice(SIDES), rng.choice(SIDES), rng.choice(CHANNELS)
        if 20 <= shape[1] * shape[2] * shape[3] <= BYTES:
            return shape


def _pool(rng: Random) -> Graph:
    _, ih, iw, c = _image(rng)
    if rng.random() < 0.3:
        window, stride = (ih, iw), (ih, iw)
    else:
        side = rng.choice((2, 2, 3))
        window, stride = (side, side), rng.choice(((2, 2), (1, 1), (side, side)))
    return pool(rng.choice((AveragePool2D, MaxPool2D)), ih, iw, c, window, stride)


def _pair(rng: Random) -> Graph:
    shape = _image(rng)
    other = rng.choice((shape, shape, (1, 1, 1, shape[3])))
    return network(binary(rng.choice((Add, Mul)), shape, other))


def _residual(rng: Random) -> Graph:
    shape, fine = _image(rng), rng.uniform(0.01, 0.05)
    scales = fine, fine * rng.uniform(0.4, 2.5), fine * rng.uniform(1.0, 2.0)
    zeros = rng.randint(-20, 20), rng.randint(-20, 20), rng.choice((-128, 3))
    return network(binary(Add, shape, shape, scales=scales, zeros=zeros))


def _quantized(rng: Random) -> Graph:
    return network(quantize(_image(rng), rng.choice((1 / 255, 0.0078, 0.02)), -128))


SAMPLES: dict[str, Callable[[Random], Graph]] = {
    "conv": _conv,
    "conv, unusual": lambda rng: _conv(rng, UNUSUAL),
    "conv, 3x3": _winograd,
    "conv, 3x3, stride 2": lambda rng: _winograd(rng, 2),
    "conv, int4": lambda rng: as_int4(_conv(rng)),
    "conv, uint8": lambda rng: as_uint8(_conv(rng)),
    "conv, int16": lambda rng: widened(_conv(rng)),
    "depthwise": _depthwise,
    "depthwise, several": _several,
    "depthwise, int4": lambda rng: as_int4(_depthwise(rng)),
    "depthwise, uint8": lambda rng: as_uint8(_depthwise(rng)),
    "depthwise, int16": lambda rng: widened(_depthwise(rng)),
    "dense": _dense,
    "dense, tiny": lambda rng: dense(
        k=rng.randint(1, 16),
        oc=rng.randint(1, 16),
        y_zero=rng.choice((-128, 4)),
        per_channel=rng.random() < 0.3,
        seed=rng.randrange(1000),
    ),
    "dense, int4": lambda rng: as_int4(_dense(rng)),
    "dense, uint8": lambda rng: as_uint8(_dense(rng)),
    "dense, int16": lambda rng: widened(_dense(rng)),
    "transposed": _transposed,
    "transposed, uint8": lambda rng: as_uint8(_transposed(rng)),
    "transposed, int16": lambda rng: widened(_transposed(rng)),
    "pool": _pool,
    "pool, int16": lambda rng: widened(_pool(rng)),
    "pair": _pair,
    "pair, int16": lambda rng: widened(_pair(rng)),
    "residual": _residual,
    "quantize": _quantized,
    "quantize, int16": _rescaled,
    "softmax": _softmax,
    "mean": lambda rng: mean(_image(rng)),
    "network": lambda rng: random_net(f"tune {rng.random()}"),
}
"""By what they are."""
TIMES = {
    "conv": 3, "conv, 3x3": 3, "conv, 3x3, stride 2": 3, "conv, unusual": 3,
    "conv, int4": 2, "conv, uint8": 2,
    "depthwise": 3, "depthwise, several": 2, "dense": 2, "pool": 3, "pair": 2, "residual": 2,
    "softmax": 2, "network": 2,
}  # fmt: skip
"""As many samples of these as of the others."""
