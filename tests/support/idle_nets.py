"""Small networks with channels that can go, and whether they are the same without them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ascua import tflite
from ascua.geometry import Padding, axis
from ascua.ir import Array, Graph, Tensor
from ascua.ops.add import Add
from ascua.ops.conv2d import Conv2D
from ascua.ops.depthwise_conv2d import DepthwiseConv2D
from ascua.ops.fully_connected import FullyConnected
from ascua.ops.reshape import Reshape
from ascua.passes import Optimized, optimize, prepare
from ascua.passes.names import bare
from tests.fuzz import idle, oracle
from tests.support import activation, constant


def small_file(graph: Graph) -> bytes:
    """What `ascua optimize` writes of a graph."""
    return tflite.write(bare(optimize(prepare(graph)).graph), small=True)


def differing(graphs: Sequence[Graph], samples: int = 9, seed: int = 1) -> list[str]:
    """The names of those whose files give other outputs on tflite-micro, once they are small.

    What tflite-micro refuses before and after counts as equal; what only one is refused of, not.
    """
    xs = [idle.extremes(g, samples, seed) for g in graphs]
    before = oracle.outputs([tflite.write(g) for g in graphs], xs)
    after = oracle.outputs([small_file(g) for g in graphs], xs)
    return [g.name for g, a, b in zip(graphs, before, after, strict=True) if not equal(a, b)]


def equal(a: oracle.Answer, b: oracle.Answer) -> bool:
    """Whether two answers are the same bytes, or both refusals."""
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    pairs = zip(a, b, strict=True)
    return all(np.array_equal(x.view(np.uint8), y.view(np.uint8)) for x, y in pairs)


def smaller(graph: Graph) -> Optimized:
    """The graph with less, once its outputs are those of before on tflite-micro."""
    assert differing([graph]) == []
    return optimize(prepare(graph))


def channels(found: Optimized, name: str) -> list[int]:
    """The channels that stayed of the tensor with this name; none where it went."""
    for origin in found.origins.values():
        if origin.tensor.name == name:
            return list(origin.channels or range(origin.tensor.shape[-1]))
    return []


def image(c: int = 3, name: str = "x", size: int = 5) -> Tensor:
    """An input (1, size, size, c) with a zero point that is not 0."""
    return activation(name, (1, size, size, c), 0.05, -11)


def conv(
    x: Tensor, w: Array, b: Sequence[int] | None, name: str = "a", *, zero: int = -128,
    stride: int = 1, dilation: int = 1, padding: Padding = "SAME",
) -> Conv2D:  # fmt: skip
    """A convolution with a RELU; weights [oc][kh][kw][ic]."""
    held = constant(f"{name}/w", w.astype(np.int8), [0.004] * len(w))
    bias = () if b is None else (constant(f"{name}/b", np.array(b, np.int32)),)
    sides = [axis(x.shape[i], w.shape[i], stride, dilation, padding).out for i in (1, 2)]
    y = activation(name, (1, *sides, len(w)), 0.03, zero)
    steps = (stride, stride), (dilation, dilation)
    return Conv2D((x, held, *bias), (y,), *steps, padding, "RELU")


def depthwise(
    x: Tensor, w: Array, b: Sequence[int], name: str, multiplier: int = 1
) -> DepthwiseConv2D:
    """A depthwise convolution with a RELU, SAME padding; weights [1][kh][kw][oc]."""
    held = constant(f"{name}/w", w.astype(np.int8), [0.02] * w.shape[3], 3)
    y = activation(name, (*x.shape[:3], w.shape[3]), 0.03, -128)
    bias = constant(f"{name}/b", np.array(b, np.int32))
    one = (1, 1)
    return DepthwiseConv2D((x, held, bias), (y,), one, one, "SAME", "RELU", multiplier)


def dense(x: Tensor, w: Array, name: str = "y") -> FullyConnected:
    """A fully connected layer without a bias; weights [o][k]."""
    held = constant(f"{name}/w", w.astype(np.int8), [0.004])
    y = activation(name, (x.size // w.shape[1], len(w)), 0.1, 3)
    return FullyConnected((x, held, None), (y,), False, "NONE")


def weights(*shape: int, seed: int = 1, most: int = 60) -> Array:
    """Random int8 weights, none of them 0."""
    w = np.random.default_rng(seed).integers(1, most + 1, shape)
    return w * np.random.default_rng(seed + 1).choice([-1, 1], shape)


def added(a: Tensor, b: Tensor, name: str = "sum") -> Add:
    """Their sum."""
    return Add((a, b), (activation(name, a.shape, 0.06, -128),), "NONE")


def flat(x: Tensor, name: str = "flat") -> Reshape:
    """Its values as one row."""
    y = activation(name, (1, x.size), x.q.scale, x.q.zero_point)
    return Reshape((x,), (y,), (1, x.size))
