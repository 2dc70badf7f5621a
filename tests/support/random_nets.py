"""Random networks as people draw them: stem, blocks, head; quantised with random weights."""

from __future__ import annotations

from random import Random

import numpy as np

from ascua.ir import Graph, Tensor
from ascua.ops.average_pool2d import AveragePool2D
from ascua.quantize import quantize
from tests.support.float_nets import Net

LEAST, MOST = 100_000, 3_000_000
"""Multiply-accumulates."""
WEIGHTS, BYTES = 150_000, 40_000
"""Of all weights, and of one tensor, at most."""
WIDTHS = (8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128)


def random_net(seed: object) -> Graph:
    """An int8 network of that seed, of 100,000 multiply-accumulates or more."""
    rng = Random(f"net {seed}")
    while True:
        graph = _drawn(rng)
        macs = sum(op.macs() for op in graph.ops)
        tensors = [t for t in graph.tensors() if not t.const]
        weights = sum(t.size for t in graph.tensors() if t.const)
        large = max(t.size for t in tensors)
        if LEAST <= macs <= MOST and weights <= WEIGHTS and large <= BYTES:
            xs = np.random.default_rng(rng.randrange(2**32)).random((4, *graph.inputs[0].shape))
            return quantize(graph, [(2 * xs - 1).astype(np.float32)])


def _drawn(rng: Random) -> Graph:
    high = rng.choice((8, 12, 16, 20, 24, 25, 32, 40, 48, 49, 64))
    wide = rng.choice((high, high, high, rng.choice((4, 10, 16, 32))))
    net = Net((high, wide, rng.choice((1, 1, 3, 3, 6))), rng.randrange(2**32))
    act = rng.choice(("RELU", "RELU6"))
    kernel = rng.choice((3, 3, 3, 5, 7, (10, 4), (3, 1)))
    x = net.conv(net.input, rng.choice(WIDTHS[:8]), kernel, rng.choice((1, 2)), act=act)
    for _ in range(rng.randint(1, 6)):
        x = rng.choice(BLOCKS)(net, x, rng, act)
    x = rng.choice(ENDS)(net, x)
    if rng.random() < 0.3:
        x = net.dense(x, rng.choice((16, 32, 64, 100)), act)
    x = net.dense(x, rng.choice((2, 3, 4, 10, 12, 100)))
    return net.graph(rng.choice((net.softmax, net.softmax, net.logistic, lambda t: t))(x))


def _width(x: Tensor, rng: Random) -> int:
    return rng.choice([w for w in WIDTHS if w <= 2 * x.shape[3]] or [8])


def _stride(x: Tensor, rng: Random) -> int:
    return rng.choice((1, 1, 2)) if min(x.shape[1:3]) >= 4 else 1


def _plain(net: Net, x: Tensor, rng: Random, act: str) -> Tensor:
    k = rng.choice((1, 3, 3, 3, 5, (3, 1)))
    return net.conv(x, _width(x, rng), k, _stride(x, rng), act=act)


def _separable(net: Net, x: Tensor, rng: Random, act: str) -> Tensor:
    x = net.conv(x, 0, rng.choice((3, 3, 3, 5)), _stride(x, rng), act=act)
    return net.conv(x, _width(x, rng), 1, act=act)


def _inverted(net: Net, x: Tensor, rng: Random, act: str) -> Tensor:
    y = net.conv(x, rng.choice((2, 3, 6)) * x.shape[3], 1, act=act)
    y = net.conv(net.conv(y, 0, act=act), x.shape[3], 1, act="NONE")
    return net.add(x, y)


def _residual(net: Net, x: Tensor, rng: Random, act: str) -> Tensor:
    oc, stride = _width(x, rng), _stride(x, rng)
    y = net.conv(net.conv(x, oc, 3, stride, act=act), oc, 3, act="NONE")
    if stride > 1 or oc != x.shape[3]:
        x = net.conv(x, oc, 1, stride, act="NONE")
    return net.add(x, y, act)


def _fire(net: Net, x: Tensor, rng: Random, act: str) -> Tensor:
    s, e = net.conv(x, rng.choice((4, 8, 16)), 1, act=act), rng.choice((8, 16, 32))
    return net.concat(net.conv(s, e, 1, act=act), net.conv(s, e, 3, act=act))


def _pooled(net: Net, x: Tensor, rng: Random, act: str) -> Tensor:  # noqa: ARG001
    if min(x.shape[1:3]) < 4:
        return x
    k, padding = rng.choice((2, 2, 3)), rng.choice(("VALID", "SAME"))
    if rng.random() < 0.7:
        return net.pool(x, k, 2, padding)
    return net.pool(x, k, 2, padding, AveragePool2D)


BLOCKS = (_plain, _separable, _separable, _inverted, _residual, _fire, _pooled)
ENDS = (
    lambda net, x: net.mean(x),
    lambda net, x: net.flat(x),
    lambda net, x: net.flat(
        net.average(x, x.shape[1], 1) if x.shape[1] == x.shape[2] else net.pool(x, 1, 1)
    ),
)
